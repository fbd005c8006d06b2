import { describe, expect, test } from 'vitest';
import { planGates } from '../../passes/plan-gates.js';
import type { Graph } from '../../src/ir/graph.js';
import { gatesOf } from '../../src/passkit/gates.js';
import type { Profile } from '../../src/runtime/profile/types.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { planned } from '../passkit/gating/same-as-mask.js';
import { randomNetwork } from './random/network.js';
import { eagerCosts, expectSameFunction, profileOfPatterns, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 60);
const start = Number(process.env.SWANC_SEED ?? 1);

/** Every gate fires in a few random patterns, which have nothing to do with what its score does on the inputs of the test. */
function randomProfile(graph: Graph, random: Random): Profile {
  const gates = gatesOf(graph).map(({ name, units }) => {
    const patterns = Array.from({ length: 1 + random.integer(5) }, () =>
      Array.from({ length: units }, (_, unit) => unit).filter(() => random.integer(3) === 0),
    );
    return [name, { units, patterns }] as const;
  });
  return profileOfPatterns(Object.fromEntries(gates));
}

describe('every plan keeps the function', () => {
  for (const batch of [1, 4]) {
    test(`of random networks, planned for a batch of ${batch}`, { timeout: 3_600_000 }, async () => {
      const seen = new Map<string, number>();
      for (let seed = start; seed < start + cases; seed++) {
        const random = seededRandom(seed);
        const { graph } = randomNetwork(seed, { size: 2 + (seed % 5) });
        const options = {
          profile: randomProfile(graph, random),
          costs: eagerCosts,
          batch,
          widths: { block: 1 + random.integer(4) },
        };
        const { regions } = await runPass(graph, [planGates], options);
        for (const { region, considered } of regions) {
          for (const { plan } of considered.slice(1)) {
            try {
              const result = await planned(graph, { [region]: plan }, options);
              for (const samples of [1, 5]) await expectSameFunction(graph, result.graph, { seed, samples });
              const strategy = plan.replace(/-[0-9x]+$/, '');
              seen.set(strategy, (seen.get(strategy) ?? 0) + 1);
            } catch (error) {
              throw new Error(`seed ${seed}, ${region}: ${plan}: ${error instanceof Error ? error.stack : error}`);
            }
          }
        }
      }
      expect(['gather', 'dispatch'].filter((strategy) => !seen.has(strategy))).toEqual([]);
    });
  }
});

import { describe, expect, test } from 'vitest';
import type { Graph } from '../../../src/ir/graph.js';
import { gatesOf } from '../../../src/passkit/gates.js';
import type { Profile } from '../../../src/runtime/profile/types.js';
import { type Random, seededRandom } from '../../../src/support/random.js';
import { randomGraph, recipeOf } from '../../passes/random/kinds.js';
import { randomNetwork } from '../../passes/random/network.js';
import { eagerCosts, expectSameFunction, profileOfPatterns } from '../../passes/support.js';
import { allPlans, plannedSome, shuffledPlans } from './same-as-mask.js';

const cases = Number(process.env.SWANC_CASES ?? 40);
const start = Number(process.env.SWANC_SEED ?? 1);
/** Sets of plans that are tried of one graph. */
const tries = 3;

/** Six events in which units fire by chance. */
function randomProfile(graph: Graph, random: Random): Profile {
  const gates = gatesOf(graph).map(({ name, units }) => {
    const all = Array.from({ length: units }, (_, unit) => unit);
    const event = (): number[] => all.filter(() => random.uniform() < 0.4);
    return [name, { units, patterns: Array.from({ length: 6 }, event) }] as const;
  });
  return profileOfPatterns(Object.fromEntries(gates));
}

async function check(seed: number): Promise<boolean> {
  const random = seededRandom(seed);
  const isNetwork = seed % 2 === 0;
  const { graph } = isNetwork ? randomNetwork(seed, { size: 3 + (seed % 5) }) : randomGraph(recipeOf(seed));
  if (gatesOf(graph).length === 0 || graph.outputs.length === 0) return false;
  const block = 1 + (seed % 2);
  const options = {
    profile: randomProfile(graph, random),
    batch: 1 + (seed % 3),
    costs: eagerCosts,
    widths: { block, multiple: block },
  };
  const plans = await allPlans(graph, options);
  if (plans.length === 0) return false;
  for (let count = 0; count < tries; count++) {
    // One plan for each region, the last that is drawn; plans that are in one another's way go without.
    const drawn = shuffledPlans(plans, random);
    const wanted = Object.fromEntries(drawn.map(({ region, plan }) => [region, plan]));
    try {
      const { graph: after } = await plannedSome(graph, wanted, options);
      for (const samples of [1, 3]) await expectSameFunction(graph, after, { seed, samples });
    } catch (error) {
      throw new Error(`${JSON.stringify(wanted)}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return true;
}

describe('plans for gates keep the function', () => {
  test('of random graphs, several plans together', { timeout: 3_600_000 }, async () => {
    let planned = 0;
    for (let seed = start; seed < start + cases; seed++) {
      try {
        if (await check(seed)) planned++;
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      }
    }
    expect(planned).toBeGreaterThan(cases / 8);
  });
});

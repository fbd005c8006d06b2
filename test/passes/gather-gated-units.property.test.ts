import { describe, expect, test } from 'vitest';
import { gatherGatedUnits } from '../../passes/gather-gated-units.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { randomNetwork } from './random/network.js';
import { expectSameFunction, fakeProfile, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 120);
const start = Number(process.env.SWANC_SEED ?? 1);
/** Prices at which gathering always pays. */
const costs = { operator: 0, gatheredByte: 0, gatheredRun: 0, flop: 1 };

describe('gathering the active units keeps the function', () => {
  test('of random networks, for batches of 1 and 5', { timeout: 3_600_000 }, async () => {
    let gathered = 0;
    for (let seed = start; seed < start + cases; seed++) {
      const { graph } = randomNetwork(seed, { size: 2 + (seed % 5) });
      const profile = fakeProfile(
        Object.fromEntries(gatesOf(graph).map(({ name, units }) => [name, Array.from({ length: units }, () => 1)])),
      );
      try {
        const result = await runPass(graph, [gatherGatedUnits], { profile, costs });
        if (!result.findings.some(({ done }) => done)) continue;
        gathered++;
        await expectSameFunction(graph, result.graph, { seed, samples: 1 });
        await expectSameFunction(graph, result.graph, { seed, samples: 5 });
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      }
    }
    expect(gathered).toBeGreaterThan(cases / 50);
  });
});

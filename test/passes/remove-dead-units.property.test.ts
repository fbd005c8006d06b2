import { describe, expect, test } from 'vitest';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { randomNetwork } from './random-network.js';
import { expectSameFunction, profileOf, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 120);
const start = Number(process.env.SWANC_SEED ?? 1);

describe('removing planted dead units keeps the function', () => {
  for (const staticBatch of [false, true]) {
    test(staticBatch ? 'with a batch of fixed size' : 'with a symbolic batch', { timeout: 3_600_000 }, async () => {
      let compared = 0;
      let removedUnits = 0;
      const failures: string[] = [];
      for (let seed = start; seed < start + cases / (staticBatch ? 4 : 1); seed++) {
        const { graph, dead } = randomNetwork(seed, { staticBatch });
        try {
          const result = await runPass(graph, [removeDeadUnits], { profile: profileOf(graph, dead) });
          removedUnits += result.removed.reduce((sum, { units }) => sum + units.length, 0);
          compared += await expectSameFunction(graph, result.graph, { seed });
        } catch (error) {
          failures.push(
            `seed ${seed}: ${error instanceof Error ? error.stack?.split('\n').slice(0, 4).join('\n') : error}`,
          );
          if (failures.length > 5) break;
        }
      }
      expect(failures.join('\n')).toBe('');
      expect(compared).toBeGreaterThan(0);
      expect(removedUnits).toBeGreaterThan(0);
    });
  }
});

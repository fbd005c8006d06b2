import { describe, expect, test } from 'vitest';
import { padWidths } from '../../passes/pad-widths.js';
import { randomNetwork } from './random/network.js';
import { eagerWidths, expectSameFunction, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 120);
const start = Number(process.env.SWANC_SEED ?? 1);

describe('padding widths keeps the function', () => {
  for (const multiple of [2, 3, 4]) {
    test(`to multiples of ${multiple}`, { timeout: 3_600_000 }, async () => {
      let compared = 0;
      let padded = 0;
      const failures: string[] = [];
      for (let seed = start; seed < start + cases / 3; seed++) {
        const { graph } = randomNetwork(seed, { channelsLast: seed % 4 === 0, staticBatch: seed % 4 === 1 });
        try {
          const result = await runPass(graph, [padWidths], { widths: eagerWidths(multiple) });
          padded += result.findings.filter(({ done }) => done).length;
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
      expect(padded).toBeGreaterThan(0);
    });
  }
});

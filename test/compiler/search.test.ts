import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchMost } from '../../src/compiler/budget/search.js';
import { at } from '../../src/support/assert.js';

/** Running sums of positive savings, from nothing on. */
const savings = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { maxLength: 200 }).map((list) => {
  const sums = [0];
  for (const saved of list) sums.push(at(sums, -1) + saved);
  return sums;
});

const grid = [0.25, 0.5, 0.75, 1];

describe('the search for the most items', () => {
  it('ends within a hundredth of the work of where the budget ends', async () => {
    await fc.assert(
      fc.asyncProperty(savings, fc.double({ min: 0, max: 1, noNaN: true }), async (reached, part) => {
        const most = Math.floor(part * (reached.length - 1));
        const found = await searchMost({ reached, grid, trials: 14, attempt: async (count) => count <= most });
        expect(found).toBeLessThanOrEqual(most);
        const next = at(reached, Math.min((found ?? 0) + 1, reached.length - 1));
        expect(at(reached, most) - next).toBeLessThanOrEqual(0.01 * at(reached, -1) + 1e-9);
      }),
    );
  });

  it('returns what was tried and kept within, however the loss goes, and tries no more than it may', async () => {
    await fc.assert(
      fc.asyncProperty(savings, fc.nat(), fc.integer({ min: 1, max: 14 }), async (reached, seed, trials) => {
        const tried = new Map<number, boolean>();
        const attempt = async (count: number): Promise<boolean> => {
          expect(tried.has(count)).toBe(false);
          tried.set(count, ((count * 7919 + seed) >> 3) % 2 === 0);
          return tried.get(count) === true;
        };
        const found = await searchMost({ reached, grid, trials, attempt });
        const within = [...tried].filter(([, isWithin]) => isWithin).map(([count]) => count);
        expect(found).toBe(within.length === 0 ? undefined : Math.max(...within));
        expect(tried.size).toBeLessThanOrEqual(trials);
        expect(tried.has(0)).toBe(true);
      }),
    );
  });
});

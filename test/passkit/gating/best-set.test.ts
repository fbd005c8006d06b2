import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestSet } from '../../../src/passkit/gating/best-set.js';

interface Item {
  readonly name: number;
  readonly weight: number;
}

const weightOf = (items: readonly Item[]): number => items.reduce((sum, { weight }) => sum + weight, 0);

describe('the heaviest set without clashes', () => {
  it('is found among all', () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 50 }), { maxLength: 9 })
      .chain((weights) =>
        fc.record({ weights: fc.constant(weights), clashes: fc.array(fc.tuple(fc.nat(8), fc.nat(8))) }),
      );
    fc.assert(
      fc.property(cases, ({ weights, clashes }) => {
        const items = weights.map((weight, name) => ({ name, weight }));
        const excludes = (left: Item, right: Item): boolean =>
          clashes.some(([a, b]) => (a === left.name && b === right.name) || (b === left.name && a === right.name));
        const isFree = (set: readonly Item[]): boolean =>
          set.every((item, index) => set.slice(index + 1).every((other) => !excludes(item, other)));
        const all = Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_, i) => (bits >> i) & 1));
        const best = bestSet(items, excludes);
        expect(isFree(best)).toBe(true);
        expect(weightOf(best)).toBe(Math.max(...all.filter(isFree).map(weightOf)));
      }),
    );
  });

  it('leaves out what weighs nothing', () => {
    expect(bestSet([{ weight: 0 }, { weight: -1 }, { weight: 2 }], () => false)).toEqual([{ weight: 2 }]);
  });

  it('of very many that clash is at least the greedy one', () => {
    const items = Array.from({ length: 200 }, (_, name) => ({ name, weight: 100 - (name % 7) }));
    const best = bestSet(items, (left, right) => Math.abs(left.name - right.name) < 3);
    expect(best.length).toBeGreaterThan(30);
  });
});

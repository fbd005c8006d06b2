import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WeightedPattern } from '../../../src/passkit/gating/firing/activity.js';
import { exactVariants, mostExactPatterns } from '../../../src/passkit/gating/variants/merge-exact.js';
import {
  expectedCost,
  type MergeOptions,
  mergePatterns,
  mergePatternsEach,
} from '../../../src/passkit/gating/variants/merge-patterns.js';
import { searchVariants } from '../../../src/passkit/gating/variants/merge-search.js';
import { at } from '../../../src/support/assert.js';
import { BitSet } from '../../../src/support/bit-set.js';
import { randomPatterns } from './patterns.js';

/** A cost that grows with the width, which is padded to a multiple. */
const options = (units: number, mostVariants: number, padding = 1, levelCost = 0): MergeOptions => ({
  live: BitSet.full(units),
  mostVariants,
  cost: ({ count }) => 2 + padding * Math.ceil(count / padding),
  levelCost,
});

/** The least expected cost of all variants of any units, in any order: for very few units. */
function bruteForce(patterns: readonly WeightedPattern[], given: MergeOptions): number {
  const units = given.live.universe;
  const sets = Array.from({ length: 2 ** units }, (_, bits) =>
    BitSet.of(
      units,
      given.live.members().filter((unit) => (bits >> unit) & 1),
    ),
  );
  let least = Infinity;
  const extend = (variants: readonly BitSet[]): void => {
    least = Math.min(least, expectedCost([...variants, given.live], patterns, given));
    if (variants.length + 1 < given.mostVariants) for (const set of sets) extend([...variants, set]);
  };
  extend([]);
  return least;
}

const settings = fc.record({
  seed: fc.nat(1e6),
  modes: fc.nat(4),
  noise: fc.double({ min: 0.02, max: 0.3, noNaN: true }),
  density: fc.constantFrom(0.15, 0.3, 0.5),
  padding: fc.constantFrom(1, 2, 4, 16),
  levelCost: fc.constantFrom(0, 0.3, 1, 4),
});

describe('merging of firing patterns', () => {
  it('is optimal for few patterns, as trying all variants in all orders shows', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 3 }), (given, events, most) => {
        const units = 4;
        const patterns = randomPatterns({ ...given, events, units });
        const problem = options(units, most, Math.min(2, given.padding), given.levelCost);
        expect(patterns.length).toBeLessThanOrEqual(mostExactPatterns);
        const { expectedCost: found } = mergePatterns(patterns, problem);
        expect(found).toBeCloseTo(bruteForce(patterns, problem), 9);
      }),
      { numRuns: 60 },
    );
  });

  it('comes near the optimum where it is not looked for', () => {
    let [sum, count, worst] = [0, 0, 1];
    fc.assert(
      fc.property(settings, fc.integer({ min: 5, max: 60 }), (given, units) => {
        const patterns = randomPatterns({ ...given, events: mostExactPatterns - 2, units });
        const problem = options(units, 5, given.padding, given.levelCost);
        const [best, found] = [exactVariants(patterns, problem), searchVariants(patterns, problem)];
        for (const [index, variants] of found.entries()) {
          const ratio = expectedCost(variants, patterns, problem) / expectedCost(at(best, index), patterns, problem);
          expect(ratio).toBeGreaterThan(1 - 1e-9);
          [sum, count, worst] = [sum + ratio, count + 1, Math.max(worst, ratio)];
        }
      }),
      { numRuns: 60, seed: 1 },
    );
    expect(sum / count).toBeLessThan(1.002);
    expect(worst).toBeLessThan(1.05);
  });

  it('serves every pattern, ends with all live units, and more variants never cost more', () => {
    const sizes = fc.record({ events: fc.integer({ min: 1, max: 150 }), units: fc.integer({ min: 1, max: 70 }) });
    fc.assert(
      fc.property(settings, sizes, (given, size) => {
        const patterns = randomPatterns({ ...given, ...size });
        const problem = options(size.units, 6, given.padding, given.levelCost);
        const each = mergePatternsEach(patterns, problem);
        expect(each.length).toBe(6);
        for (const [index, { variants, expectedCost: cost }] of each.entries()) {
          expect(variants.length).toBeLessThanOrEqual(index + 1);
          expect(at(variants, -1).equals(problem.live)).toBe(true);
          for (const { units } of patterns) expect(variants.some((variant) => units.isSubsetOf(variant))).toBe(true);
          expect(cost).toBeLessThanOrEqual(at(each, Math.max(0, index - 1)).expectedCost * (1 + 1e-12));
          expect(cost).toBeCloseTo(expectedCost(variants, patterns, problem), 9);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('does not cost more with more variants when their order is not that of their costs', () => {
    const patterns = randomPatterns({
      seed: 0,
      events: 101,
      units: 28,
      modes: 1,
      noise: 0.2998620646540075,
      density: 0.5,
    });
    const costs = mergePatternsEach(patterns, options(28, 6, 1, 1)).map(({ expectedCost: cost }) => cost);
    expect(costs).toEqual(costs.toSorted((left, right) => right - left));
  });

  it('gives the same variants for the same patterns in any order', () => {
    const patterns = randomPatterns({ seed: 3, events: 120, units: 40, modes: 3, noise: 0.1, density: 0.3 });
    const [one, other] = [patterns, patterns.toReversed()].map((list) => mergePatterns(list, options(40, 4, 4, 0.5)));
    expect(other?.variants.map((units) => units.members())).toEqual(one?.variants.map((units) => units.members()));
  });

  it('finds the modes of patterns that have some', () => {
    const patterns = randomPatterns({ seed: 8, events: 400, units: 64, modes: 4, noise: 0.004, density: 0.25 });
    expect(patterns.length).toBeGreaterThan(mostExactPatterns);
    const { variants, expectedCost: cost } = mergePatterns(patterns, options(64, 5));
    expect(variants.length).toBe(5);
    const oracle = patterns.reduce((sum, { units, weight }) => sum + weight * (2 + units.count), 0);
    expect(cost).toBeLessThan(1.2 * oracle);
  });

  it('leaves Ifs out that cost more than they save', () => {
    const patterns = randomPatterns({ seed: 8, events: 10, units: 64, modes: 4, noise: 0, density: 0.25 });
    expect(mergePatterns(patterns, options(64, 5, 1, 1000)).variants.length).toBe(1);
    expect(mergePatterns([], options(64, 5)).variants.length).toBe(1);
  });

  it('tries a frequent variant first where an If costs more than it is dearer', () => {
    const patterns = [
      { units: BitSet.of(20, [0, 1, 2, 3]), weight: 0.9 },
      { units: BitSet.of(20, [5, 6, 7]), weight: 0.1 },
    ];
    const { variants } = mergePatterns(patterns, options(20, 3, 1, 2));
    expect(variants.map(({ count }) => count)).toEqual([4, 3, 20]);
  });

  it('fits chance where units fire on their own', () => {
    const all = randomPatterns({ seed: 5, events: 60, units: 48, modes: 0, noise: 0, density: 0.3 });
    const half = (rest: number): WeightedPattern[] => all.filter((_, index) => index % 2 === rest);
    const problem = options(48, 8, 1, 0.2);
    const fitted = mergePatterns(half(0), problem);
    const heldOut = expectedCost(fitted.variants, half(1), problem);
    expect(heldOut).toBeGreaterThan(fitted.expectedCost);
  });
});

it('ends where sums of weights are left of nothing', () => {
  // Sums and differences of such weights leave remainders as large as a few of them.
  const patterns = randomPatterns({ seed: 3, events: 400, units: 24, modes: 0, noise: 0, density: 0.3 }).map(
    ({ units }, index) => ({ units, weight: index === 0 ? 1 : 1e-17 * (1 + (index % 7)) }),
  );
  const { variants } = mergePatterns(patterns, options(24, 8));
  expect(variants.at(-1)?.count).toBe(24);
});

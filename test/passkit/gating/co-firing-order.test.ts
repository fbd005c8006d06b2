import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distinct } from '../../../src/passkit/gating/firing/activity.js';
import { coFiringOrder, expectedRuns, firingColumns } from '../../../src/passkit/gating/firing/co-firing-order.js';
import { BitSet } from '../../../src/support/bit-set.js';
import { seededRandom } from '../../../src/support/random.js';
import { randomPatterns } from './patterns.js';

const places = (count: number): number[] => Array.from({ length: count }, (_, place) => place);

/** Every order of the numbers below `count`. */
function* permutations(count: number): Generator<number[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (const rest of permutations(count - 1)) {
    for (let place = 0; place < count; place++) yield rest.toSpliced(place, 0, count - 1);
  }
}

describe('an order of units by co-firing', () => {
  it('counts runs as they are', () => {
    const patterns = distinct([
      { units: BitSet.of(6, [0, 2, 3, 5]), weight: 3 },
      { units: BitSet.of(6, []), weight: 1 },
    ]);
    expect(expectedRuns(places(6), firingColumns(6, patterns))).toBeCloseTo(0.75 * 3, 9);
    expect(expectedRuns([0, 2, 3, 5, 1, 4], firingColumns(6, patterns))).toBeCloseTo(0.75, 9);
    expect(expectedRuns([], [])).toBe(0);
  });

  it('holds each unit once, and is near the best of all orders', () => {
    let [sum, best, count] = [0, 0, 0];
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 12 }),
        (seed, units, events) => {
          const patterns = randomPatterns({ seed, events, units, modes: seed % 4, noise: 0.1, density: 0.4 });
          const columns = firingColumns(units, patterns);
          const order = coFiringOrder(columns);
          expect(order.toSorted((left, right) => left - right)).toEqual(places(units));
          const runs = expectedRuns(order, columns);
          const least = Math.min(...[...permutations(units)].map((other) => expectedRuns(other, columns)));
          expect(runs).toBeGreaterThanOrEqual(least - 1e-12);
          [sum, best, count] = [sum + runs, best + least, count + 1];
        },
      ),
      { numRuns: 40, seed: 2 },
    );
    expect(sum).toBeLessThan(1.03 * best);
  });

  it('brings modes together that were scattered', () => {
    const random = seededRandom(4);
    const modes = places(200).map(() => random.integer(5));
    const patterns = distinct(
      places(5).map((mode) => ({
        units: BitSet.of(
          200,
          places(200).filter((unit) => modes[unit] === mode),
        ),
        weight: 1,
      })),
    );
    const columns = firingColumns(200, patterns);
    expect(expectedRuns(places(200), columns)).toBeGreaterThan(20);
    expect(expectedRuns(coFiringOrder(columns), columns)).toBeCloseTo(1, 9);
  });

  it('is better than an order by frequency where units fire on their own', () => {
    const patterns = randomPatterns({ seed: 9, events: 300, units: 150, modes: 0, noise: 0, density: 0.3 });
    const columns = firingColumns(150, patterns);
    const count = (unit: number): number => columns[unit]?.count ?? 0;
    const byFrequency = places(150).sort((left, right) => count(right) - count(left));
    expect(expectedRuns(coFiringOrder(columns), columns)).toBeLessThan(expectedRuns(byFrequency, columns));
  });
});

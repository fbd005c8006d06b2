import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, defined } from '../../src/support/assert.js';
import { MinHeap } from '../../src/support/heap.js';
import { cholesky, inverseOfFactored, solveCholesky } from '../../src/support/matrix.js';
import { seededRandom } from '../../src/support/random.js';

/** B·Bᵀ plus a multiple of the identity, of seeded normal B. */
function positiveDefinite(size: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const factor = Float64Array.from({ length: size * size }, () => random.normal());
  return Float64Array.from({ length: size * size }, (_, index) => {
    const [i, j] = [Math.floor(index / size), index % size];
    let sum = i === j ? 0.1 : 0;
    for (let k = 0; k < size; k++) sum += at(factor, i * size + k) * at(factor, j * size + k);
    return sum;
  });
}

function product(left: Float64Array, right: Float64Array, inner: number, columns: number): number[] {
  return Array.from({ length: (left.length / inner) * columns }, (_, index) => {
    const [i, j] = [Math.floor(index / columns), index % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += at(left, i * inner + k) * at(right, k * columns + j);
    return sum;
  });
}

const factorOf = (matrix: Float64Array, size: number): Float64Array => defined(cholesky(matrix, size), 'a factor');

const systems = fc.record({
  size: fc.integer({ min: 1, max: 12 }),
  seed: fc.nat(),
  columns: fc.integer({ min: 1, max: 4 }),
});

describe('symmetric positive definite matrices', () => {
  it('times their inverse are the identity', () => {
    fc.assert(
      fc.property(systems, ({ size, seed }) => {
        const matrix = positiveDefinite(size, seed);
        for (const [index, entry] of product(
          matrix,
          inverseOfFactored(factorOf(matrix, size), size),
          size,
          size,
        ).entries()) {
          expect(entry).toBeCloseTo(index % (size + 1) === 0 ? 1 : 0, 6);
        }
      }),
    );
  });

  it('are solved for several right sides', () => {
    fc.assert(
      fc.property(systems, ({ size, seed, columns }) => {
        const matrix = positiveDefinite(size, seed);
        const random = seededRandom(seed + 1);
        const right = Float64Array.from({ length: size * columns }, () => random.normal());
        const solution = solveCholesky(factorOf(matrix, size), size, right, columns);
        for (const [index, entry] of product(matrix, solution, size, columns).entries()) {
          expect(entry).toBeCloseTo(at(right, index), 6);
        }
      }),
    );
  });

  it('have no factor if they are not positive definite', () => {
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
    expect(cholesky(Float64Array.of(Number.NaN), 1)).toBeUndefined();
  });
});

describe('a heap', () => {
  it('hands out items by key, and those of one key in the order they came in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (keys) => {
        const heap = new MinHeap<number>();
        for (const [index, key] of keys.entries()) heap.push(key, index);
        const order: number[] = [];
        for (let item = heap.pop(); item !== undefined; item = heap.pop()) order.push(item);
        expect(order).toEqual([...keys.keys()].sort((left, right) => at(keys, left) - at(keys, right) || left - right));
        expect(heap.least).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

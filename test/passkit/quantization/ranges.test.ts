import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  gridOf,
  Histogram,
  methodName,
  type Range,
  type RangeMethod,
  rangeMethods,
} from '../../../src/passkit/quantization/ranges.js';
import { seededRandom } from '../../../src/support/random.js';

const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) });

function seen(elements: readonly number[]): Histogram {
  const floats = Float32Array.from(elements);
  const histogram = new Histogram([Math.min(...floats), Math.max(...floats)]);
  histogram.add(floats);
  return histogram;
}

/** Mean of the squared errors of rounding to the grid of a range, and of cutting to it. */
function meanError(elements: readonly number[], range: Range): number {
  const { scale, zeroPoint } = gridOf(range);
  const sum = elements.reduce((total, element) => {
    const integer = Math.min(255, Math.max(0, Math.round(element / scale) + zeroPoint));
    return total + ((integer - zeroPoint) * scale - element) ** 2;
  }, 0);
  return sum / elements.length;
}

describe('the grid of a range', () => {
  test('holds zero exactly, and all of the range to half a step', () => {
    fc.assert(
      fc.property(number, number, (one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const { scale, zeroPoint } = gridOf([low, high]);
        expect(scale).toBeGreaterThan(0);
        expect(Math.fround(scale)).toBe(scale);
        expect(Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255).toBe(true);
        const slack = 0.51 * scale;
        expect(-zeroPoint * scale).toBeLessThanOrEqual(Math.min(0, low) + slack);
        expect((255 - zeroPoint) * scale).toBeGreaterThanOrEqual(Math.max(0, high) - slack);
      }),
    );
  });

  test.each([
    [[0, 0], 0],
    [[2, 2], 0],
    [[-3, -3], 255],
    [[-1, 3], 64],
  ] as const)('of %j has its zero at %i', (range, zeroPoint) => {
    expect(gridOf(range).zeroPoint).toBe(zeroPoint);
  });

  test('of one number holds that number', () => {
    const { scale, zeroPoint } = gridOf([2.5, 2.5]);
    expect(scale * (255 - zeroPoint)).toBeCloseTo(2.5, 5);
  });

  test('of numbers near nothing has a scale whose products are normal floats', () => {
    const { scale } = gridOf([0, 1e-38]);
    expect(Math.fround(scale * scale)).toBeGreaterThan(2 ** -126);
  });
});

describe('ranges from what was seen', () => {
  const random = seededRandom(3);
  const bulk = Array.from({ length: 20_000 }, () => random.normal());

  test('min-max is all of it', () => {
    expect(seen([...bulk, 50]).range({ kind: 'min-max' })[1]).toBe(50);
  });

  test('a percentile leaves that part out, half of it at each end', () => {
    const [low, high] = seen(bulk).range({ kind: 'percentile', part: 0.99 });
    const outside = bulk.filter((element) => element < low || element > high).length / bulk.length;
    expect(outside).toBeGreaterThan(0.002);
    expect(outside).toBeLessThanOrEqual(0.0101);
  });

  test.each([
    ['one outlier', [...bulk, 30]],
    ['one-sided', bulk.map((element) => element ** 4)],
    ['normal', bulk],
  ] as const)('mse is no worse than the others: %s', (_, elements) => {
    const histogram = seen(elements);
    const errorOf = (method: RangeMethod): number => meanError(elements, histogram.range(method));
    const least = Math.min(...rangeMethods.map(errorOf));
    expect(errorOf({ kind: 'mse' })).toBeLessThanOrEqual(1.05 * least);
  });

  test('all methods give what there is of a constant, and heed no infinities', () => {
    const constant = new Histogram([2, 2]);
    constant.add(Float32Array.of(2, 2));
    const infinite = new Histogram([-1, 1]);
    infinite.add(Float32Array.of(-1, Number.NaN, Number.POSITIVE_INFINITY, 1));
    for (const method of rangeMethods) {
      expect(constant.range(method)).toEqual([2, 2]);
      const [low, high] = infinite.range(method);
      expect(Math.max(Math.abs(low + 1), Math.abs(high - 1))).toBeLessThan(0.2);
    }
  });

  test('ranges lie within what was seen, whatever that is', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), (elements) => {
        const histogram = seen(elements);
        const [lowest, highest] = histogram.range({ kind: 'min-max' });
        const slack = 1e-6 * Math.max(Math.abs(lowest), Math.abs(highest));
        for (const method of rangeMethods) {
          const [low, high] = histogram.range(method);
          expect(low).toBeLessThanOrEqual(high);
          expect(low).toBeGreaterThanOrEqual(Math.min(lowest, 0) - slack);
          expect(high).toBeLessThanOrEqual(Math.max(highest, 0) + slack);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('methods have names', () => {
    expect(rangeMethods.map(methodName)).toEqual([
      'min-max',
      'percentile 99.999',
      'percentile 99.99',
      'percentile 99.9',
      'mse',
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Tensor } from '../../../src/ir/tensor.js';
import { quantizeBias, quantizeWeights } from '../../../src/passkit/quantization/weights.js';
import { at } from '../../../src/support/assert.js';

const weight = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e10), max: Math.fround(1e10) });

describe('weights as integers', () => {
  test('are within half a step of what they were, in each channel', () => {
    const matrix = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([rows, columns]) =>
      fc.record({
        dims: fc.constant([rows, columns] as const),
        axis: fc.constantFrom(0, 1),
        data: fc.array(weight, { minLength: rows * columns, maxLength: rows * columns }),
      }),
    );
    fc.assert(
      fc.property(matrix, ({ dims, axis, data }) => {
        const { integers, scales } = quantizeWeights(Tensor.floats(dims, data), axis, undefined, 1);
        expect(scales.size).toBe(dims[axis]);
        for (const [index, value] of Float32Array.from(data).entries()) {
          const slot = axis === 0 ? Math.floor(index / dims[1]) : index % dims[1];
          const scale = at(scales.data, slot);
          expect(scale).toBeGreaterThan(0);
          expect(Math.abs(at(integers.data, index) * scale - value)).toBeLessThanOrEqual(0.5001 * scale);
          expect(Math.abs(at(integers.data, index))).toBeLessThanOrEqual(127);
        }
      }),
    );
  });

  test('of a channel of zeros are zeros, with a scale that its bias fits in', () => {
    const weights = Tensor.floats([2, 2], [0, 0, 1, -1]);
    const bias = Tensor.floats([2], [1e6, 0.5]);
    const { integers, scales } = quantizeWeights(weights, 0, bias, 0.01);
    expect([...integers.data]).toEqual([0, 0, 127, -127]);
    const { integers: steps, scales: products } = quantizeBias(bias, scales, 0.01);
    expect(at(steps.data, 0) * at(products.data, 0)).toBeCloseTo(1e6, 0);
    expect(at(steps.data, 1) * at(products.data, 1)).toBeCloseTo(0.5, 4);
    expect(Math.abs(at(steps.data, 0))).toBeLessThan(2 ** 31);
  });

  test('a bias is within half a step of the products, however large', () => {
    fc.assert(
      fc.property(weight, weight, fc.double({ min: 1e-6, max: 1e3, noNaN: true }), (own, offset, dataScale) => {
        const bias = Tensor.floats([1], [offset]);
        const { scales } = quantizeWeights(Tensor.floats([1, 1], [own]), 0, bias, dataScale);
        const { integers, scales: products } = quantizeBias(bias, scales, dataScale);
        const [step, value] = [at(products.data, 0), at(bias.data, 0)];
        const rounding = Math.abs(value) * 2 ** -20;
        expect(Math.abs(at(integers.data, 0) * step - value)).toBeLessThanOrEqual(0.51 * step + rounding);
      }),
    );
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addSlices,
  compactSummand,
  sliceRows,
  takeAlongAxis,
  tensorOfRows,
  withZeroSlices,
  zeroSlices,
} from '../../src/ir/slices.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { at } from '../../src/support/assert.js';

/** A small tensor of whole numbers, and one of its axes. */
const tensors = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }).chain((dims) =>
  fc.record({
    tensor: fc
      .array(fc.integer({ min: -2, max: 2 }), { minLength: sizeOf(dims), maxLength: sizeOf(dims) })
      .map((values) => Tensor.floats(dims, values)),
    axis: fc.integer({ min: 0, max: dims.length - 1 }),
  }),
);

const slicesOf = (tensor: Tensor, axis: number): number[][] =>
  Array.from({ length: at(tensor.dims, axis) }, (_, slot) => takeAlongAxis(tensor, axis, [slot]).numbers());

test('a slice has the elements whose place along the axis is its number', () => {
  const tensor = Tensor.floats([2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(takeAlongAxis(tensor, 0, [1]).numbers()).toEqual([6, 7, 8, 9, 10, 11]);
  expect(takeAlongAxis(tensor, 1, [2, 0])).toEqual(Tensor.floats([2, 2, 2], [4, 5, 0, 1, 10, 11, 6, 7]));
  expect(takeAlongAxis(tensor, 2, [1]).numbers()).toEqual([1, 3, 5, 7, 9, 11]);
});

test('rows hold the slices, and give the tensor back', () => {
  fc.assert(
    fc.property(tensors, ({ tensor, axis }) => {
      const { rows, width } = sliceRows(tensor, axis);
      expect([...rows]).toEqual(slicesOf(tensor, axis).flat());
      expect(width * at(tensor.dims, axis)).toBe(tensor.size);
      expect(tensorOfRows({ rows, width }, tensor.dims, axis)).toEqual(tensor);
    }),
  );
});

test('slices become zero, and are found', () => {
  fc.assert(
    fc.property(tensors, fc.infiniteStream(fc.boolean()), ({ tensor, axis }, choices) => {
      const chosen = [...choices.take(at(tensor.dims, axis))];
      const zeroed = withZeroSlices(tensor, axis, chosen);
      const expected = slicesOf(tensor, axis).map((slice, slot) => (chosen[slot] ? slice.map(() => 0) : slice));
      expect(slicesOf(zeroed, axis)).toEqual(expected);
      const isZero = expected.map((slice) => (slice.every((element) => element === 0) ? 1 : 0));
      expect([...zeroSlices(zeroed, axis)]).toEqual(isZero);
    }),
  );
});

test('a slice that is added to another leaves zeros', () => {
  fc.assert(
    fc.property(tensors, ({ tensor, axis }) => {
      const last = at(tensor.dims, axis) - 1;
      fc.pre(last > 0);
      const before = slicesOf(tensor, axis);
      const after = slicesOf(addSlices(tensor, axis, new Map([[last, 0]])), axis);
      expect(after[0]).toEqual(at(before, 0).map((element, place) => element + at(at(before, last), place)));
      expect(at(after, last).every((element) => element === 0)).toBe(true);
      expect(after.slice(1, last)).toEqual(before.slice(1, last));
    }),
  );
});

test('a summand keeps the axes that it varies along, beyond rounding', () => {
  expect(compactSummand(Tensor.floats([2, 2], [0, 0, 0, 0]))).toBeUndefined();
  expect(compactSummand(Tensor.floats([2, 2], [1, 2, 1, 2]))?.dims).toEqual([1, 2]);
  expect(compactSummand(Tensor.floats([2, 2], [1, 1 + 2 ** -23, 1, 1]))?.dims).toEqual([1, 1]);
  expect(compactSummand(Tensor.floats([2, 2], [1, 1.001, 1, 1]))?.dims).toEqual([2, 2]);
});

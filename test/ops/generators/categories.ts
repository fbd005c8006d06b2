import fc from 'fast-check';
import { type Attributes, int, string } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { sizeOf } from '../../../src/ir/types.js';
import { at } from '../../../src/support/assert.js';
import {
  anyAxis,
  type Case,
  type Cases,
  fixed,
  flags,
  floats,
  type Generators,
  permutations,
  shapes,
  sizes,
} from '../case.js';

/** What masks, encodings of categories and attention are made of. */

const oneHot: Cases = fc.tuple(shapes(1, 3), sizes, fc.boolean()).chain(([dims, depth, constant]) =>
  fc
    .tuple(
      fc.array(fc.integer({ min: -6, max: 6 }), { minLength: sizeOf(dims), maxLength: sizeOf(dims) }),
      fc.option(anyAxis(dims.length + 1)),
      fc.boolean(),
    )
    .map(([indices, axis, isScalar]) => ({
      op: 'OneHot',
      attributes: axis === null ? {} : { axis: int(axis) },
      inputs: [
        { tensor: Tensor.int64(dims, indices) },
        { tensor: Tensor.int64(isScalar ? [] : [1], [depth]), constant },
        { tensor: Tensor.floats([2], [0.25, 2]) },
      ],
    })),
);

const cumSum: Cases = shapes(1, 4).chain((dims) =>
  fc.tuple(floats(dims), anyAxis(dims.length), flags, flags).map(([x, axis, exclusive, reverse]) => ({
    op: 'CumSum',
    attributes: { exclusive: int(exclusive), reverse: int(reverse) },
    inputs: [x, fixed([axis], [])],
  })),
);

const trilu: Cases = shapes(2, 4).chain((dims) =>
  fc.tuple(floats(dims), fc.option(fc.integer({ min: -3, max: 3 })), flags).map(([x, diagonal, upper]) => ({
    op: 'Trilu',
    attributes: { upper: int(upper) },
    inputs: diagonal === null ? [x] : [x, fixed([diagonal], [])],
  })),
);

const tile: Cases = shapes(1, 4).chain((dims) =>
  fc
    .tuple(
      floats(dims),
      fc.array(fc.constantFrom(1, 1, 2, 3), { minLength: dims.length, maxLength: dims.length }),
      fc.boolean(),
    )
    .map(([x, repeats, constant]) => ({
      op: 'Tile',
      inputs: [x, { tensor: Tensor.int64([repeats.length], repeats), constant }],
    })),
);

const reductions = fc.constantFrom<Attributes>(
  {},
  ...['none', 'add', 'mul', 'min', 'max'].map((name) => ({ reduction: string(name) })),
);

/** Every index once, so that the order of updates does not matter. */
const scatterElements: Cases = shapes(1, 3).chain((dims) =>
  fc
    .tuple(floats(dims), floats(dims), anyAxis(dims.length), reductions, permutations(5))
    .map(([x, updates, axis, attributes, order]) => {
      const position = axis < 0 ? axis + dims.length : axis;
      const extent = at(dims, position);
      const inner = sizeOf(dims.slice(position + 1));
      const places = order.filter((place) => place < extent);
      const indices = Array.from({ length: sizeOf(dims) }, (_, element) =>
        at(places, Math.floor(element / inner) % extent),
      );
      return {
        op: 'ScatterElements',
        attributes: { ...attributes, axis: int(axis) },
        inputs: [x, { tensor: Tensor.int64(dims, indices) }, updates],
      };
    }),
);

const scatterND: Cases = shapes(1, 3).chain((dims) => {
  const extent = at(dims, 0);
  return fc
    .tuple(floats(dims), fc.integer({ min: 1, max: extent }), permutations(extent), reductions)
    .chain(([x, count, order, attributes]) =>
      floats([count, ...dims.slice(1)]).map((updates) => ({
        op: 'ScatterND',
        attributes,
        inputs: [x, { tensor: Tensor.int64([count, 1], order.slice(0, count)) }, updates],
      })),
    );
});

/** Equations of layers, and random ones: letters in any order, some summed over, some given twice. */
const equations: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('abc,cd->abd', 'aecd,abcd->acbe', 'acbe,aecd->abcd', 'abc,cde->abde', 'abde,dec->abc', ' ab , bc '),
  fc.constantFrom('ii->i', 'ij->ji', 'ij->', 'i,j', 'ab,cb,db->acd', 'bA,bC->CA'),
  fc
    .tuple(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
      fc.array(fc.constantFrom('b', 'c', 'd'), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      permutations(4),
    )
    .map(([left, right, isImplicit, order]) => {
      const unique = (letters: readonly string[]): string[] => [...new Set(letters)];
      const operands = `${unique(left).join('')},${unique(right).join('')}`;
      const letters = unique([...left, ...right]);
      const chosen = order.slice(0, 3).flatMap((place) => letters[place] ?? []);
      return isImplicit ? operands : `${operands}->${chosen.join('')}`;
    }),
);

const einsum: Cases = fc
  .tuple(equations, fc.array(sizes, { minLength: 6, maxLength: 6 }))
  .chain(([equation, extents]) => {
    const [left = ''] = equation.replaceAll(' ', '').split('->');
    const letters = [...new Set(left.replaceAll(',', ''))];
    const operands = left
      .split(',')
      .map((operand) => [...operand].map((letter) => at(extents, letters.indexOf(letter))));
    return fc
      .tuple(...operands.map((dims) => floats(dims)))
      .map((inputs): Case => ({ op: 'Einsum', attributes: { equation: string(equation) }, inputs }));
  });

const gatherElements: Cases = fc.tuple(shapes(1, 3), flags).chain(([dims]) =>
  fc.tuple(floats(dims), anyAxis(dims.length), fc.nat(1000)).map(([x, axis, seed]) => {
    const extent = at(dims, axis < 0 ? axis + dims.length : axis);
    const indices = Array.from({ length: sizeOf(dims) }, (_, place) => ((place * 7 + seed) % (2 * extent)) - extent);
    return {
      op: 'GatherElements',
      attributes: { axis: int(axis) },
      inputs: [x, { tensor: Tensor.int64(dims, indices) }],
    };
  }),
);

/** Scale and zero point of a tensor, or of each slot of an axis. */
const grids = (dims: readonly number[]) =>
  fc.tuple(fc.boolean(), anyAxis(dims.length), fc.boolean(), fc.nat(100)).map(([bySlot, axis, isSigned, seed]) => {
    const count = bySlot ? at(dims, axis < 0 ? axis + dims.length : axis) : 1;
    const shape = bySlot ? [count] : [];
    const numbers = Array.from({ length: count }, (_, slot) => ((slot * 13 + seed) % 20) + 1);
    const zeros = isSigned ? Int8Array.from(numbers, (x) => x - 10) : Uint8Array.from(numbers, (x) => 100 + x);
    return {
      attributes: bySlot ? { axis: int(axis) } : {},
      scale: {
        tensor: Tensor.floats(
          shape,
          numbers.map((x) => x / 64),
        ),
        constant: true,
      },
      zero: { tensor: new Tensor(isSigned ? 'int8' : 'uint8', shape, zeros), constant: true },
      isSigned,
    };
  });

const quantizeLinear: Cases = shapes(1, 3).chain((dims) =>
  fc.tuple(floats(dims, 5), grids(dims)).map(([x, { attributes, scale, zero }]) => ({
    op: 'QuantizeLinear',
    attributes,
    inputs: [x, scale, zero],
  })),
);

const dequantizeLinear: Cases = shapes(1, 3).chain((dims) =>
  grids(dims).map(({ attributes, scale, zero, isSigned }) => {
    const numbers = Array.from({ length: sizeOf(dims) }, (_, place) => (place * 37) % 128);
    const data = isSigned ? Int8Array.from(numbers) : Uint8Array.from(numbers);
    return {
      op: 'DequantizeLinear',
      attributes,
      inputs: [{ tensor: new Tensor(isSigned ? 'int8' : 'uint8', dims, data) }, scale, zero],
    };
  }),
);

export const categoryGenerators: Generators = {
  GatherElements: gatherElements,
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  OneHot: oneHot,
  CumSum: cumSum,
  Trilu: trilu,
  Tile: tile,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  Einsum: einsum,
};

import fc from 'fast-check';
import { int, ints, string } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { type Case, type Cases, fixed, floats, type Generators, permutations, shapes } from '../case.js';

/** Operators about shapes, and operators whose output's shape is computed. */

const shape: Cases = shapes(0, 4).chain((dims) =>
  fc
    .tuple(floats(dims), fc.option(fc.integer({ min: -5, max: 5 })), fc.option(fc.integer({ min: -5, max: 5 })))
    .map(([x, start, end]) => ({
      op: 'Shape',
      attributes: { ...(start === null ? {} : { start: int(start) }), ...(end === null ? {} : { end: int(end) }) },
      inputs: [x],
    })),
);

const expand: Cases = fc.tuple(shapes(0, 3), shapes(0, 3)).chain(([dims, target]) => {
  const shift = target.length - dims.length;
  const fitting = target.map((dim, axis) =>
    axis < shift || dims[axis - shift] === 1 ? dim : (dims[axis - shift] ?? dim),
  );
  return floats(dims).map((x) => ({ op: 'Expand', inputs: [x, fixed(fitting)] }));
});

const range: Cases = fc
  .tuple(
    fc.integer({ min: -5, max: 5 }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(1, 2, 3, -1, -2),
    fc.boolean(),
  )
  .map(([start, limit, delta, constant]) => ({
    op: 'Range',
    inputs: [start, limit, delta].map((value) => ({ tensor: Tensor.int64([], [value]), constant })),
  }));

const constantOfShape: Cases = fc
  .tuple(shapes(0, 3), fc.option(fc.integer({ min: -3, max: 3 })))
  .map(([dims, value]) => ({
    op: 'ConstantOfShape',
    attributes: value === null ? {} : { value: { kind: 'tensor' as const, value: Tensor.int64([1], [value]) } },
    inputs: [fixed(dims)],
  }));

const constantFloats = (values: readonly number[]) => ({
  tensor: Tensor.floats([values.length], values),
  constant: true,
});

const interpolations: readonly Readonly<Record<string, string>>[] = [
  { mode: 'nearest' },
  { mode: 'linear' },
  { mode: 'cubic' },
  { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  { mode: 'nearest', coordinate_transformation_mode: 'align_corners', nearest_mode: 'ceil' },
  { mode: 'linear', coordinate_transformation_mode: 'asymmetric' },
  { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
  { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
  { mode: 'linear', coordinate_transformation_mode: 'half_pixel_symmetric' },
];

const resize: Cases = shapes(4, 4)
  .chain((dims) =>
    fc.tuple(
      floats(dims),
      fc.array(fc.constantFrom(1, 2, 0.5, 1.1, 0.7, 3), { minLength: 2, maxLength: 2 }),
      fc.constantFrom('scales', 'sizes', 'some scales', 'some sizes', 'all sizes', 'ratio'),
      fc.constantFrom(...interpolations),
      permutations(4),
    ),
  )
  .map(([x, scales, form, interpolation, order]): Case => {
    const dims = x.tensor.dims;
    const factors = [1, 1, ...scales];
    const sizes = dims.map((dim, axis) => Math.max(1, Math.round(dim * (factors[axis] ?? 1))));
    const attributes = Object.fromEntries(Object.entries(interpolation).map(([name, value]) => [name, string(value)]));
    const inputs = {
      scales: [x, undefined, constantFloats(factors)],
      sizes: [x, undefined, undefined, fixed(sizes)],
      'some scales': [x, undefined, constantFloats(scales)],
      'some sizes': [x, undefined, undefined, fixed(sizes.slice(2))],
      'all sizes': [x, undefined, undefined, fixed(order.map((axis) => sizes[axis] ?? 1))],
      ratio: [x, undefined, undefined, fixed(sizes.slice(2))],
    }[form];
    if (form === 'scales' || form === 'sizes') return { op: 'Resize', attributes, inputs };
    const axes = ints(form === 'all sizes' ? order : [2, 3]);
    const policy = form === 'ratio' ? { keep_aspect_ratio_policy: string('not_larger') } : {};
    return { op: 'Resize', attributes: { ...attributes, ...policy, axes }, inputs };
  })
  .filter(({ inputs }) => {
    // ONNX Runtime refuses outputs without elements.
    const [x, , scales] = inputs;
    const factors = scales?.tensor.numbers() ?? [];
    const dims = x?.tensor.dims.slice(4 - factors.length) ?? [];
    return factors.every((factor, axis) => Math.floor((dims[axis] ?? 1) * factor) >= 1);
  });

export const computedShapeGenerators: Generators = {
  Shape: shape,
  NonZero: shapes(0, 3).chain((dims) => floats(dims).map((x) => ({ op: 'NonZero', inputs: [x] }))),
  Expand: expand,
  Range: range,
  ConstantOfShape: constantOfShape,
  Resize: resize,
};

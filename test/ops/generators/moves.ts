import fc from 'fast-check';
import { int, ints, string } from '../../../src/ir/attribute.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { sizeOf } from '../../../src/ir/types.js';
import { at } from '../../../src/support/assert.js';
import {
  anyAxis,
  type Case,
  type CaseInput,
  type Cases,
  fixed,
  flags,
  floats,
  type Generators,
  permutations,
  shapes,
  sizes,
  someAxes,
} from '../case.js';

/** Operators that move, cut, repeat or reduce data along axes. */

const concat: Cases = shapes(1, 4)
  .chain((dims) => fc.tuple(fc.constant(dims), anyAxis(dims.length), fc.array(sizes, { minLength: 1, maxLength: 3 })))
  .chain(([dims, axis, parts]) => {
    const position = axis < 0 ? axis + dims.length : axis;
    const part = (size: number) => floats(dims.map((dim, index) => (index === position ? size : dim)));
    return fc.tuple(...parts.map(part)).map((inputs) => ({ op: 'Concat', attributes: { axis: int(axis) }, inputs }));
  });

const gather: Cases = shapes(1, 3)
  .chain((dims) => fc.tuple(fc.constant(dims), anyAxis(dims.length), shapes(0, 2)))
  .chain(([dims, axis, indexDims]) => {
    const extent = at(dims, axis);
    const index = fc.integer({ min: -extent, max: extent - 1 });
    const count = sizeOf(indexDims);
    const lists = fc.oneof(
      fc.array(index, { minLength: count, maxLength: count }),
      fc.array(fc.nat(extent - 1), { minLength: count, maxLength: count }),
    );
    return fc.tuple(floats(dims), lists, fc.boolean()).map(([x, indices, constant]) => ({
      op: 'Gather',
      attributes: { axis: int(axis) },
      inputs: [x, { tensor: Tensor.int64(indexDims, indices), constant }],
    }));
  });

const slice: Cases = shapes(1, 3)
  .chain((dims) => fc.tuple(fc.constant(dims), someAxes(dims.length, 1)))
  .chain(([dims, axes]) => {
    const cut = fc.record({
      start: fc.integer({ min: -7, max: 7 }),
      end: fc.oneof(fc.integer({ min: -7, max: 7 }), fc.constantFrom(2 ** 40, -(2 ** 40))),
      step: fc.constantFrom(1, 1, 2, 3, -1, -2),
    });
    return fc
      .tuple(
        floats(dims),
        fc.array(cut, { minLength: axes.length, maxLength: axes.length }),
        fc.constantFrom('all', 'first axes', 'no steps', 'int32'),
      )
      .map(([x, cuts, form]) => {
        const lists = [
          cuts.map((one) => one.start),
          cuts.map((one) => one.end),
          ...(form === 'first axes' ? [] : [axes]),
          ...(form === 'first axes' || form === 'no steps' ? [] : [cuts.map((one) => one.step)]),
        ];
        return { op: 'Slice', inputs: [x, ...lists.map((list) => (form === 'int32' ? narrow(list) : fixed(list)))] };
      });
  });

/**
 * Constants of int32. The greatest of all is left out: ONNX Runtime takes it for "to the beginning" where steps are
 * negative, unlike ONNX.
 */
function narrow(values: readonly number[]): CaseInput {
  const limit = 2 ** 31 - 2;
  const data = Int32Array.from(values, (value) => Math.max(-limit, Math.min(value, limit)));
  return { tensor: new Tensor('int32', [values.length], data), constant: true };
}

const split: Cases = shapes(1, 3)
  .chain((dims) =>
    fc.tuple(fc.constant(dims), anyAxis(dims.length), fc.array(sizes, { minLength: 1, maxLength: 4 }), fc.boolean()),
  )
  .chain(([dims, axis, parts, isEqual]) => {
    const position = axis < 0 ? axis + dims.length : axis;
    const total = parts.reduce((sum, size) => sum + size, 0);
    const whole = dims.map((dim, index) => (index === position ? total : dim));
    return floats(whole).map((x): Case => {
      const chunk = Math.ceil(total / parts.length);
      const fits = chunk * (parts.length - 1) < total;
      return isEqual && fits
        ? {
            op: 'Split',
            attributes: { axis: int(axis), num_outputs: int(parts.length) },
            inputs: [x],
            outputs: parts.length,
          }
        : { op: 'Split', attributes: { axis: int(axis) }, inputs: [x, fixed(parts)], outputs: parts.length };
    });
  });

const pad: Cases = shapes(1, 4)
  .chain((dims) =>
    fc.tuple(
      fc.constant(dims),
      someAxes(dims.length, 1),
      fc.boolean(),
      fc.constantFrom('constant', 'constant', 'edge'),
    ),
  )
  .chain(([dims, axes, isPartial, mode]) => {
    const padded = isPartial ? axes : dims.map((_, axis) => axis);
    const amounts = fc.array(fc.constantFrom(0, 0, 1, 2), {
      minLength: 2 * padded.length,
      maxLength: 2 * padded.length,
    });
    return fc.tuple(floats(dims), amounts).map(
      ([x, pads]): Case => ({
        op: 'Pad',
        attributes: { mode: string(mode) },
        inputs: isPartial
          ? [x, fixed(pads), { tensor: Tensor.scalar(0.5), constant: true }, fixed(padded)]
          : [x, fixed(pads)],
      }),
    );
  });

/** Target shapes made by merging and splitting axes, some sizes written as 0 (copied) or -1 (left over). */
const reshape: Cases = fc
  .tuple(
    shapes(1, 4),
    fc.array(fc.constantFrom('keep', 'merge', 'split', 'one', 'skip'), { minLength: 6, maxLength: 6 }),
    fc.nat(9),
  )
  .chain(([dims, moves, free]) => {
    const target: number[] = [];
    let isSplit = false;
    for (const [axis, dim] of dims.entries()) {
      const move = moves[axis];
      const previous = target.at(-1);
      if (move === 'merge' && previous !== undefined) target[target.length - 1] = previous * dim;
      else if (move === 'split' && dim % 2 === 0) {
        target.push(2, dim / 2);
        isSplit = true;
      } else if (move === 'one') target.push(1, dim);
      else if (move !== 'skip' || dim !== 1) target.push(dim);
    }
    const written = target.map((dim, axis) => {
      if (axis === free) return -1;
      return free % 2 === 1 && !isSplit && dim === dims[axis] ? 0 : dim;
    });
    return floats(dims).map((x) => ({ op: 'Reshape', inputs: [x, fixed(written)] }));
  });

const flatten: Cases = shapes(1, 4).chain((dims) =>
  fc
    .tuple(floats(dims), fc.integer({ min: -dims.length, max: dims.length }))
    .map(([x, axis]) => ({ op: 'Flatten', attributes: { axis: int(axis) }, inputs: [x] })),
);

const transpose: Cases = shapes(0, 4).chain((dims) =>
  fc.tuple(floats(dims), permutations(dims.length), fc.boolean()).map(([x, perm, isDefault]) => ({
    op: 'Transpose',
    attributes: isDefault ? {} : { perm: ints(perm) },
    inputs: [x],
  })),
);

const unsqueeze: Cases = fc.tuple(shapes(0, 3), fc.integer({ min: 1, max: 2 })).chain(([dims, count]) => {
  const rank = dims.length + count;
  const positions = someAxes(rank, rank).map((axes) => axes.slice(0, count));
  return fc.tuple(floats(dims), positions).map(([x, axes]) => ({ op: 'Unsqueeze', inputs: [x, fixed(axes)] }));
});

const squeeze: Cases = fc
  .array(fc.constantFrom(1, 1, 2, 3), { maxLength: 4 })
  .chain((dims) => fc.tuple(floats(dims), someAxes(dims.length), fc.boolean()))
  .map(([x, axes, isDefault]) => {
    const ones = axes.filter((axis) => at(x.tensor.dims, axis) === 1);
    return { op: 'Squeeze', inputs: isDefault || ones.length === 0 ? [x] : [x, fixed(ones)] };
  });

const reduce = (op: string): Cases =>
  shapes(1, 4)
    .chain((dims) => fc.tuple(floats(dims), someAxes(dims.length), flags, flags, fc.boolean()))
    .map(([x, axes, keepdims, noop, hasAxes]) => ({
      op,
      attributes: { keepdims: int(keepdims), noop_with_empty_axes: int(noop) },
      inputs: hasAxes ? [x, fixed(axes)] : [x],
    }));

const argExtreme = (op: string): Cases =>
  shapes(1, 4)
    .chain((dims) => fc.tuple(floats(dims), fc.option(anyAxis(dims.length)), flags, flags))
    .map(([x, axis, keepdims, last]) => ({
      op,
      attributes: {
        ...(axis === null ? {} : { axis: int(axis) }),
        keepdims: int(keepdims),
        select_last_index: int(last),
      },
      inputs: [x],
    }));

const reductions = ['ReduceSum', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceMean', 'ReduceMax', 'ReduceMin'];

export const moveGenerators: Generators = {
  Concat: concat,
  Gather: gather,
  Slice: slice,
  Split: split,
  Pad: pad,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  ArgMax: argExtreme('ArgMax'),
  ArgMin: argExtreme('ArgMin'),
  ...Object.fromEntries(reductions.map((op) => [op, reduce(op)])),
};

import { int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { sizeOf, staticDims } from '../../../ir/types.js';
import { checkedAxis, range } from '../axes.js';
import { show } from '../json.js';
import { defineLayer, type LayerContext, toFloats } from '../layer.js';

/** The least norm that an input is divided by: the square root of the epsilon of tfjs. */
const leastNorm = Math.sqrt(1e-7);

/**
 * `Dot`: for every sample, the sum of products of `[batch, ...left]` and `[batch, ...right]` over one axis of each. The
 * result is `[batch, ...left without its axis, ...right without its axis]`, of rank 2 at least. tfjs takes ranks 2 and
 * 3; higher ones are as Keras documents `batch_dot`.
 */
const dot = defineLayer({
  className: 'Dot',
  arity: [2, 2],
  config: (config) => {
    const axes = config.axes('axes') ?? [];
    const [left, right = left] = axes;
    if (left === undefined || right === undefined || axes.length > 2) {
      config.invalid(`axes = ${show(config.raw('axes'))} is not possible: one axis or a pair is needed`);
    }
    return { axes: [left ?? 1, right ?? 1] as const, normalize: config.bool('normalize', false) };
  },
  import: (ctx, { axes, normalize }, [left, right]) => {
    if (right === undefined) throw ctx.invalid('it is called on one input');
    if (axes[0] < 0 !== axes[1] < 0) ctx.departs('tfjs compares the wrong sizes for axes of which one is negative');
    if (ctx.rank(left) > 3 || ctx.rank(right) > 3) ctx.departs('tfjs has no ranks above 3');
    const operands = [left, right].map((x, place) => {
      const axis = checkedAxis(ctx, axes[place] ?? 1, x);
      if (axis === 0) throw ctx.invalid('axes names axis 0, the batch');
      return { x: normalize ? normalized(ctx, x, axis) : x, axis };
    });
    const [first, second] = operands;
    if (first === undefined || second === undefined) throw ctx.invalid('it is called on one input');
    const sizes = operands.map(({ x, axis }) => ctx.shape(x)[axis]);
    const differ = sizes.every((size) => typeof size === 'number') && sizes[0] !== sizes[1];
    if (differ) throw ctx.invalid(`axes ${axes.join(' and ')} of its inputs have sizes ${sizes.join(' and ')}`);
    return batchDot(ctx, first, second);
  },
});

interface Operand {
  readonly x: Value;
  /** The axis to sum over. */
  readonly axis: number;
}

function batchDot(ctx: LayerContext, left: Operand, right: Operand): Value {
  const { b } = ctx;
  if (ctx.rank(left.x) === 2 && ctx.rank(right.x) === 2) {
    const products = b.op('Mul', [left.x, right.x]);
    return b.op('ReduceSum', [products, b.int64s([1], 'axes')], { keepdims: int(1) });
  }
  const rows = asMatrices(ctx, left, 'last');
  const columns = asMatrices(ctx, right, 'first');
  const product = b.op('MatMul', [rows, columns]);
  const free = [freeDims(ctx, left), freeDims(ctx, right)] as const;
  // A vector is a matrix of one row or column, which the result has not.
  const vectors = free.flatMap((dims, side) => (dims.length === 0 ? [side + 1] : []));
  if (free.every((dims) => dims.length <= 1)) {
    return b.squeeze(product, vectors);
  }
  return b.reshape(product, [0, ...free.flatMap((dims) => knownSizes(ctx, dims))]);
}

/** x as `[batch, rows, summed]` or, with the summed axis `first`, `[batch, summed, columns]`. */
function asMatrices(ctx: LayerContext, { x, axis }: Operand, place: 'first' | 'last'): Value {
  const { b } = ctx;
  const rank = ctx.rank(x);
  if (rank === 2) return b.unsqueeze(x, [place === 'last' ? 1 : 2]);
  const others = range(1, rank).filter((other) => other !== axis);
  const perm = place === 'last' ? [0, ...others, axis] : [0, axis, ...others];
  const moved = perm.every((from, to) => from === to) ? x : b.transpose(x, perm);
  if (rank === 3) return moved;
  const summed = ctx.size(x, axis);
  const free = sizeOf(knownSizes(ctx, freeDims(ctx, { x, axis })));
  return b.reshape(moved, place === 'last' ? [0, free, summed] : [0, summed, free]);
}

function freeDims(ctx: LayerContext, { x, axis }: Operand): readonly (number | string)[] {
  return ctx.shape(x).filter((_, other) => other !== 0 && other !== axis);
}

function knownSizes(ctx: LayerContext, dims: readonly (number | string)[]): readonly number[] {
  const known = staticDims(dims);
  if (known === undefined) throw ctx.unsupported('inputs of rank 4 or more must have known sizes');
  return known;
}

/** x divided by its Euclidean norm along an axis. */
function normalized(ctx: LayerContext, x: Value, axis: number): Value {
  const { b } = ctx;
  const norm = b.op('ReduceL2', [toFloats(b, x), b.int64s([axis], 'axes')], { keepdims: int(1) });
  const divisor = b.op('Max', [norm, ctx.constant('least_norm', () => Tensor.scalar(leastNorm))]);
  return b.op('Div', [x, divisor]);
}

export const dotLayers = [dot];

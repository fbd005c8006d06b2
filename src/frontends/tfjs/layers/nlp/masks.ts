import { int } from '../../../../ir/attribute.js';
import type { Value } from '../../../../ir/graph.js';
import { Tensor } from '../../../../ir/tensor.js';
import { range } from '../../axes.js';
import { type LayerContext, toFloats } from '../../layer.js';
import { excludedScore } from '../masking.js';

/** Most elements of a mask that is written out: a file of a few bytes can claim any length. */
const maxConstant = 2 ** 22;

/**
 * `[..., heads, targets, sources]` products with those excluded that a mask is false for. Masks have rank 3,
 * `[batch, targets, sources]`, or that of the products; they are bool but for a single one, which may have numbers: then
 * 1 less the number is what a product is excluded by, as in Keras.
 */
export function withMask(ctx: LayerContext, products: Value, masks: readonly Value[], axes: number): Value {
  const [first] = masks;
  if (first === undefined) return products;
  if (axes > 1) throw ctx.unsupported('masks are not supported with more than one attention axis');
  const { b } = ctx;
  if (masks.length === 1 && first.elementType !== 'bool') {
    const shares = forHeads(ctx, toFloats(b, first), products);
    const terms = b.op('Mul', [b.op('Sub', [shares, b.scalar(1, 'one')]), b.scalar(-excludedScore, 'excluded')]);
    return b.op('Add', [products, terms]);
  }
  const both = masks.map((mask) => asBool(ctx, mask)).reduce((left, right) => b.op('And', [left, right]));
  return b.op('Where', [forHeads(ctx, both, products), products, b.scalar(excludedScore, 'excluded')]);
}

/** True where a mask is not 0. */
export function asBool(ctx: LayerContext, mask: Value): Value {
  return mask.elementType === 'bool' ? mask : ctx.b.cast(mask, 'bool');
}

/** An axis of size 1 for the heads, and for what else the products have and the mask has not. */
function forHeads(ctx: LayerContext, mask: Value, products: Value): Value {
  const missing = ctx.rank(products) - ctx.rank(mask);
  if (missing < 0) throw ctx.invalid(`a mask of rank ${ctx.rank(mask)} is given, 3 is needed`);
  // A mask for all samples broadcasts as it is.
  const place = ctx.rank(mask) - 2;
  return place <= 0 ? mask : ctx.b.unsqueeze(mask, range(place, place + missing));
}

/** A Keras mask `[batch, targets]` of the query as `[batch, targets, 1]`. */
export function targetMask(ctx: LayerContext, mask: Value): Value {
  return ctx.b.unsqueeze(mask, [2]);
}

/** A Keras mask `[batch, sources]` of key or value as `[batch, 1, sources]`. */
export function sourceMask(ctx: LayerContext, mask: Value): Value {
  return ctx.b.unsqueeze(mask, [1]);
}

/**
 * The mask `[targets, sources]`, bool, by which target i sees sources 0 … i. It is a constant where both sizes are
 * known and not large.
 */
export function causalMask(ctx: LayerContext, query: Value, value: Value): Value {
  const [targets, sources] = [ctx.shape(query)[1], ctx.shape(value)[1]];
  if (typeof targets === 'number' && typeof sources === 'number' && targets * sources <= maxConstant) {
    return ctx.constant(`causal_${targets}x${sources}`, () => triangle(targets, sources));
  }
  const { b } = ctx;
  const steps = (x: Value): Value => {
    const count = b.op('Squeeze', [b.op('Shape', [x], { start: int(1), end: int(2) })]);
    return b.op('Range', [b.constant(index(0), 'first'), count, b.constant(index(1), 'step')]);
  };
  return b.op('GreaterOrEqual', [b.unsqueeze(steps(query), [1]), steps(value)]);
}

function index(value: number): Tensor {
  return Tensor.int64([], [value]);
}

function triangle(rows: number, columns: number): Tensor {
  const values = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) values.fill(1, row * columns, row * columns + Math.min(row + 1, columns));
  return new Tensor('bool', [rows, columns], values);
}

import { int } from '../../../../ir/attribute.js';
import type { Value } from '../../../../ir/graph.js';
import { inversePermutation, sizeOf } from '../../../../ir/types.js';
import { range } from '../../axes.js';
import type { LayerContext } from '../../layer.js';
import { withMask } from './masks.js';
import { type Projection, project } from './projections.js';
import { mergeLast, splitLast } from './support.js';

export interface AttentionSettings {
  readonly heads: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly useBias: boolean;
  /** Sizes of the last axes of the result; undefined: the last axis of the query. */
  readonly outputShape: readonly number[] | undefined;
  /** Axes that are attended over; undefined: all but the first and the last. */
  readonly axes: readonly number[] | undefined;
}

export interface AttentionInputs {
  /** `[batch, ...targets, features]` */
  readonly query: Value;
  /** `[batch, ...sources, features]` */
  readonly key: Value;
  readonly value: Value;
  /** Which sources count for which targets: bool masks that broadcast to `[batch, targets, sources]`, or factors. */
  readonly masks: readonly Value[];
}

export interface Attention {
  readonly output: Value;
  /** Probabilities, `[batch, ...other axes, heads, ...targets, ...sources]`. */
  readonly scores: Value;
}

/**
 * Multi-head dot-product attention ("Attention is all you need", 2017) as Keras computes it: for each head
 * softmax(Q K' / sqrt(key size)) V, with Q, K and V projected from query, key and value, and the heads projected to the
 * result. Weights are those of layers `query`, `key`, `value` and `attention_output` behind `scope`. The division by
 * the square root is done on the weights of Q.
 */
export function attention(
  ctx: LayerContext,
  scope: string,
  settings: AttentionSettings,
  inputs: AttentionInputs,
): Attention {
  const { heads, valueSize, useBias } = settings;
  const { query, key, value, masks } = inputs;
  const { b } = ctx;
  const layout = layoutOf(ctx, settings.axes, query, key, value);
  const { q, k, v } = projected(ctx, scope, settings, inputs, layout);
  const products = withMask(ctx, b.op('MatMul', [q, k]), masks, layout.attended.length);
  const scores = b.op('Softmax', [products], { axis: int(-1) });
  const targets = axisSizes(ctx, query, layout.attended);
  const sources = axisSizes(ctx, value, layout.attended);
  const mixed = fromRows(ctx, b.op('MatMul', [scores, v]), layout, targets, valueSize);
  const merged = mergeLast(ctx, mixed, 2, heads * valueSize);
  const units = settings.outputShape ?? [ctx.size(query, -1)];
  const out: Projection = { layer: 'attention_output', summed: [heads, valueSize], units };
  const output = splitLast(ctx, project(ctx, scope, merged, [out], useBias), units);
  return { output, scores: splitScores(ctx, scores, layout, targets, sources) };
}

/** Q and V with rows of `size` for the targets and sources of each head, K with columns. */
interface Projected {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** Self-attention over one axis projects its input to all three at once. */
function projected(
  ctx: LayerContext,
  scope: string,
  { heads, keySize, valueSize, useBias }: AttentionSettings,
  { query, key, value }: AttentionInputs,
  layout: Layout,
): Projected {
  const { b } = ctx;
  const projection = (layer: 'query' | 'key' | 'value', x: Value): Projection => ({
    layer,
    summed: [ctx.size(x, -1)],
    units: [heads, layer === 'value' ? valueSize : keySize],
    ...(layer === 'query' ? { factor: 1 / Math.sqrt(keySize) } : {}),
  });
  if (query === key && query === value && keySize === valueSize && ctx.rank(query) === 3) {
    const all = [projection('query', query), projection('key', query), projection('value', query)];
    const joint = splitLast(ctx, project(ctx, scope, query, all, useBias), [3 * heads, keySize]);
    const sizes = b.int64s([heads, heads, heads], 'heads');
    const [q, k, v] = b.multi('Split', [b.transpose(joint, [0, 2, 1, 3]), sizes], 3, { axis: int(1) });
    if (q === undefined || k === undefined || v === undefined) throw new Error('internal error: Split gave too little');
    return { q, k: b.transpose(k, [0, 1, 3, 2]), v };
  }
  const own = (layer: 'query' | 'key' | 'value', x: Value): Value => {
    const one = projection(layer, x);
    return splitLast(ctx, project(ctx, scope, x, [one], useBias), one.units);
  };
  const sources = axisSizes(ctx, value, layout.attended);
  return {
    q: toRows(ctx, own('query', query), layout, axisSizes(ctx, query, layout.attended)),
    k: toColumns(ctx, own('key', key), layout, sources),
    v: toRows(ctx, own('value', value), layout, sources),
  };
}

/** The axes of `[batch, ..., heads, size]`: heads and size are `rank` and `rank + 1` less 1. */
interface Layout {
  readonly attended: readonly number[];
  /** The batch and the axes that are not attended over. */
  readonly others: readonly number[];
  readonly headAxis: number;
}

function layoutOf(ctx: LayerContext, given: readonly number[] | undefined, ...inputs: readonly Value[]): Layout {
  const [rank = 0, ...ranks] = inputs.map((input) => ctx.rank(input));
  if (rank < 3 || ranks.some((other) => other !== rank)) {
    throw ctx.invalid(
      `query, key and value have ranks ${[rank, ...ranks].join(', ')}: equal ones of 3 or more are needed`,
    );
  }
  const attended = given ?? range(1, rank - 1);
  const isRight = attended.every((axis) => axis >= 1 && axis < rank - 1) && new Set(attended).size === attended.length;
  if (!isRight || attended.length === 0) {
    throw ctx.invalid(`attention_axes = [${attended.join(', ')}] are no axes between batch and features`);
  }
  const others = range(0, rank - 1).filter((axis) => !attended.includes(axis));
  return { attended, others, headAxis: rank - 1 };
}

/** Sizes of the attended axes; they need not be known where there is one. */
function axisSizes(ctx: LayerContext, x: Value, axes: readonly number[]): readonly number[] {
  return axes.length === 1 ? [] : axes.map((axis) => ctx.size(x, axis));
}

/** `[..., heads, size]` as `[...others, heads, attended, size]`. */
function toRows(ctx: LayerContext, x: Value, { attended, others, headAxis }: Layout, sizes: readonly number[]): Value {
  const rows = ctx.b.transpose(x, [...others, headAxis, ...attended, headAxis + 1]);
  if (attended.length === 1) return rows;
  return ctx.b.reshape(rows, [...others.map(() => 0), 0, sizeOf(sizes), ctx.size(x, -1)]);
}

/** `[..., heads, size]` as `[...others, heads, size, attended]`. */
function toColumns(
  ctx: LayerContext,
  x: Value,
  { attended, others, headAxis }: Layout,
  sizes: readonly number[],
): Value {
  const columns = ctx.b.transpose(x, [...others, headAxis, headAxis + 1, ...attended]);
  return attended.length === 1 ? columns : mergeLast(ctx, columns, attended.length, sizeOf(sizes));
}

/** Undoes {@link toRows}. */
function fromRows(
  ctx: LayerContext,
  x: Value,
  { attended, others, headAxis }: Layout,
  sizes: readonly number[],
  size: number,
): Value {
  const split = attended.length === 1 ? x : ctx.b.reshape(x, [...others.map(() => 0), 0, ...sizes, size]);
  return ctx.b.transpose(split, inversePermutation([...others, headAxis, ...attended, headAxis + 1]));
}

function splitScores(
  ctx: LayerContext,
  scores: Value,
  { attended, others }: Layout,
  targets: readonly number[],
  sources: readonly number[],
): Value {
  return attended.length === 1 ? scores : ctx.b.reshape(scores, [...others.map(() => 0), 0, ...targets, ...sources]);
}

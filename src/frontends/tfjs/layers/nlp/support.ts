import type { Value } from '../../../../ir/graph.js';
import { range } from '../../axes.js';
import { show } from '../../json.js';
import type { LayerContext } from '../../layer.js';

/** The last `count` axes as one of size `size`. */
export function mergeLast(ctx: LayerContext, x: Value, count: number, size: number): Value {
  if (count === 1) return x;
  return ctx.b.reshape(x, [...range(0, ctx.rank(x) - count).map(() => 0), size]);
}

/** The last axis as axes of these sizes. */
export function splitLast(ctx: LayerContext, x: Value, sizes: readonly number[]): Value {
  if (sizes.length === 1) return x;
  return ctx.b.reshape(x, [...range(0, ctx.rank(x) - 1).map(() => 0), ...sizes]);
}

/** A setting of the call that is true or false. */
export function flag(ctx: LayerContext, name: string, fallback: boolean): boolean {
  const value = ctx.argument(name) ?? fallback;
  if (typeof value === 'boolean') return value;
  throw ctx.invalid(`it is called with ${name} = ${show(value)}: true or false is needed`);
}

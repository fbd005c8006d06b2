import { int } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Value } from '../../ir/graph.js';
import type { LayerContext } from './layer.js';

/** Whole numbers from `start` on, `end` left out: axes, mostly. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
}

/** An axis counted from the start; throws where x has no such axis. */
export function checkedAxis(ctx: LayerContext, axis: number, x: Value): number {
  const rank = ctx.rank(x);
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank) throw ctx.invalid(`its input of rank ${rank} has no axis ${axis}`);
  return result;
}

/** Reduces `axes` with an operator such as ReduceMean. */
export function reduce(b: Builder, op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  return b.op(op, [x, b.int64s(axes, 'axes')], { keepdims: int(keepDims ? 1 : 0) });
}

import { int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { checkedAxis } from '../axes.js';
import { defineLayer, type LayerContext } from '../layer.js';

/**
 * `Masking`: a step counts unless all its features are `mask_value`; those that do not count become zeros.
 *
 * The sum of |x - value| is 0 just where every x is the value: sums of magnitudes do not underflow, differences of
 * unequal numbers neither, and what is not finite is not 0.
 */
const masking = defineLayer({
  className: 'Masking',
  config: (config) => config.number('mask_value', 0),
  maskedBy: (maskValue) => maskValue,
  import: (ctx, maskValue, [x]) => {
    const { b } = ctx;
    if (ctx.rank(x) < 2) throw ctx.invalid('its input has no axis of features');
    const distance = maskValue === 0 ? x : b.op('Sub', [x, b.scalar(maskValue, 'mask_value')]);
    const sum = b.op('ReduceL1', [distance, b.int64s([-1], 'axes')], { keepdims: int(0) });
    const mask = b.cast(sum, 'bool');
    // What is masked is zero already where zero is what masks it.
    if (maskValue === 0) return { value: x, mask };
    return { value: b.op('Where', [b.unsqueeze(mask, [ctx.rank(x) - 1]), x, b.scalar(0, 'zero')]), mask };
  },
});

/** What Keras adds to a score that does not count: where none counts, all count alike. */
export const excludedScore = -1e9;

/** Mask of a merged value: what all masks let through. An input without a mask lets all through. */
export function mergedMask(ctx: LayerContext): readonly (Value | undefined)[] {
  if (commonRank(ctx) !== undefined)
    ctx.departs('tfjs ignores the mask of the last input, and adds an axis to the others');
  return commonMask(ctx);
}

function commonMask(ctx: LayerContext): readonly (Value | undefined)[] {
  const [first, ...rest] = ctx.masks.filter((mask) => mask !== undefined);
  return first === undefined ? [] : [rest.reduce((all, mask) => ctx.b.op('And', [all, mask]), first)];
}

/** The rank of all masks; undefined where there are none. */
function commonRank(ctx: LayerContext): number | undefined {
  const ranks = new Set(ctx.masks.flatMap((mask) => (mask === undefined ? [] : [ctx.rank(mask)])));
  if (ranks.size > 1) throw ctx.unsupported(`its inputs have masks of ranks ${[...ranks].join(' and ')}`);
  return [...ranks][0];
}

/** Mask of values concatenated along `axis`: the masks one behind the other, or, where they lack it, their common one. */
export function concatenatedMask(
  ctx: LayerContext,
  axis: number,
  inputs: readonly [Value, ...Value[]],
): readonly (Value | undefined)[] {
  const rank = commonRank(ctx);
  const place = checkedAxis(ctx, axis, inputs[0]);
  if (rank === undefined || place >= rank) return commonMask(ctx);
  const masks = inputs.map((input, index) => ctx.masks[index] ?? fullMask(ctx, input, rank));
  return [ctx.b.op('Concat', masks, { axis: int(place) })];
}

/** A mask of `rank` axes that lets all of x through. */
function fullMask(ctx: LayerContext, x: Value, rank: number): Value {
  ctx.departs('tfjs cannot concatenate masks where one is missing');
  const shape = ctx.b.op('Shape', [x], { start: int(0), end: int(rank) });
  const value = new Tensor('bool', [1], Uint8Array.of(1));
  return ctx.b.op('ConstantOfShape', [shape], { value: { kind: 'tensor', value } });
}

export const maskingLayers = [masking];

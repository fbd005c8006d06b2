import { int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { show } from '../json.js';
import { type LayerContext, type LayerDefinition, toFloats } from '../layer.js';
import { checkedAxis } from './activation-layers.js';

/**
 * `Masking`: a step counts unless all its features are `mask_value`; those that do not count become zeros.
 *
 * The sum of |x - value| is 0 just where every x is the value: sums of magnitudes do not underflow, differences of
 * unequal numbers neither, and what is not finite is not 0.
 */
const masking: LayerDefinition = {
  classNames: ['Masking'],
  arity: [1, 1],
  prepare: (config) => {
    const maskValue = config.number('mask_value', 0);
    return {
      call: (ctx, [input]) => {
        if (input === undefined) throw ctx.invalid('it is called without inputs');
        const { b } = ctx;
        const x = toFloats(b, input);
        if (ctx.rank(x) < 2) throw ctx.invalid('its input has no axis of features');
        const distance = maskValue === 0 ? x : b.op('Sub', [x, b.scalar(maskValue, 'mask_value')]);
        const sum = b.op('ReduceL1', [distance, b.int64s([-1], 'axes')], { keepdims: int(0) });
        const mask = b.cast(sum, 'bool');
        // What is masked is zero already where zero is what masks it.
        const value =
          maskValue === 0 ? x : b.op('Where', [b.unsqueeze(mask, [ctx.rank(x) - 1]), x, b.scalar(0, 'zero')]);
        return [{ value, mask }];
      },
    };
  },
};

/** Mask of a merged value: what all masks let through. An input without a mask lets all through. */
export function commonMask(ctx: LayerContext): readonly (Value | undefined)[] {
  const masks = ctx.masks.filter((mask) => mask !== undefined);
  const ranks = new Set(masks.map((mask) => ctx.rank(mask)));
  if (ranks.size > 1) throw ctx.unsupported(`its inputs have masks of ranks ${[...ranks].join(' and ')}`);
  if (masks.length > 1) ctx.departs('tfjs ignores the mask of the last input');
  const [first, ...rest] = masks;
  return first === undefined ? [] : [rest.reduce((all, mask) => ctx.b.op('And', [all, mask]), first)];
}

/** Mask of values concatenated along `axis`: the masks one behind the other, or, along the features, their common one. */
export function concatenatedMask(
  ctx: LayerContext,
  axis: number,
  inputs: readonly [Value, ...Value[]],
): readonly (Value | undefined)[] {
  if (ctx.masks.every((mask) => mask === undefined)) return [];
  const last = ctx.rank(inputs[0]) - 1;
  const place = checkedAxis(ctx, axis, inputs[0]);
  if (place === last) return commonMask(ctx);
  const masks = inputs.map((input, index) => ctx.masks[index] ?? fullMask(ctx, input));
  const shapes = masks.map((mask) => ctx.shape(mask));
  if (shapes.some(({ length }) => length !== last)) {
    throw ctx.unsupported(`masks of shapes ${show(shapes)} cannot be concatenated along axis ${axis}`);
  }
  return [ctx.b.op('Concat', masks, { axis: int(place) })];
}

/** A mask that lets every step of x through. */
function fullMask(ctx: LayerContext, x: Value): Value {
  const shape = ctx.b.op('Shape', [x], { start: int(0), end: int(ctx.rank(x) - 1) });
  const value = new Tensor('bool', [1], Uint8Array.of(1));
  return ctx.b.op('ConstantOfShape', [shape], { value: { kind: 'tensor', value } });
}

export const maskingLayers = [masking];

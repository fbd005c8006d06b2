import { float, int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { checkedAxis } from '../axes.js';
import { show } from '../json.js';
import { defineLayer, type LayerContext } from '../layer.js';
import { excludedScore } from './masking.js';

interface ReluSettings {
  readonly max: number | undefined;
  readonly slope: number;
  readonly threshold: number;
}

/**
 * Keras: `max` where x >= max, x where threshold <= x < max, `slope * (x - threshold)` below. (tfjs itself ignores
 * slope and threshold.)
 */
const relu = defineLayer({
  className: 'ReLU',
  perVector: true,
  mask: 'pass',
  config: (config): ReluSettings => ({
    max: config.raw('max_value') === undefined ? undefined : config.number('max_value'),
    slope: config.number('negative_slope', 0),
    threshold: config.number('threshold', 0),
  }),
  import: (ctx, { max, slope, threshold }, [x]) => {
    const { b } = ctx;
    if (slope !== 0 || threshold !== 0) ctx.departs('tfjs ignores negative_slope and threshold');
    if (slope === 0 && threshold === 0) {
      return max === undefined ? b.op('Relu', [x]) : b.op('Clip', [x, b.scalar(0, 'min'), b.scalar(max, 'max')]);
    }
    let y: Value;
    if (threshold === 0) y = b.op('LeakyRelu', [x], { alpha: float(slope) });
    else {
      const limit = b.scalar(threshold, 'threshold');
      const below = b.op('Mul', [b.op('Sub', [x, limit]), b.scalar(slope, 'slope')]);
      y = b.op('Where', [b.op('GreaterOrEqual', [x, limit]), x, below]);
    }
    return max === undefined ? y : b.op('Min', [y, b.scalar(max, 'max')]);
  },
});

const leakyRelu = defineLayer({
  className: 'LeakyReLU',
  perVector: true,
  mask: 'pass',
  config: (config) => config.number('alpha', config.number('negative_slope', 0.3)),
  import: ({ b }, alpha, [x]) => b.op('LeakyRelu', [x], { alpha: float(alpha) }),
});

const elu = defineLayer({
  className: 'ELU',
  onlyFloats: true,
  perVector: true,
  mask: 'pass',
  config: (config) => config.number('alpha', 1),
  import: (ctx, alpha, [x]) => {
    if (alpha !== 1) ctx.departs('tfjs has no alpha but 1');
    return ctx.b.op('Elu', [x], { alpha: float(alpha) });
  },
});

const thresholdedRelu = defineLayer({
  className: 'ThresholdedReLU',
  perVector: true,
  mask: 'pass',
  config: (config) => config.number('theta', 1),
  import: ({ b }, theta, [x]) => b.op('ThresholdedRelu', [x], { alpha: float(theta) }),
});

const prelu = defineLayer({
  className: 'PReLU',
  mask: 'pass',
  config: (config) => config.axes('shared_axes') ?? [],
  weights: () => ['alpha'],
  import: (ctx, shared, [x]) => {
    const shape = ctx
      .shape(x)
      .slice(1)
      .map((_, index) => (shared.includes(index + 1) ? 1 : ctx.size(x, index + 1)));
    return ctx.b.op('PRelu', [x, ctx.weight('alpha', shape)]);
  },
});

/**
 * The axis of tfjs is 1 where the file names none. Over several axes, the exponentials of all sum up to 1. A mask of the
 * elements of x leaves those out that it is false for.
 */
const softmax = defineLayer({
  className: 'Softmax',
  onlyFloats: true,
  mask: 'pass',
  followsMask: true,
  config: (config) => config.axes('axis') ?? [1],
  import: (ctx, axes, [x]) => {
    const found = axes.map((axis) => checkedAxis(ctx, axis, x));
    const [axis] = found;
    if (axis === undefined || new Set(found).size < found.length) {
      throw ctx.invalid(`axis = ${show(axes)} is not possible`);
    }
    if (found.length === 1 && axis < ctx.rank(x) - 1) ctx.departs('tfjs has no softmax along this axis');
    const scores = withoutMasked(ctx, x);
    if (found.length === 1) return ctx.b.op('Softmax', [scores], { axis: int(axis) });
    return exponentialShares(ctx.b, scores, found);
  },
});

/** x less a number as in Keras and tfjs, where the mask is false. */
function withoutMasked(ctx: LayerContext, x: Value): Value {
  const { b } = ctx;
  const [mask] = ctx.masks;
  if (mask === undefined) return x;
  ctx.departs('tfjs takes the mask of another layer');
  const [found, wanted] = [ctx.rank(mask), ctx.rank(x)];
  if (found !== wanted) {
    const advice = 'a mask of steps does not tell which of the numbers of a step count: use the activation instead';
    throw ctx.unsupported(`its mask has rank ${found} and its input rank ${wanted}`, advice);
  }
  const counts = mask.elementType === 'bool' ? mask : b.cast(mask, 'bool');
  return b.op('Add', [x, b.op('Where', [counts, b.scalar(0, 'counts'), b.scalar(excludedScore, 'left_out')])]);
}

/** exp(x - max) / sum(exp(x - max)), which no x lets overflow. */
function exponentialShares(b: Builder, x: Value, axes: readonly number[]): Value {
  const over = b.int64s(axes, 'axes');
  const keepdims = { keepdims: int(1) };
  const powers = b.op('Exp', [b.op('Sub', [x, b.op('ReduceMax', [x, over], keepdims)])]);
  return b.op('Div', [powers, b.op('ReduceSum', [powers, over], keepdims)]);
}

export const activationLayers = [relu, leakyRelu, elu, thresholdedRelu, prelu, softmax];

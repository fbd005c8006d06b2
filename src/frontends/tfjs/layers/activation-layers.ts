import { float, int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { show } from '../json.js';
import { defineLayer, type LayerContext } from '../layer.js';

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
  config: (config): ReluSettings => ({
    max: config.raw('max_value') === undefined ? undefined : config.number('max_value'),
    slope: config.number('negative_slope', 0),
    threshold: config.number('threshold', 0),
  }),
  import: ({ b }, { max, slope, threshold }, [x]) => {
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
  config: (config) => config.number('alpha', config.number('negative_slope', 0.3)),
  import: ({ b }, alpha, [x]) => b.op('LeakyRelu', [x], { alpha: float(alpha) }),
});

const elu = defineLayer({
  className: 'ELU',
  config: (config) => config.number('alpha', 1),
  import: ({ b }, alpha, [x]) => b.op('Elu', [x], { alpha: float(alpha) }),
});

const thresholdedRelu = defineLayer({
  className: 'ThresholdedReLU',
  config: (config) => config.number('theta', 1),
  import: ({ b }, theta, [x]) => b.op('ThresholdedRelu', [x], { alpha: float(theta) }),
});

const prelu = defineLayer({
  className: 'PReLU',
  config: (config) => config.axes('shared_axes') ?? [],
  import: (ctx, shared, [x]) => {
    const shape = ctx
      .shape(x)
      .slice(1)
      .map((_, index) => (shared.includes(index + 1) ? 1 : ctx.size(x, index + 1)));
    return ctx.b.op('PRelu', [x, ctx.weight('alpha', shape)]);
  },
});

/** The axis of tfjs is 1 where the file names none. */
const softmax = defineLayer({
  className: 'Softmax',
  config: (config) => config.axes('axis') ?? [1],
  import: (ctx, axes, [x]) => {
    const [axis] = axes;
    if (axis === undefined || axes.length > 1) throw ctx.unsupported(`axis = ${show(axes)}: one axis is supported`);
    return ctx.b.op('Softmax', [x], { axis: int(checkedAxis(ctx, axis, x)) });
  },
});

/** An axis counted from the start; throws where x has no such axis. */
export function checkedAxis(ctx: LayerContext, axis: number, x: Value): number {
  const rank = ctx.rank(x);
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank) throw ctx.invalid(`its input of rank ${rank} has no axis ${axis}`);
  return result;
}

export const activationLayers = [relu, leakyRelu, elu, thresholdedRelu, prelu, softmax];

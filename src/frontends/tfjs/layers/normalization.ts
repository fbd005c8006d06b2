import { float, int } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { inversePermutation, sizeOf } from '../../../ir/types.js';
import { checkedAxis, range } from '../axes.js';
import { show } from '../json.js';
import { defineLayer, type LayerContext } from '../layer.js';
import { withChannelsFirst } from '../spatial.js';

/** Most elements of a parameter that is made up here: a file of a few bytes can claim any number of channels. */
const maxFilled = 2 ** 24;

/** A parameter of ones or zeros in place of one that the layer was told to go without. */
function filled(ctx: LayerContext, name: string, dims: readonly number[], value: number): Value {
  if (sizeOf(dims) > maxFilled) throw ctx.invalid(`${dims.join(' x ')} channels are too many`);
  return ctx.constant(
    `${name}_${dims.join('x')}`,
    () => new Tensor('float32', dims, new Float32Array(sizeOf(dims)).fill(value)),
  );
}

/** Names of the parameters that a layer was not told to go without. */
function scaleAndCenter({ scale, center }: { readonly scale: boolean; readonly center: boolean }): readonly string[] {
  return [...(scale ? ['gamma'] : []), ...(center ? ['beta'] : [])];
}

/** The layer divides by the root of the variance and epsilon: what is no number then would be none in all that follows. */
function requireVariance(ctx: LayerContext, { constant }: Value, epsilon: number): void {
  const least = constant?.numbers().reduce((low, element) => Math.min(low, element), Number.POSITIVE_INFINITY) ?? 1;
  if (least + epsilon > 0) return;
  throw ctx.invalid(`its moving_variance has an element ${least}, which has no root`, 'the weights are damaged');
}

const batchNormalization = defineLayer({
  className: 'BatchNormalization',
  onlyFloats: true,
  mask: 'pass',
  config: (config) => {
    config.ignore('momentum', 'fused', 'synchronized');
    config.only('renorm', false);
    return {
      axes: config.axes('axis') ?? [-1],
      epsilon: config.number('epsilon', 1e-3),
      center: config.bool('center', true),
      scale: config.bool('scale', true),
    };
  },
  weights: (settings) => [...scaleAndCenter(settings), 'moving_mean', 'moving_variance'],
  import: (ctx, { axes, epsilon, center, scale }, [x]) => {
    const [first] = axes;
    if (first === undefined || axes.length > 1) throw ctx.unsupported(`axis = ${show(axes)}: one axis is supported`);
    const axis = checkedAxis(ctx, first, x);
    const rank = ctx.rank(x);
    if (axis === 0) throw ctx.unsupported('axis = 0, the batch, is not supported');
    if (axis < rank - 1) ctx.departs('tfjs runs through the parameters along the last axis');
    const dims = [ctx.size(x, axis)];
    const gamma = scale ? ctx.weight('gamma', dims) : undefined;
    const beta = center ? ctx.weight('beta', dims) : undefined;
    const mean = ctx.weight('moving_mean', dims);
    const variance = ctx.weight('moving_variance', dims);
    requireVariance(ctx, variance, epsilon);
    const parameters = [gamma ?? filled(ctx, 'gamma', dims, 1), beta ?? filled(ctx, 'beta', dims, 0), mean, variance];
    return withChannelsFirst(ctx.b, x, rank, axis, (first) => {
      return ctx.b.op('BatchNormalization', [first, ...parameters], { epsilon: float(epsilon) });
    });
  },
});

const layerNormalization = defineLayer({
  className: 'LayerNormalization',
  onlyFloats: true,
  mask: 'pass',
  config: (config) => ({
    axes: config.axes('axis') ?? [-1],
    epsilon: config.number('epsilon', 1e-3),
    center: config.bool('center', true),
    scale: config.bool('scale', true),
  }),
  weights: scaleAndCenter,
  import: (ctx, { axes, epsilon, center, scale }, [x]) => {
    const rank = ctx.rank(x);
    const found = axes.map((axis) => checkedAxis(ctx, axis, x));
    if (found.length === 0 || new Set(found).size < found.length)
      throw ctx.invalid(`axis = ${show(axes)} is not possible`);
    // Keras and tfjs read parameters of axes out of order as if they were in order: only their count matters.
    const ordered = [...found].sort((left, right) => left - right);
    const dims = ordered.map((axis) => ctx.size(x, axis));
    const parameter = (name: string): Value =>
      ctx.weight(
        name,
        found.map((axis) => ctx.size(x, axis)),
        { dims },
      );
    const gamma = scale ? parameter('gamma') : undefined;
    const beta = center ? parameter('beta') : undefined;
    const parameters = [gamma ?? filled(ctx, 'gamma', dims, 1), ...(beta === undefined ? [] : [beta])];
    // ONNX normalises the last axes: others are moved there and back.
    const perm = [...range(0, rank).filter((axis) => !found.includes(axis)), ...ordered];
    const moved = perm.some((axis, place) => axis !== place);
    const attributes = { axis: int(rank - found.length), epsilon: float(epsilon) };
    const y = ctx.b.op('LayerNormalization', [moved ? ctx.b.transpose(x, perm) : x, ...parameters], attributes);
    return moved ? ctx.b.transpose(y, inversePermutation(perm)) : y;
  },
});

export const normalizationLayers = [batchNormalization, layerNormalization];

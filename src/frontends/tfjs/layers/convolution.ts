import { int, ints } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import type { Tensor } from '../../../ir/tensor.js';
import { type ActivationName, activate } from '../activations.js';
import type { ConfigReader, DataFormat } from '../config.js';
import { defineLayer, type LayerContext, type LayerDefinition } from '../layer.js';
import { permuteTensor } from '../permute.js';
import {
  channelAxis,
  convWindow,
  range,
  spatialDims,
  type Window,
  windowAttributes,
  withChannelsFirst,
} from '../spatial.js';

interface ConvSettings {
  readonly window: Window;
  readonly format: DataFormat;
  readonly useBias: boolean;
  readonly activation: ActivationName;
}

function convSettings(config: ConfigReader, spatial: number): ConvSettings {
  config.only('groups', 1, 'grouped convolutions do not exist in tfjs');
  config.only('rank', spatial);
  return {
    window: convWindow(config, spatial),
    format: config.dataFormat(),
    useBias: config.bool('use_bias', true),
    activation: config.activation(),
  };
}

/** A kernel in the layout of Keras, `[...spatial, in, out]`, in that of ONNX, `[out, in, ...spatial]`. */
function toOnnxKernel(kernel: Tensor<'float32'>): Tensor {
  const spatial = kernel.dims.length - 2;
  return permuteTensor(kernel, [spatial + 1, spatial, ...range(0, spatial)]);
}

function convolve(ctx: LayerContext, x: Value, window: Window, group: number, kernel: Value, bias?: Value): Value {
  const attributes = { ...windowAttributes(window, spatialDims(ctx, x)), group: int(group) };
  return ctx.b.op('Conv', bias === undefined ? [x, kernel] : [x, kernel, bias], attributes);
}

/** Conv1D, Conv2D, Conv3D. `causal` padding (all of it in front) is what Keras documents; tfjs throws there. */
function conv(spatial: number): LayerDefinition {
  return defineLayer({
    className: `Conv${spatial}D`,
    config: (config) => ({ ...convSettings(config, spatial), filters: config.int('filters', 1) }),
    import: (ctx, { window, format, useBias, activation, filters }, [x]) => {
      const rank = spatial + 2;
      ctx.expectRank(x, rank);
      const axis = channelAxis(rank, format);
      const kernel = ctx.weight('kernel', [...window.size, ctx.size(x, axis), filters], toOnnxKernel);
      const bias = useBias ? ctx.weight('bias', [filters]) : undefined;
      const y = withChannelsFirst(ctx.b, x, rank, axis, (nchw) => convolve(ctx, nchw, window, 1, kernel, bias));
      return activate(ctx.b, activation, y);
    },
  });
}

/** Kernel `[h, w, in, mult]` to `[in * mult, 1, h, w]`: output channel in * mult + m belongs to input channel `in`. */
function toDepthwiseKernel(kernel: Tensor<'float32'>): Tensor {
  const [height = 1, width = 1, channels = 1, multiplier = 1] = kernel.dims;
  return permuteTensor(kernel, [2, 3, 0, 1]).reshaped([channels * multiplier, 1, height, width]);
}

/** Dilation is applied as Keras documents it; tfjs ignores it. */
const depthwiseConv2d = defineLayer({
  className: 'DepthwiseConv2D',
  config: (config) => ({ ...convSettings(config, 2), multiplier: config.int('depth_multiplier', 1, 1) }),
  import: (ctx, { window, format, useBias, activation, multiplier }, [x]) => {
    ctx.expectRank(x, 4);
    const axis = channelAxis(4, format);
    const channels = ctx.size(x, axis);
    const kernel = ctx.weight('depthwise_kernel', [...window.size, channels, multiplier], toDepthwiseKernel);
    const bias = useBias ? ctx.weight('bias', [channels * multiplier]) : undefined;
    const y = withChannelsFirst(ctx.b, x, 4, axis, (nchw) => convolve(ctx, nchw, window, channels, kernel, bias));
    return activate(ctx.b, activation, y);
  },
});

const separableConv2d = defineLayer({
  className: 'SeparableConv2D',
  config: (config) => ({
    ...convSettings(config, 2),
    filters: config.int('filters', 1),
    multiplier: config.raw('depth_multiplier') === undefined ? undefined : config.int('depth_multiplier', 1),
  }),
  import: (ctx, { window, format, useBias, activation, filters, multiplier: given }, [x]) => {
    ctx.expectRank(x, 4);
    const axis = channelAxis(4, format);
    const channels = ctx.size(x, axis);
    // tfjs does not save depth_multiplier; the weight tells.
    const multiplier = given ?? ctx.weightShape('depthwise_kernel')?.[3] ?? 1;
    const depthwise = ctx.weight('depthwise_kernel', [...window.size, channels, multiplier], toDepthwiseKernel);
    const pointwise = ctx.weight('pointwise_kernel', [1, 1, channels * multiplier, filters], toOnnxKernel);
    const bias = useBias ? ctx.weight('bias', [filters]) : undefined;
    const point: Window = { size: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' };
    const y = withChannelsFirst(ctx.b, x, 4, axis, (nchw) => {
      return convolve(ctx, convolve(ctx, nchw, window, channels, depthwise), point, 1, pointwise, bias);
    });
    return activate(ctx.b, activation, y);
  },
});

/**
 * Conv2DTranspose, Conv3DTranspose, whose kernel is `[...spatial, out, in]`. The output has size in * s (`same`) or in * s + max(k - s, 0) (`valid`); of the
 * k - s that `same` cuts away, floor half goes in front; a stride longer than the kernel leaves s - k zeros at the end.
 */
function convTranspose(spatial: number): LayerDefinition {
  return defineLayer({
    className: `Conv${spatial}DTranspose`,
    config: (config) => {
      if (config.raw('output_padding') !== undefined) config.unsupported('output_padding is not supported');
      const settings = { ...convSettings(config, spatial), filters: config.int('filters', 1) };
      const dilated = settings.window.dilations.some((rate) => rate > 1);
      if (dilated) config.unsupported('dilation_rate greater than 1 is not supported', 'tfjs ignores it here');
      return settings;
    },
    import: (ctx, { window, format, useBias, activation, filters }, [x]) => {
      const rank = spatial + 2;
      ctx.expectRank(x, rank);
      const axis = channelAxis(rank, format);
      const kernel = ctx.weight('kernel', [...window.size, filters, ctx.size(x, axis)], toOnnxKernel);
      const bias = useBias ? ctx.weight('bias', [filters]) : undefined;
      const excess = window.size.map((size, index) => size - (window.strides[index] ?? 1));
      const cut = excess.map((amount) => (window.padding === 'same' ? Math.max(0, amount) : 0));
      const begins = cut.map((amount) => Math.floor(amount / 2));
      const ends = cut.map((amount, index) => amount - (begins[index] ?? 0));
      const extra = excess.map((amount) => Math.max(0, -amount));
      const attributes = {
        kernel_shape: ints(window.size),
        strides: ints(window.strides),
        ...(cut.some((amount) => amount > 0) ? { pads: ints([...begins, ...ends]) } : {}),
        ...(extra.some((amount) => amount > 0) ? { output_padding: ints(extra) } : {}),
      };
      const inputs = bias === undefined ? [kernel] : [kernel, bias];
      const y = withChannelsFirst(ctx.b, x, rank, axis, (nchw) =>
        ctx.b.op('ConvTranspose', [nchw, ...inputs], attributes),
      );
      return activate(ctx.b, activation, y);
    },
  });
}

export const convolutionLayers = [
  conv(1),
  conv(2),
  conv(3),
  convTranspose(2),
  convTranspose(3),
  depthwiseConv2d,
  separableConv2d,
];

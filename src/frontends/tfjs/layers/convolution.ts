import { type Attributes, int, ints } from '../../../ir/attribute.js';
import type { Value } from '../../../ir/graph.js';
import { type ActivationName, activate } from '../activations.js';
import { range } from '../axes.js';
import type { ConfigReader, DataFormat } from '../config.js';
import { show } from '../json.js';
import { defineLayer, type LayerContext, type LayerDefinition, type WeightForm } from '../layer.js';
import {
  channelAxis,
  convWindow,
  skips,
  spatialDims,
  type Window,
  windowAttributes,
  withChannelsFirst,
  withoutSkipped,
} from '../spatial.js';
import { withBias } from './core.js';

interface ConvSettings {
  readonly window: Window;
  readonly format: DataFormat;
  readonly useBias: boolean;
  readonly activation: ActivationName;
}

function convSettings(config: ConfigReader, spatial: number): ConvSettings {
  config.only('rank', spatial);
  return {
    window: convWindow(config, spatial),
    format: config.dataFormat(),
    useBias: config.bool('use_bias', true),
    activation: config.activation(),
  };
}

/** A kernel in the layout of Keras, `[...spatial, in, out]`, in that of ONNX, `[out, in, ...spatial]`. */
function toOnnxKernel(spatial: number): WeightForm {
  return { perm: [spatial + 1, spatial, ...range(0, spatial)] };
}

function convolve(ctx: LayerContext, image: Value, window: Window, group: number, kernel: Value, bias?: Value): Value {
  const x = withoutSkipped(ctx, image, window);
  const attributes = { ...windowAttributes(window, spatialDims(ctx, x)), group: int(group) };
  return ctx.b.op('Conv', bias === undefined ? [x, kernel] : [x, kernel, bias], attributes);
}

/** Settings without groups, which Keras has for plain convolutions only. */
function ungroupedSettings(config: ConfigReader, spatial: number): ConvSettings {
  config.only('groups', 1, 'Keras itself has no groups here');
  return convSettings(config, spatial);
}

/**
 * Conv1D, Conv2D, Conv3D. `causal` padding (all of it in front) is what Keras documents; tfjs throws there. Nor has it
 * groups: group g of the filters reads group g of the channels.
 */
function conv(spatial: number): LayerDefinition {
  return defineLayer({
    className: `Conv${spatial}D`,
    onlyFloats: true,
    config: (config) => ({
      ...convSettings(config, spatial),
      filters: config.int('filters', 1),
      groups: config.int('groups', 1, 1),
    }),
    weights: ({ useBias }) => withBias(useBias, 'kernel'),
    import: (ctx, { window, format, useBias, activation, filters, groups }, [x]) => {
      const rank = spatial + 2;
      ctx.expectRank(x, rank);
      const axis = channelAxis(rank, format);
      const channels = ctx.size(x, axis);
      if (groups > 1) ctx.departs('tfjs has no groups');
      if (window.padding === 'causal') ctx.departs('tfjs has no causal padding');
      if (spatial === 1 && format === 'channels_first') ctx.departs('tfjs gives channels last');
      if (spatial === 3 && skips(window)) ctx.departs('tfjs pads by a negative amount');
      if (channels % groups !== 0 || filters % groups !== 0) {
        throw ctx.invalid(`groups = ${groups} does not divide ${channels} channels and ${filters} filters`);
      }
      const kernel = ctx.weight('kernel', [...window.size, channels / groups, filters], toOnnxKernel(spatial));
      const bias = useBias ? ctx.weight('bias', [filters]) : undefined;
      const y = withChannelsFirst(ctx.b, x, rank, axis, (nchw) => convolve(ctx, nchw, window, groups, kernel, bias));
      return activate(ctx.b, activation, y);
    },
  });
}

/** Kernel `[h, w, in, mult]` to `[in * mult, 1, h, w]`: output channel in * mult + m belongs to input channel `in`. */
function toDepthwiseKernel(size: readonly number[], channels: number, multiplier: number): WeightForm {
  return { perm: [2, 3, 0, 1], dims: [channels * multiplier, 1, ...size] };
}

/** Dilation is applied as Keras documents it; tfjs ignores it. */
const depthwiseConv2d = defineLayer({
  className: 'DepthwiseConv2D',
  onlyFloats: true,
  config: (config) => ({ ...ungroupedSettings(config, 2), multiplier: config.int('depth_multiplier', 1, 1) }),
  weights: ({ useBias }) => withBias(useBias, 'depthwise_kernel'),
  import: (ctx, { window, format, useBias, activation, multiplier }, [x]) => {
    ctx.expectRank(x, 4);
    const axis = channelAxis(4, format);
    const channels = ctx.size(x, axis);
    if (window.dilations.some((rate) => rate > 1)) ctx.departs('tfjs ignores dilation_rate');
    const kernel = ctx.weight(
      'depthwise_kernel',
      [...window.size, channels, multiplier],
      toDepthwiseKernel(window.size, channels, multiplier),
    );
    const bias = useBias ? ctx.weight('bias', [channels * multiplier]) : undefined;
    const y = withChannelsFirst(ctx.b, x, 4, axis, (nchw) => convolve(ctx, nchw, window, channels, kernel, bias));
    return activate(ctx.b, activation, y);
  },
});

const separableConv2d = defineLayer({
  className: 'SeparableConv2D',
  onlyFloats: true,
  config: (config) => ({
    ...ungroupedSettings(config, 2),
    filters: config.int('filters', 1),
    multiplier: config.raw('depth_multiplier') === undefined ? undefined : config.int('depth_multiplier', 1),
  }),
  weights: ({ useBias }) => withBias(useBias, 'depthwise_kernel', 'pointwise_kernel'),
  import: (ctx, { window, format, useBias, activation, filters, multiplier: given }, [x]) => {
    ctx.expectRank(x, 4);
    const axis = channelAxis(4, format);
    const channels = ctx.size(x, axis);
    if (format === 'channels_first' && (useBias || activation.includes('softmax'))) {
      ctx.departs('tfjs adds the bias, and normalises, before it moves the channels');
    }
    // tfjs does not save depth_multiplier; the weight tells.
    const multiplier = given ?? ctx.weightShape('depthwise_kernel')?.[3] ?? 1;
    const depthwise = ctx.weight(
      'depthwise_kernel',
      [...window.size, channels, multiplier],
      toDepthwiseKernel(window.size, channels, multiplier),
    );
    const pointwise = ctx.weight('pointwise_kernel', [1, 1, channels * multiplier, filters], toOnnxKernel(2));
    const bias = useBias ? ctx.weight('bias', [filters]) : undefined;
    const point: Window = { size: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' };
    const y = withChannelsFirst(ctx.b, x, 4, axis, (nchw) => {
      return convolve(ctx, convolve(ctx, nchw, window, channels, depthwise), point, 1, pointwise, bias);
    });
    return activate(ctx.b, activation, y);
  },
});

/**
 * Conv2DTranspose, Conv3DTranspose, whose kernel is `[...spatial, out, in]`. They undo the sizes of a convolution: the
 * output is what that convolution would read, see {@link transposedExtent}. Dilation, which tfjs ignores and does not
 * save, and output_padding, which it does not have, are as Keras documents them.
 */
function convTranspose(spatial: number): LayerDefinition {
  return defineLayer({
    className: `Conv${spatial}DTranspose`,
    onlyFloats: true,
    config: (config) => {
      const given = config.raw('output_padding') !== undefined;
      const settings = { ...ungroupedSettings(config, spatial), filters: config.int('filters', 1) };
      const { strides, dilations } = settings.window;
      const dilated = dilations.some((rate) => rate > 1);
      const unequal = spatial !== 2 || new Set(dilations).size > 1;
      if (dilated && unequal) {
        config.unsupported(
          `dilation_rate = ${show(dilations)} is not supported`,
          'Keras has one rate, for images only',
        );
      }
      const outputPadding = given ? config.ints('output_padding', spatial, 0) : undefined;
      if (outputPadding?.some((amount, axis) => amount >= (strides[axis] ?? 1))) {
        config.invalid(`output_padding = ${show(outputPadding)} is not below strides = ${show(strides)}`);
      }
      return { ...settings, outputPadding };
    },
    weights: ({ useBias }) => withBias(useBias, 'kernel'),
    import: (ctx, { window, format, useBias, activation, filters, outputPadding }, [x]) => {
      const rank = spatial + 2;
      ctx.expectRank(x, rank);
      const axis = channelAxis(rank, format);
      const kernel = ctx.weight('kernel', [...window.size, filters, ctx.size(x, axis)], toOnnxKernel(spatial));
      const bias = useBias ? ctx.weight('bias', [filters]) : undefined;
      if (window.dilations.some((rate) => rate > 1)) ctx.departs('tfjs ignores dilation_rate');
      if (outputPadding !== undefined) ctx.departs('tfjs has no output_padding');
      if (spatial === 3 && skips(window)) ctx.departs('tfjs cuts a negative amount');
      const extents = window.size.map((_, place) => transposedExtent(ctx, window, place, outputPadding?.[place]));
      const attributes = {
        kernel_shape: ints(window.size),
        strides: ints(window.strides),
        ...(window.dilations.some((rate) => rate > 1) ? { dilations: ints(window.dilations) } : {}),
        ...someOf('pads', [...extents.map(({ begin }) => begin), ...extents.map(({ end }) => end)]),
        ...someOf(
          'output_padding',
          extents.map(({ extra }) => extra),
        ),
      };
      const inputs = bias === undefined ? [kernel] : [kernel, bias];
      const y = withChannelsFirst(ctx.b, x, rank, axis, (nchw) =>
        ctx.b.op('ConvTranspose', [nchw, ...inputs], attributes),
      );
      return activate(ctx.b, activation, y);
    },
  });
}

/**
 * What is cut from the front and the end of a transposed convolution's full output along one spatial axis, and added at
 * its end. With stride s, a kernel that reaches over k and n inputs, the full output has (n - 1) s + k values. The
 * result has n s (`same`) or (n - 1) s + max(k, s) (`valid`), or, where output_padding p is given,
 * (n - 1) s + k + p - 2 floor(kernel / 2) or (n - 1) s + k + p. Of what a `same` convolution of that many values pads,
 * floor half is in front.
 */
function transposedExtent(
  ctx: LayerContext,
  { size, strides, dilations, padding }: Window,
  axis: number,
  outputPadding: number | undefined,
): { readonly begin: number; readonly end: number; readonly extra: number } {
  const kernel = size[axis] ?? 1;
  const stride = strides[axis] ?? 1;
  const reach = (kernel - 1) * (dilations[axis] ?? 1) + 1;
  const isSame = padding === 'same';
  // The result's size without (n - 1) s.
  let rest = isSame ? stride : Math.max(reach, stride);
  if (outputPadding !== undefined) {
    rest = reach + outputPadding - (isSame ? 2 * Math.floor(reach / 2) : 0);
    // A convolution over the result must have n outputs.
    if (rest < 1 || (isSame && rest > stride)) throw ctx.invalid(`output_padding = ${outputPadding} does not fit`);
  }
  const begin = isSame ? Math.floor(Math.max(0, reach - rest) / 2) : 0;
  const surplus = reach - begin - rest;
  return { begin, end: Math.max(0, surplus), extra: Math.max(0, -surplus) };
}

/** An attribute that is left out where all its values are 0. */
function someOf(name: string, values: readonly number[]): Attributes {
  return values.some((value) => value > 0) ? { [name]: ints(values) } : {};
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

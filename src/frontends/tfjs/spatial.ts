import { type Attributes, ints, string } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Value } from '../../ir/graph.js';
import { type Dim, inversePermutation } from '../../ir/types.js';
import { range } from './axes.js';
import type { ConfigReader, DataFormat } from './config.js';
import type { LayerContext } from './layer.js';

export type Padding = 'valid' | 'same' | 'causal';

/** A window that slides over the spatial axes; one entry an axis. */
export interface Window {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
}

/** The permutation that moves `axis` to place 1, behind the batch. */
export function axisToFront(rank: number, axis: number): number[] {
  return [0, axis, ...range(1, rank).filter((other) => other !== axis)];
}

/** Runs `make` on x with channels at axis 1 and brings its result back to the layout of x. */
export function withChannelsFirst(b: Builder, x: Value, rank: number, axis: number, make: (x: Value) => Value): Value {
  if (axis === 1) return make(x);
  const perm = axisToFront(rank, axis);
  return b.transpose(make(b.transpose(x, perm)), inversePermutation(perm));
}

/** The axis that `format` has channels on. */
export function channelAxis(rank: number, format: DataFormat): number {
  return format === 'channels_first' ? 1 : rank - 1;
}

/** The axes between batch and channels. */
export function spatialAxes(rank: number, format: DataFormat): number[] {
  return format === 'channels_first' ? range(2, rank) : range(1, rank - 1);
}

/** Window of a convolution over `spatial` axes. */
export function convWindow(config: ConfigReader, spatial: number): Window {
  const window = {
    size: config.ints('kernel_size', spatial, 1),
    strides: config.ints('strides', spatial, 1, 1),
    dilations: config.ints('dilation_rate', spatial, 1, 1),
    padding: config.choice<Padding>(
      'padding',
      spatial === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same'],
      'valid',
    ),
  };
  const both = window.strides.some((stride) => stride > 1) && window.dilations.some((rate) => rate > 1);
  if (both) config.unsupported('strides and dilation_rate are both greater than 1', 'Keras itself refuses this');
  return window;
}

/**
 * ONNX attributes of a window over spatial sizes `dims`. SAME pads max(0, (ceil(in/s) - 1) s + k_eff - in), the odd one
 * at the end; where that depends on a size that is not known, ONNX computes the same at run time.
 */
export function windowAttributes({ size, strides, dilations, padding }: Window, dims: readonly Dim[]): Attributes {
  const attributes: Attributes = {
    kernel_shape: ints(size),
    strides: ints(strides),
    ...(dilations.some((rate) => rate > 1) ? { dilations: ints(dilations) } : {}),
  };
  if (padding === 'valid') return attributes;
  const reach = size.map((extent, axis) => (extent - 1) * (dilations[axis] ?? 1) + 1);
  if (padding === 'causal')
    return { ...attributes, pads: ints([...reach.map((extent) => extent - 1), ...reach.map(() => 0)]) };
  const totals = dims.map((dim, axis) => samePadding(dim, strides[axis] ?? 1, reach[axis] ?? 1));
  if (!totals.every((total) => total !== undefined)) return { ...attributes, auto_pad: string('SAME_UPPER') };
  if (totals.every((total) => total === 0)) return attributes;
  const begins = totals.map((total) => Math.floor(total / 2));
  return { ...attributes, pads: ints([...begins, ...totals.map((total, axis) => total - (begins[axis] ?? 0))]) };
}

/**
 * What SAME pads in all. With steps of 1 that is the same for every size, and a window of 1 needs nothing; else it is
 * undefined where the size is not known.
 */
function samePadding(dim: Dim, stride: number, reach: number): number | undefined {
  if (reach === 1) return 0;
  if (typeof dim === 'number') return Math.max(0, (Math.ceil(dim / stride) - 1) * stride + reach - dim);
  return stride === 1 ? reach - 1 : undefined;
}

/**
 * x (channels first) without the elements at the end of axes that SAME with strides longer than the window never reads,
 * where ONNX is left to compute the padding: it would be negative there, which ONNX Runtime refuses.
 */
export function withoutSkipped(ctx: LayerContext, x: Value, window: Window): Value {
  const dims = spatialDims(ctx, x);
  if (windowAttributes(window, dims).auto_pad === undefined) return x;
  const skipping = range(0, dims.length).filter((axis) => (window.strides[axis] ?? 1) > (window.size[axis] ?? 1));
  const open = skipping.filter((axis) => typeof dims[axis] === 'string');
  const known = skipping.filter((axis) => !open.includes(axis));
  return withoutSkippedOpen(ctx.b, withoutSkippedKnown(ctx, x, window, known), window, open);
}

/** The last window starts at the largest multiple of the stride below the size, and reads `size` elements from there. */
function withoutSkippedKnown(ctx: LayerContext, x: Value, { size, strides }: Window, axes: readonly number[]): Value {
  const { b } = ctx;
  const ends = axes.map((axis) => {
    const [extent, stride, window] = [ctx.size(x, axis + 2), strides[axis] ?? 1, size[axis] ?? 1];
    return Math.min(extent, Math.floor((extent - 1) / stride) * stride + window);
  });
  if (axes.every((axis, place) => ends[place] === ctx.size(x, axis + 2))) return x;
  return b.op('Slice', [
    x,
    b.int64s(axes.map(() => 0)),
    b.int64s(ends, 'ends'),
    b.int64s(axes.map((axis) => axis + 2)),
  ]);
}

/** The same for sizes that only the data tells. */
function withoutSkippedOpen(b: Builder, x: Value, { size, strides }: Window, axes: readonly number[]): Value {
  if (axes.length === 0) return x;
  const along = (values: readonly number[]) => b.int64s(axes.map((axis) => values[axis] ?? 1));
  const places = b.int64s(
    axes.map((axis) => axis + 2),
    'axes',
  );
  const sizes = b.gather(b.op('Shape', [x]), places, 0);
  const last = b.op('Sub', [sizes, b.int64s([1], 'one')]);
  const start = b.op('Mul', [b.op('Div', [last, along(strides)]), along(strides)]);
  const ends = b.op('Min', [sizes, b.op('Add', [start, along(size)])]);
  return b.op('Slice', [
    x,
    b.int64s(
      axes.map(() => 0),
      'starts',
    ),
    ends,
    places,
  ]);
}

/** True where strides step over elements between windows, of which the last then may end before the input does. */
export function skips({ size, strides, padding }: Window): boolean {
  return padding === 'same' && strides.some((stride, axis) => stride > (size[axis] ?? 1));
}

/** Sizes of the axes of a channels-first value behind batch and channels. */
export function spatialDims(ctx: LayerContext, x: Value): readonly Dim[] {
  return ctx.shape(x).slice(2);
}

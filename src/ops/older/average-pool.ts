import { int, ints } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { isStatic, type Shape, sizeOf } from '../../ir/types.js';
import { at } from '../../support/assert.js';
import { windowOf } from '../window.js';

/**
 * AveragePool with gaps in its window before opset 19: a convolution of each channel with ones, divided by how many elements
 * each window has. That takes known sizes of channels and space.
 */
export function olderAveragePool(b: Builder, node: Node): Value | undefined {
  const x = node.input(0);
  const kernel = node.ints('kernel_shape') ?? [];
  const [channels, ...from] = x.shape?.slice(1) ?? [];
  const to = node.output.shape?.slice(2) ?? [];
  const { strides, dilations, pads, autoPad } = windowOf(node, kernel);
  const isKnown = typeof channels === 'number' && isStatic(from) && isStatic(to);
  if (!isKnown || x.elementType !== 'float32' || autoPad.startsWith('SAME')) return undefined;
  const spatial = kernel.map((_, axis): Axis => {
    const begin = autoPad === 'VALID' ? 0 : at(pads, axis);
    const end = autoPad === 'VALID' ? 0 : at(pads, axis + kernel.length);
    const steps = { stride: at(strides, axis), dilation: at(dilations, axis), kernel: at(kernel, axis) };
    return { ...steps, from: at(from, axis), to: at(to, axis), begin, end };
  });
  // A last window that begins inside but ends outside is there with ceil_mode alone: padding brings it back.
  const ends = spatial.map(({ from: size, to: count, begin, stride, dilation, kernel: length }) =>
    Math.max(0, (count - 1) * stride + (length - 1) * dilation + 1 - size - begin),
  );
  const ones = b.constant(Tensor.floats([channels, 1, ...kernel], new Float32Array(channels * sizeOf(kernel)).fill(1)));
  const sums = b.op('Conv', [x, ones], {
    group: int(channels),
    kernel_shape: ints(kernel),
    strides: ints(strides),
    dilations: ints(dilations),
    pads: ints([...spatial.map(({ begin }) => begin), ...ends]),
  });
  const counts = spatial.map((axis) => countsAlong(axis, node.int('count_include_pad', 0) === 1));
  return b.op('Div', [sums, b.constant(products(counts, to), 'counts')]);
}

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
}

/** How many elements of the input, or also of its padding, each window has along an axis. */
function countsAlong({ kernel, stride, dilation, from, to, begin, end }: Axis, withPadding: boolean): number[] {
  const [first, last] = withPadding ? [-begin, from + end] : [0, from];
  return Array.from({ length: to }, (_, window) => {
    const places = Array.from({ length: kernel }, (_, tap) => window * stride - begin + tap * dilation);
    return places.filter((place) => place >= first && place < last).length;
  });
}

/** The products of one number from each list, as [1, 1, ...]. */
function products(lists: readonly (readonly number[])[], dims: Shape & readonly number[]): Tensor {
  const all = lists.reduce<number[]>((outer, list) => outer.flatMap((x) => list.map((y) => x * y)), [1]);
  return Tensor.floats([1, 1, ...dims], all);
}

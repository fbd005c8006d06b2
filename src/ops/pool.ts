import { type Attributes, int } from '../ir/attribute.js';
import type { Graph, Node } from '../ir/graph.js';
import { isStatic, sizeOf } from '../ir/types.js';
import { at } from '../support/assert.js';
import { pooledStep } from './linear-step.js';
import { olderAveragePool } from './older/average-pool.js';
import { replaceByOlder } from './older/replace.js';
import { elementsPerSample, inputType, type Operator, type Padding, staticShape, withShape } from './operator.js';
import { input, output, type Relation, tie } from './relations.js';
import { padsAttributes, slide, widerPads, windowOf } from './window.js';

/** Poolings treat every sample and channel by itself; the spatial axes are pinned. */
const batchAndChannels = (node: Node): Relation[] =>
  // The indices that MaxPool may give besides count through all channels, so with them nothing can go.
  node.outputs.length > 1 ? [] : [tie(input(0, 0), output(0)), tie(input(0, 1), output(1))];

/** ONNX MaxPool and AveragePool: x [N, C, ...] to [N, C, ...] under a sliding window. */
function slidingPool(op: string): Operator {
  return {
    op,
    domain: '',
    inputs: [1, 1],
    homogeneous: () => [0],
    infer: (node) => {
      const x = inputType(node, 0);
      if (x === undefined) return [undefined];
      const window = windowOf(node, node.ints('kernel_shape') ?? []);
      return [withShape(x.type, [...x.shape.slice(0, 2), ...slide(node, window, x.shape.slice(2))])];
    },
    // Padding of an average may count as zeros; a maximum never sees it, but where a window has nothing else.
    bounds: (node, [x]) => {
      const inner = x?.along(1);
      const wide = seesPadding(node) ? inner?.mapExactly((low, high) => [Math.min(0, low), Math.max(0, high)]) : inner;
      return op === 'AveragePool' ? wide?.rounded(sizeOf(node.ints('kernel_shape') ?? [])) : wide;
    },
    ...(op === 'AveragePool' ? { sums: (node: Node) => sizeOf(node.ints('kernel_shape') ?? []) } : {}),
    flops: (node) => elementsPerSample(node.output.shape) * elementsPerSample(node.ints('kernel_shape')),
    relations: batchAndChannels,
    padded: (node, padding) => paddedPool(node, padding),
    ...(op === 'AveragePool'
      ? {
          downgrade: (node: Node, graph: Graph, opset: number) => {
            if (opset >= 19) return;
            if (isDilated(node)) replaceByOlder(node, graph, (b) => olderAveragePool(b, node));
            else graph.setAttributes(node, { dilations: undefined });
          },
          needs: (node: Node) => (isDilated(node) ? 19 : 1),
        }
      : {}),
  };
}

function seesPadding(node: Node): boolean {
  const window = windowOf(node, node.ints('kernel_shape') ?? []);
  return window.ceil || window.autoPad.startsWith('SAME') || window.pads.some((amount) => amount !== 0);
}

const isDilated = (node: Node): boolean => node.ints('dilations')?.some((step) => step !== 1) ?? false;

/**
 * A maximum does not see padding of its own: elements that are no greater than all others change it nowhere, as long as
 * every window has an element of x, which engines ask for anyway (padding less than the window). An average counts its
 * own padding, zeros, if so told.
 */
function paddedPool(node: Node, padding: Padding): Attributes | undefined {
  const kernel = node.ints('kernel_shape') ?? [];
  const window = windowOf(node, kernel);
  const pads = widerPads(window, padding);
  const fits = pads?.every((amount, side) => amount < at(kernel, side % kernel.length));
  if (pads === undefined || fits !== true || window.ceil || isDilated(node) || node.outputs.length > 1)
    return undefined;
  if (node.op === 'MaxPool') return padding.isLowest ? padsAttributes(node, pads) : undefined;
  const countsPadding = node.int('count_include_pad', 0) === 1 || window.pads.every((amount) => amount === 0);
  return padding.value === 0 && countsPadding
    ? { ...padsAttributes(node, pads), count_include_pad: int(1) }
    : undefined;
}

/** ONNX GlobalMaxPool and GlobalAveragePool: x [N, C, ...] to [N, C, 1, ...]. */
function globalPool(op: string): Operator {
  return {
    op,
    domain: '',
    inputs: [1, 1],
    homogeneous: () => [0],
    infer: (node) => {
      const x = inputType(node, 0);
      if (x === undefined) return [undefined];
      return [
        withShape(
          x.type,
          x.shape.map((dim, axis) => (axis < 2 ? dim : 1)),
        ),
      ];
    },
    bounds: (node, [x]) => {
      if (op === 'GlobalMaxPool') return x?.along(1);
      const spatial = staticShape({ shape: node.input(0).shape?.slice(2) });
      return spatial === undefined ? undefined : x?.along(1).rounded(sizeOf(spatial));
    },
    ...(op === 'GlobalAveragePool'
      ? {
          linearStep: (node: Node) => {
            const dims = node.input(0).shape?.slice(1);
            if (dims === undefined || !isStatic(dims)) return undefined;
            return pooledStep(
              dims,
              dims.flatMap((_, axis) => (axis === 0 ? [] : [axis])),
              true,
            );
          },
        }
      : {}),
    flops: (node) => elementsPerSample(node.input(0).shape),
    ...(op === 'GlobalAveragePool'
      ? {
          sums: (node: Node) => {
            const spatial = staticShape({ shape: node.input(0).shape?.slice(2) });
            return spatial === undefined ? Number.POSITIVE_INFINITY : sizeOf(spatial);
          },
        }
      : {}),
    relations: batchAndChannels,
  };
}

export const poolOperators: readonly Operator[] = [
  slidingPool('MaxPool'),
  slidingPool('AveragePool'),
  globalPool('GlobalMaxPool'),
  globalPool('GlobalAveragePool'),
];

import { int } from '../ir/attribute.js';
import type { Builder } from '../ir/builder.js';
import type { Node } from '../ir/graph.js';
import { normalizeAxis, sizeOf } from '../ir/types.js';
import { at } from '../support/assert.js';
import { logOfSums } from './alternatives/activations.js';
import { Bounds, type Interval } from './bounds.js';
import { type Curves, curveBounds, scaled, varying } from './curves.js';
import { olderLayerNormalization } from './older/layer-normalization.js';
import { replaceByOlder } from './older/replace.js';
import { elementsPerSample, inputType, type Operator, rankOf, staticShape } from './operator.js';
import { input, output, tie, tieAllAxes } from './relations.js';

/** ONNX BatchNormalization at inference: y = scale · (x − mean) / sqrt(var + epsilon) + bias over channel axis 1. */
const batchNormalization: Operator = {
  op: 'BatchNormalization',
  domain: '',
  inputs: [5, 5],
  infer: (node) => [inputType(node, 0)],
  affine: (node, builder) => {
    if (isTraining(node)) return undefined;
    const [scale, bias, mean, variance] = [node.input(1), node.input(2), node.input(3), node.input(4)];
    if ([scale, bias, mean, variance].some((value) => value.constant === undefined)) return undefined;
    const epsilon = builder.scalar(node.float('epsilon', 1e-5));
    const deviation = builder.op('Sqrt', [builder.op('Add', [variance, epsilon])]);
    const factor = builder.op('Div', [scale, deviation]);
    const shift = builder.op('Sub', [bias, builder.op('Mul', [mean, factor])]);
    return { data: node.input(0), axis: 1, scale: factor, shift };
  },
  curves: normalizationCurves,
  boundsEach: (node, [x]) => {
    const curves = normalizationCurves(node);
    return curves === undefined ? [] : [curveBounds(node, curves, x)];
  },
  flops: (node) => 2 * elementsPerSample(node.output.shape),
  relations: (node) => {
    if (isTraining(node)) return [];
    const channels = tie(input(0, 1), output(1), ...[1, 2, 3, 4].map((index) => input(index, 0)));
    return [channels, ...tieAllAxes(node, [1])];
  },
};

/** Channel by channel, if the statistics are constants. Engines may compute factor · x + (bias − mean · factor) instead. */
function normalizationCurves(node: Node): Curves | undefined {
  const tensors = [1, 2, 3, 4].flatMap((index) => node.inputs[index]?.constant ?? []);
  const channels = node.output.shape?.[1];
  const isPlain = tensors.length === 4 && tensors.every(({ type, size }) => type === 'float32' && size === channels);
  if (isTraining(node) || !isPlain) return undefined;
  const epsilon = node.float('epsilon', 1e-5);
  return varying(0, 1, tensors, ([scale = 0, bias = 0, mean = 0, variance = 0]) => {
    const factor = scale / Math.sqrt(variance + epsilon);
    if (factor === 0) return { at: () => bias, isExact: true, curvature: 0 };
    const size = Math.abs(factor);
    return {
      at: (x) => scaled(factor, x - mean) + bias,
      error: (magnitude) => 16 * 2 ** -24 * (scaled(size, magnitude) + Math.abs(scaled(factor, mean)) + Math.abs(bias)),
      isDefined: () => Number.isFinite(factor),
      curvature: 0,
    };
  });
}

/** In training the statistics of the batch count, not those that are given. */
function isTraining(node: Node): boolean {
  return node.int('training_mode', 0) !== 0 || node.outputs.length > 1;
}

/** ONNX LayerNormalization: mean and variance over the axes from `axis` on, which are pinned. */
const layerNormalization: Operator = {
  op: 'LayerNormalization',
  domain: '',
  sums: (node) => sizeFrom(node, normalizeAxis(node.int('axis', -1), rankOf(node.inputs[0]) ?? 0)),
  inputs: [2, 3],
  needs: () => 17,
  downgrade: (node, graph, opset) => {
    if (opset < 17) replaceByOlder(node, graph, (b) => olderLayerNormalization(b, node));
  },
  infer: (node) => [inputType(node, 0)],
  // How far rounding may move a deviation near zero is up to the engine; a scale of zero leaves the bias alone.
  boundsEach: (node) => {
    const [scale, bias] = [node.inputs[1]?.constant, node.inputs[2]?.constant];
    const rank = rankOf(node.inputs[0]) ?? 0;
    if (scale?.type !== 'float32' || scale.dims.length !== 1 || rank < 1) return [];
    if (node.inputs[2] !== undefined && (bias?.type !== 'float32' || bias.size !== scale.size)) return [];
    return [
      Bounds.of(
        rank - 1,
        Array.from(scale.floats(), (factor, slot): Interval => {
          const shift = bias?.floats()[slot] ?? 0;
          return factor === 0 ? [shift, shift] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
        }),
      ),
    ];
  },
  flops: (node) => 8 * elementsPerSample(node.output.shape),
  relations: (node) => {
    // The mean and deviation that it may give besides have no rule.
    if (node.outputs.length > 1) return [];
    const rank = rankOf(node.inputs[0]) ?? 0;
    const first = normalizeAxis(node.int('axis', -1), rank);
    return tieAllAxes(
      node,
      Array.from({ length: rank - first }, (_, index) => first + index),
    );
  },
};

/** Elements that lie along the axes from `first` on. */
function sizeFrom(node: Node, first: number): number {
  const sizes = staticShape({ shape: node.input(0).shape?.slice(first) });
  return sizes === undefined ? Number.POSITIVE_INFINITY : sizeOf(sizes);
}

/** ONNX Softmax and LogSoftmax along one axis, which is pinned: its elements see one another. */
function softmax(op: string): Operator {
  return {
    op,
    domain: '',
    inputs: [1, 1],
    since: 13,
    sums: (node) => {
      const dim = node.input(0).shape?.at(node.int('axis', -1));
      return typeof dim === 'number' ? dim : Number.POSITIVE_INFINITY;
    },
    infer: (node) => [inputType(node, 0)],
    ...(op === 'LogSoftmax'
      ? {
          alternative: (node: Node, builder: Builder) =>
            node.input(0).elementType === 'float32' ? [logOfSums(builder, node)] : undefined,
        }
      : {}),
    flops: (node) => 10 * elementsPerSample(node.output.shape),
    bounds: () => (op === 'Softmax' ? Bounds.uniform(0, 1) : Bounds.uniform(Number.NEGATIVE_INFINITY, 0)),
    relations: (node) => tieAllAxes(node, [normalizeAxis(node.int('axis', -1), rankOf(node.inputs[0]) ?? 0)]),
    transposed: (node, perm, graph) => {
      graph.setAttributes(node, { axis: int(at(perm, normalizeAxis(node.int('axis', -1), perm.length))) });
      return perm;
    },
  };
}

export const normalizationOperators: readonly Operator[] = [
  batchNormalization,
  layerNormalization,
  softmax('Softmax'),
  softmax('LogSoftmax'),
];

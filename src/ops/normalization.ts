import { int } from '../ir/attribute.js';
import type { Node } from '../ir/graph.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { Bounds } from './bounds.js';
import { elementsPerSample, inputType, type Operator, rankOf } from './operator.js';
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
  flops: (node) => 2 * elementsPerSample(node.output.shape),
  relations: (node) => {
    if (isTraining(node)) return [];
    const channels = tie(input(0, 1), output(1), ...[1, 2, 3, 4].map((index) => input(index, 0)));
    return [channels, ...tieAllAxes(node, [1])];
  },
};

/** In training the statistics of the batch count, not those that are given. */
function isTraining(node: Node): boolean {
  return node.int('training_mode', 0) !== 0 || node.outputs.length > 1;
}

/** ONNX LayerNormalization: mean and variance over the axes from `axis` on, which are pinned. */
const layerNormalization: Operator = {
  op: 'LayerNormalization',
  domain: '',
  inputs: [2, 3],
  since: 17,
  infer: (node) => [inputType(node, 0)],
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

/** ONNX Softmax and LogSoftmax along one axis, which is pinned: its elements see one another. */
function softmax(op: string): Operator {
  return {
    op,
    domain: '',
    inputs: [1, 1],
    since: 13,
    infer: (node) => [inputType(node, 0)],
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

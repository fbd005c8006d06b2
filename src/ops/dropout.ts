import type { Node } from '../ir/graph.js';
import { Bounds } from './bounds.js';
import { inputType, type Operator, withShape } from './operator.js';
import { tieAllAxes } from './relations.js';

/** ONNX Dropout: hands its input on, except in training, which compiled models are not in; the mask is then all true. */
export const dropout: Operator = {
  op: 'Dropout',
  domain: '',
  inputs: [1, 3],
  nondeterministic: true,
  identity: (node) => (isInference(node) && !isMaskRead(node) ? node.input(0) : undefined),
  infer: (node) => {
    const x = inputType(node, 0);
    return node.outputs.map((_, index) => (x === undefined || index === 0 ? x : withShape('bool', x.shape)));
  },
  flops: () => 0,
  boundsEach: (node, [x]) => (isInference(node) ? [x, Bounds.uniform(1, 1)] : []),
  relations: (node) => (isInference(node) ? tieAllAxes(node) : []),
};

/** True if input 2, training mode, is absent or constantly false. */
function isInference(node: Node): boolean {
  const training = node.inputs[2];
  return training === undefined || training.constant?.isFilledWith(0) === true;
}

function isMaskRead(node: Node): boolean {
  const mask = node.outputs[1];
  return mask !== undefined && (mask.uses.length > 0 || mask.isGraphOutput);
}

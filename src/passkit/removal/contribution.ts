import { Graph, type Value } from '../../ir/graph.js';
import { takeAlongAxis } from '../../ir/slices.js';
import { operatorOf } from '../../ops/index.js';
import { at, defined } from '../../support/assert.js';
import { KeptSlots } from '../units/select-slots.js';
import type { Consumption } from '../units/units.js';
import type { ConstantSlots } from './constant-slots.js';
import { RestrictedCopy, requireBatch, UnknownContribution } from './restricted-copy.js';

/**
 * What constant units add to a consumer. The operators on the way from the fixed slots to the consumer are copied, cut
 * down to the units in question, and run by ONNX Runtime: the result is exact for any activation on the way, and with
 * zero padding it is the position-dependent map that a bias cannot express.
 */

/**
 * A graph without inputs whose only output is what slots `indices` of the consumption's data contribute to its node's
 * output. A symbolic size of axis 0 is taken as one, which is right because every operator on the way must keep the
 * slots of that axis apart. Throws {@link UnknownContribution} where one does not, or other sizes are not static.
 */
export function contributionGraph(
  { node, data, value: dataValue, weight, weights }: Consumption,
  indices: readonly number[],
  constants: ConstantSlots,
): Graph {
  if (node.output.elementType !== 'float32') throw new UnknownContribution('it is not of float32');
  const graph = new Graph('contribution');
  const kept = new KeptSlots();
  const inputs: (Value | undefined)[] = node.inputs.map(() => undefined);
  const restricted = new RestrictedCopy(graph, constants, kept).slots(dataValue, data.axis, indices);
  inputs[data.index] = restricted;
  if (typeof dataValue.shape?.[0] === 'string') requireBatch(node);
  if (weight === undefined) {
    // Inputs besides the data are constants that say what to do, such as axes.
    for (const [index, value] of node.inputs.entries()) {
      if (index !== data.index && value?.constant !== undefined) {
        inputs[index] = graph.addConstant(value.name, value.constant);
      }
    }
  } else {
    const tensor = defined(weights?.constant, 'constant weights');
    const met = [...new Set(indices.map((index) => index % at(tensor.dims, weight.axis)))];
    inputs[weight.index] = graph.addConstant('weights', takeAlongAxis(tensor, weight.axis, met));
  }
  // Without its other inputs (the bias) the node is linear in the data, so this is the contribution and nothing else.
  const copied = graph.addNode({ op: node.op, domain: node.domain, inputs, attributes: node.attributes });
  if (node.output.type !== undefined) graph.setType(copied.output, node.output.type);
  graph.setOutputs([copied.output]);
  operatorOf(copied)?.resize?.(copied, graph, kept);
  return graph;
}

import { Builder } from '../ir/builder.js';
import type { Node, Value } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { defined } from '../support/assert.js';

/**
 * Lets `value` take the place of an output of a node wherever it is read. A graph output keeps its name, and stays a
 * value of its own that is computed in its graph: where `value` is an input, a constant or another output, an Identity
 * before the node gives it that.
 */
export function substitute(output: Value, value: Value): void {
  const node: Node = defined(output.producer, `the producer of '${output.name}'`);
  const { graph } = node;
  const { isGraphOutput } = output;
  const isFree = value.producer?.graph === graph && !value.isGraphOutput;
  const builder = new Builder(graph, { origin: node.origin, before: node });
  const own = isGraphOutput && !isFree ? builder.op('Identity', [value]) : value;
  graph.replaceUses(output, own);
  if (isGraphOutput) graph.swapNames(output, own);
}

/** Adds a constant, which `name` tells of, to the output of a node for all that read it; a graph output keeps its name. */
export function addBehind(node: Node, tensor: Tensor, name: string): void {
  const { graph, output } = node;
  const builder = new Builder(graph, { origin: node.origin });
  const sum = builder.op('Add', [output, builder.constant(tensor, name)]);
  graph.replaceUses(output, sum, sum.producer);
  if (sum.isGraphOutput) graph.swapNames(output, sum);
  graph.sort();
}

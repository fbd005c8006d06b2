import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { flopsOf, operatorOf } from '../../ops/index.js';
import { atFullWidth } from '../../passkit/full-width.js';
import { countNodes } from '../../passkit/manager.js';
import type { SizeReport } from '../reporting/report.js';

/** Nodes, parameters and work of a graph, nested graphs included: see `sizeSchema`. */
export function sizeOfGraph(graph: Graph): Omit<SizeReport, 'bytes'> {
  return { nodes: countNodes(graph), parameters: parametersOf(graph), flops: workOf(atFullWidth(graph)) };
}

/** Elements of constants that are floats, or integers that floats are made of. */
function parametersOf(graph: Graph): number {
  const parameters = new Set<Value>();
  for (const own of graph.allGraphs()) {
    for (const value of own.constants) {
      if (value.elementType === 'float32' || value.elementType === 'float16') parameters.add(value);
    }
    for (const node of own.nodes) {
      const stored = operatorOf(node)?.expands === true ? storedIntegers(node) : undefined;
      if (stored !== undefined) parameters.add(stored);
    }
  }
  return [...parameters].reduce((sum, { constant }) => sum + (constant?.size ?? 0), 0);
}

/**
 * The constant that the data of a node with the fact `expands` are, or are cut from (`passkit/quantization/cut-constants`).
 * Weights are int8 and biases int32; what is uint8 and no constant was made of activations.
 */
function storedIntegers(node: Node): Value | undefined {
  let value = node.inputs[0];
  while (value?.producer !== undefined && (value.elementType === 'int8' || value.elementType === 'int32')) {
    value = value.producer.inputs[0];
  }
  return value?.constant === undefined ? undefined : value;
}

/**
 * Floating-point operations for one sample; of branches, of which one runs, those of the one that has most. So are groups of
 * the samples of a batch counted, for a sample is in one of them.
 */
function workOf(graph: Graph): number {
  let sum = 0;
  const groups = new Map<Value, number>();
  for (const node of graph.nodes) {
    const nested = node.subgraphs.map(workOf);
    const most = isBranch(node) ? Math.max(...nested) : nested.reduce((total, work) => total + work, 0);
    const choice = isBranch(node) ? groupedBy(node) : undefined;
    if (choice === undefined) sum += flopsOf(node) + most;
    else groups.set(choice, Math.max(groups.get(choice) ?? 0, most));
  }
  return [...groups.values()].reduce((total, most) => total + most, sum);
}

/** The choices of all samples, where an If runs for those that chose one number, if there are any. */
function groupedBy(node: Node): Value | undefined {
  let value = node.inputs[0];
  for (const op of ['Cast', 'Size', 'Reshape', 'NonZero']) {
    if (value?.producer?.op !== op) return undefined;
    value = value.producer.inputs[0];
  }
  const equal = value?.producer;
  return equal?.op === 'Equal' && equal.inputs[1]?.constant?.size === 1 ? equal.inputs[0] : undefined;
}

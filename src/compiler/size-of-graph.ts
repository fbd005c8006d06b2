import type { Graph, Node, Value } from '../ir/graph.js';
import { isBranch } from '../ops/control-flow.js';
import { flopsOf } from '../ops/index.js';
import { atFullWidth } from '../passkit/full-width.js';
import { countNodes } from '../passkit/manager.js';
import type { SizeReport } from './report.js';

/** Nodes, parameters and work of a graph, nested graphs included: see `sizeSchema`. */
export function sizeOfGraph(graph: Graph): Omit<SizeReport, 'bytes'> {
  return { nodes: countNodes(graph), parameters: parametersOf(graph), flops: workOf(atFullWidth(graph)) };
}

function parametersOf(graph: Graph): number {
  let parameters = 0;
  for (const { constant } of graph.constants) {
    if (constant?.type === 'float32' || constant?.type === 'float16') parameters += constant.size;
  }
  const nested = graph.nodes.flatMap(({ subgraphs }) => subgraphs);
  return nested.reduce((sum, own) => sum + parametersOf(own), parameters);
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

import type { Graph, Node, Value } from '../ir/graph.js';
import { isBranch } from '../ops/control-flow.js';
import type { Target } from '../passkit/target.js';
import type { PlacementReport } from './report.js';

/**
 * Where a graph that is lowered for a target runs: what of it the device has no kernel for, and how often a run waits
 * for the device. Null for targets without a device beside the processor.
 */
export function reportPlacement(graph: Graph, target: Target): PlacementReport | null {
  if (target.provider === 'cpu') return null;
  const host = [...graph.allNodes()]
    .filter((node) => target.placement(node) === 'host')
    .map((node) => ({ node: node.label, operator: node.domain === '' ? node.op : `${node.domain}.${node.op}` }));
  return { host, readBacks: readBacksOf(graph, target, new Set()) };
}

/**
 * Values that the device makes and the processor reads in a run, at most: inputs of nodes on the host, and conditions, for
 * the processor chooses the branch. Of branches, of which one runs, those of the one that has most.
 */
function readBacksOf(graph: Graph, target: Target, known: ReadonlySet<Value>): number {
  const read = new Set(known);
  let nested = 0;
  for (const node of graph.nodes) {
    for (const value of readOnHost(node, target)) if (isOnDevice(value, target)) read.add(value);
    const inner = node.subgraphs.map((own) => readBacksOf(own, target, read));
    nested += isBranch(node) ? Math.max(0, ...inner) : inner.reduce((sum, count) => sum + count, 0);
  }
  return read.size - known.size + nested;
}

function readOnHost(node: Node, target: Target): readonly Value[] {
  const read = target.placement(node) === 'host' ? node.inputs : node.inputs.slice(0, isBranch(node) ? 1 : 0);
  return read.filter((value) => value !== undefined);
}

function isOnDevice({ producer }: Value, target: Target): boolean {
  return producer !== undefined && target.placement(producer) === 'device';
}

import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { shapeElements } from '../../ops/shape-values.js';
import type { Target } from '../../passkit/target.js';
import type { PlacementReport } from '../reporting/report.js';

/**
 * Where a graph that is lowered for a target runs: what of it the device has no kernel for, and how often a run waits
 * for the device. Null for targets without a device beside the processor.
 */
export function reportPlacement(graph: Graph, target: Target): PlacementReport | null {
  if (target.provider === 'cpu') return null;
  const host = hostNodes(graph, target).map((node) => ({ node: node.label, operator: nameOf(node) }));
  return { host, readBacks: readBacksOf(graph, target, new Set()) };
}

/**
 * What the user should know of work that the processor does beside the device, and the copies that it takes. What only
 * decides which branch runs is none: it reads a number or two, and the processor has to choose in any case.
 */
export function placementWarnings(graph: Graph, target: Target): string[] {
  if (target.provider === 'cpu') return [];
  const working = hostNodes(graph, target).filter((node) => !isDecision(node) && !node.outputs.every(isSizes));
  if (working.length === 0) return [];
  const operators = [...new Set(working.map(nameOf))].join(', ');
  const layers = [...new Set(working.map(({ label }) => label))];
  const named = layers.length > mostNamed ? `${layers.slice(0, mostNamed).join(', ')} and others` : layers.join(', ');
  return [`${target.name}: ${operators} of ${named} run on the processor, with copies between it and the device`];
}

/** Layers that a warning names. */
const mostNamed = 5;

function hostNodes(graph: Graph, target: Target): Node[] {
  return [...graph.allNodes()].filter((node) => target.placement(node) === 'host');
}

function nameOf({ domain, op }: Node): string {
  return domain === '' ? op : `${domain}.${op}`;
}

/** Reads and makes single elements, whatever they are. */
function isDecision({ inputs, outputs, subgraphs }: Node): boolean {
  const isSingle = (value: Value | undefined): boolean =>
    value?.shape?.every((dim) => dim === 1) ?? value === undefined;
  return subgraphs.length === 0 && [...inputs, ...outputs].every(isSingle);
}

/** Sizes of values: the processor knows them before the device has computed anything. */
const isSizes = (value: Value): boolean => shapeElements(value) !== undefined;

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

function isOnDevice(value: Value, target: Target): boolean {
  const { producer } = value;
  return producer !== undefined && target.placement(producer) === 'device' && !isSizes(value);
}

import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf } from '../../ops/index.js';
import type { Step } from './plan.js';

/** A layer that stays in floats, in part at least, and why, as a clause. */
export interface KeptInFloats {
  readonly where: string;
  readonly reason: string;
}

/** Said of layers only that have no reason of their own. */
export const readsFloats = 'what it reads is in floats';

/**
 * What of a graph still computes floats of floats beside the steps on integers, each layer and reason once, in order. What
 * only moves elements or makes them of truth values computes nothing; nor does what makes weights of constants.
 */
export function regionsInFloats(
  graph: Graph,
  steps: readonly Step[],
  reasonFor: (node: Node) => string,
): readonly KeptInFloats[] {
  const covered = new Set(steps.flatMap(nodesOf));
  const fixed = constantsOf(graph);
  const kept = new Map<string, KeptInFloats>();
  for (const node of graph.allNodes()) {
    if (covered.has(node) || isBranch(node) || !computesFloats(node, fixed)) continue;
    const [where, reason] = [node.label, reasonFor(node)];
    const key = JSON.stringify([where, reason]);
    if (!kept.has(key)) kept.set(key, { where, reason });
  }
  const told = new Set([...kept.values()].flatMap(({ where, reason }) => (reason === readsFloats ? [] : [where])));
  return [...kept.values()].filter(({ where, reason }) => reason !== readsFloats || !told.has(where));
}

/** The nodes that a step takes the place of. */
function nodesOf(step: Step): readonly Node[] {
  if (step.kind === 'lookup') return step.chain.nodes;
  // What cuts the output of a product goes with it.
  const last = step.kind === 'product' ? step.output?.producer : undefined;
  return last === undefined ? [step.node] : [step.node, last];
}

/** Values that are the same in every run. */
function constantsOf(graph: Graph): ReadonlySet<Value> {
  const fixed = new Set<Value>();
  const isFixed = (value: Value | undefined): boolean =>
    value === undefined || value.constant !== undefined || fixed.has(value);
  for (const node of graph.allNodes()) {
    if (node.subgraphs.length > 0 || node.inputs.length === 0 || !node.inputs.every(isFixed)) continue;
    for (const output of node.outputs) fixed.add(output);
  }
  return fixed;
}

function computesFloats(node: Node, fixed: ReadonlySet<Value>): boolean {
  const operator = operatorOf(node);
  if (operator?.moves === true || operator?.reshapes === true || operator?.converts === true) return false;
  const isOpenFloat = (value: Value | undefined): boolean =>
    value?.elementType === 'float32' && value.constant === undefined && !fixed.has(value);
  return node.inputs.some(isOpenFloat) && node.outputs.some(isOpenFloat);
}

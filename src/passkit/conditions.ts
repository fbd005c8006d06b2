import type { Graph, Node } from '../ir/graph.js';
import { isBranch } from '../ops/control-flow.js';

/** The condition of an If, which profiles record like a gate of one unit: its score is 1 where the condition holds. */
export interface Condition {
  readonly node: Node;
  /** Its name in profiles and reports: that of the layer and `condition`, and of the If's output if there are several. */
  readonly name: string;
  readonly units: 1;
  readonly threshold: number;
}

/**
 * The conditions of all If nodes of a graph that depend on its inputs, in execution order. Nested graphs are left out:
 * their conditions exist only when they run.
 */
export function conditionsOf(graph: Graph): Condition[] {
  const nodes = graph.nodes.filter((node) => isBranch(node) && node.input(0).constant === undefined);
  const labels = nodes.map(({ label }) => label);
  return nodes.map((node) => {
    // Not numbered: when one of them is gone, the others must not take its name.
    const isOnly = labels.indexOf(node.label) === labels.lastIndexOf(node.label);
    const name = `${node.label} condition${isOnly ? '' : ` (${node.output.name})`}`;
    return { node, name, units: 1, threshold: 0.5 };
  });
}

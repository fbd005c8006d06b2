import { readsOf } from '../../../ir/clone.js';
import type { Graph, Node, Value } from '../../../ir/graph.js';

/** For nodes in nested graphs the node of `graph` that holds them. */
export function holdersIn(graph: Graph): ReadonlyMap<Node, Node> {
  const holders = new Map<Node, Node>();
  for (const node of graph.nodes) {
    for (const nested of node.subgraphs) for (const inner of nested.allNodes()) holders.set(inner, node);
  }
  return holders;
}

/** True if `value` is computed from one of `others`, or is one. */
export function dependsOn(value: Value, others: ReadonlySet<Value>): boolean {
  const seen = new Set<Value>();
  const pending = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (others.has(next)) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    pending.push(...(next.producer === undefined ? [] : readsOf(next.producer)));
  }
  return false;
}

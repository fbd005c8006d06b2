import { readsOf } from '../../ir/clone.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf } from '../../ops/index.js';

/**
 * All that is computed for loops that decide in their bodies, and for operators of which nothing is known, with the reason
 * as a clause: what rounding comes to behind them cannot be told, so nothing is rounded before.
 */
export function beforeOpaque(graph: Graph, decisions: ReadonlySet<Node>): ReadonlyMap<Node, string> {
  const reasons = new Map<Node, string>();
  for (const node of graph.allNodes()) {
    const reason = opaqueReason(node, decisions);
    if (reason === undefined) continue;
    const pending: Value[] = readsOf(node);
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      const { producer } = value;
      if (producer === undefined || reasons.has(producer)) continue;
      reasons.set(producer, reason);
      pending.push(...readsOf(producer), ...insideOf(producer));
    }
  }
  return reasons;
}

function opaqueReason(node: Node, decisions: ReadonlySet<Node>): string | undefined {
  if (operatorOf(node) === undefined) return `it leads to ${node.op}, of which nothing is known in float16`;
  const isLoop = node.subgraphs.length > 0 && !isBranch(node);
  const decides = node.subgraphs.some((nested) => [...nested.allNodes()].some((inner) => decisions.has(inner)));
  return isLoop && decides ? 'it leads to a loop that decides by it' : undefined;
}

/** What the nodes in the graphs of a node read. */
function insideOf(node: Node): Value[] {
  return node.subgraphs.flatMap((nested) => [...nested.outputs, ...[...nested.allNodes()].flatMap(readsOf)]);
}

import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';

/**
 * Puts what an older operator set has in the place of a node that it lacks. `older` writes it before the node, in forms of
 * the oldest set that is written; undefined: it cannot, and the node stays, to be refused.
 */
export function replaceByOlder(node: Node, graph: Graph, older: (b: Builder) => Value | undefined): void {
  const result = older(new Builder(graph, { origin: node.origin, before: node }));
  if (result === undefined) return;
  const { output } = node;
  graph.setType(result, output.type);
  graph.replaceUses(output, result);
  graph.swapNames(output, result);
  graph.removeNode(node);
}

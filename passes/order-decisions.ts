import type { Node } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done } from '../src/passkit/pass.js';

/**
 * Puts what decides (truth values, and positions of greatest elements: the scores of gates before them) as early in the
 * order of nodes as its inputs allow, so that an engine that runs nodes in order, or several at a time, knows what to skip
 * before it comes to it. Sound because any order in which producers precede their readers computes the same.
 */
export const orderDecisions = definePass({
  name: 'order-decisions',
  contract: 'exact',
  run(graph) {
    const before = [...graph.allNodes()];
    graph.sort(new Set(before.filter(decides)));
    const after = [...graph.allNodes()];
    const moved = after.filter((node, place) => node !== before[place] && decides(node));
    return { findings: moved.length === 0 ? [] : [done(graph.name, `${moved.length} decisions are made earlier`)] };
  },
});

/** True for a node that computes truth values or positions. */
function decides(node: Node): boolean {
  const isSearch = operatorOf(node)?.searches !== undefined;
  return isSearch || (node.subgraphs.length === 0 && node.outputs.some(({ elementType }) => elementType === 'bool'));
}

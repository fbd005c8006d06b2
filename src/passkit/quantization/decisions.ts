import type { Graph, Node, Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { isReadOutside, leavesAs, type Owners } from './readers.js';

/**
 * The nodes that compute nothing but what is decided by: the scores of gates and the conditions of branches, back to the
 * features that they are computed from. Every way from their outputs ends in a value that holds no floats (a comparison, a
 * position, a truth value). Quantizing them would move decisions, which change results by any amount.
 */
export function decisionNodes(graph: Graph, owners: Owners): ReadonlySet<Node> {
  const decisions = new Set<Node>();
  const nodes = [...graph.allNodes()].filter((node) => !isBranch(node)).toReversed();
  const isDecision = (value: Value): boolean => {
    if (!(value.elementType?.startsWith('float') ?? false)) return true;
    if (isReadOutside(value, owners)) return false;
    const leaving = leavesAs(value, owners);
    if (value.uses.length === 0 && leaving.length === 0) return false;
    return value.uses.every(({ node }) => decisions.has(node) || isJudge(node)) && leaving.every(isDecision);
  };
  // Branches stand before what reads them, and their nodes before those: a second round sees what the first one found.
  for (let before = -1; before < decisions.size; ) {
    before = decisions.size;
    for (const node of nodes) {
      const isFloat = node.outputs.some((value) => value.elementType?.startsWith('float'));
      if (isFloat && !decisions.has(node) && node.outputs.every(isDecision)) decisions.add(node);
    }
  }
  return decisions;
}

/** True for a node that makes no floats of floats: it compares, searches or rounds. */
function isJudge(node: Node): boolean {
  return node.subgraphs.length === 0 && node.outputs.every(({ elementType }) => !elementType?.startsWith('float'));
}

import type { Graph, Node } from '../../ir/graph.js';
import { operatorOf, relationsOf } from '../../ops/index.js';

/**
 * What decides: nodes that make truth values or numbers of places from floats, on which other results depend, and what is
 * computed for them alone. Rounding on the way there does not change such a result a little but turns it over.
 */

/** A gate's score is one sum of products, or one behind a hidden layer. */
const mostSums = 2;

/** Nodes that decide for others: gates' comparisons, searches for the best mode, thresholds. */
export function decisionsOf(graph: Graph): ReadonlySet<Node> {
  const decisions = new Set<Node>();
  const mattering = new Set<Node>();
  for (const node of [...graph.allNodes()].toReversed()) {
    const makesFloats = node.outputs.some(({ elementType }) => elementType?.startsWith('float') === true);
    const isRead = node.outputs.some(({ uses }) => uses.some((use) => mattering.has(use.node)));
    if (!makesFloats && node.subgraphs.length === 0 && !isRead) continue;
    mattering.add(node);
    if (!makesFloats && readsFloats(node) && operatorOf(node)?.float16 !== 'either') decisions.add(node);
  }
  return decisions;
}

const readsFloats = (node: Node): boolean =>
  node.inputs.some((value) => value?.constant === undefined && value?.elementType === 'float32');

/**
 * The nodes whose results are read by `readers` and by one another alone, back through up to two sums of products: from
 * what a gate controls by to its comparison. `isReader` says which inputs of which nodes they lead to.
 */
export function leadingTo(graph: Graph, isReader: (node: Node, index: number) => boolean): ReadonlySet<Node> {
  const depths = new Map<Node, number>();
  for (const node of [...graph.allNodes()].toReversed()) {
    const uses = node.outputs.flatMap((output) => output.uses);
    if (uses.length === 0 || node.subgraphs.length > 0 || node.outputs.some((output) => output.isGraphOutput)) continue;
    const behind = uses.map((use) => (isReader(use.node, use.index) ? 0 : depths.get(use.node)));
    const known = behind.filter((depth) => depth !== undefined);
    const depth = Math.max(...known) + (isSumOfProducts(node) ? 1 : 0);
    if (known.length === behind.length && depth <= mostSums) depths.set(node, depth);
  }
  return new Set(depths.keys());
}

/** True for a convolution, a matrix product: what is multiplied by weights and added up. */
export function isSumOfProducts(node: Node): boolean {
  return relationsOf(node).some((relation) => relation.kind === 'contract' && relation.weight !== undefined);
}

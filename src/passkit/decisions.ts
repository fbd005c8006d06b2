import type { Graph, Node, Value } from '../ir/graph.js';
import { isBranch } from '../ops/control-flow.js';
import { operatorOf } from '../ops/index.js';
import { isReadOutside, leavesAs, type Owners, ownersOf } from './quantization/readers.js';

/**
 * What decides: nodes that make truth values or numbers of places from floats, on which other results depend, and what is
 * computed for them alone. Rounding on the way there does not change such a result a little but turns it over, so whatever
 * lowers precision leaves both as they are.
 */

/**
 * Nodes that decide for others: gates' comparisons, searches for the best mode, thresholds, conditions of branches, and what
 * rounds to whole numbers. What an unknown operator makes is not known to be a decision.
 */
export function decisionsOf(graph: Graph): ReadonlySet<Node> {
  const decisions = new Set<Node>();
  const mattering = new Set<Node>();
  for (const node of [...graph.allNodes()].toReversed()) {
    const isRead = node.outputs.some(
      (value) => isGivenByNested(value) || value.uses.some((use) => mattering.has(use.node)),
    );
    if (!makesFloats(node) && node.subgraphs.length === 0 && !isRead) continue;
    mattering.add(node);
    const isChoice = operatorOf(node) !== undefined && !makesFloats(node) && !readsShape(node);
    if (readsFloats(node) && (isChoice || operatorOf(node)?.jumps !== undefined)) decisions.add(node);
  }
  return decisions;
}

/**
 * The nodes that compute floats for `readers` and for one another alone: from what a gate controls by to its comparison,
 * however many layers lie between, also in branches. `isReader` says which inputs of which nodes they lead to. Who only
 * asks for a shape does not count.
 */
export function leadingTo(graph: Graph, isReader: (node: Node, index: number) => boolean): ReadonlySet<Node> {
  const leading = new Set<Node>();
  const owners = ownersOf(graph);
  const nodes = [...graph.allNodes()].filter((node) => !isBranch(node) && makesFloats(node)).toReversed();
  const leads = (value: Value): boolean =>
    leadsOnly(value, owners, (node, index) => leading.has(node) || isReader(node, index));
  // Branches stand before what reads them, and their nodes before those: a second round sees what the first one found.
  for (let before = -1; before < leading.size; ) {
    before = leading.size;
    for (const node of nodes) {
      if (leading.has(node) || node.subgraphs.length > 0) continue;
      const used = node.outputs.filter((value) => isFloat(value) && isUsed(value));
      if (used.length > 0 && used.every(leads)) leading.add(node);
    }
  }
  return leading;
}

/** True if every way of a value ends at such a reader. */
function leadsOnly(value: Value, owners: Owners, isEnd: (node: Node, index: number) => boolean): boolean {
  if (isReadOutside(value, owners)) return false;
  const uses = value.uses.filter(({ node }) => !readsShape(node) && !isBranch(node));
  const leaving = leavesAs(value, owners).filter(isUsed);
  return (
    uses.length + leaving.length > 0 &&
    uses.every(({ node, index }) => isEnd(node, index)) &&
    leaving.every((outer) => leadsOnly(outer, owners, isEnd))
  );
}

const isUsed = (value: Value): boolean => value.isGraphOutput || value.uses.length > 0;

const isGivenByNested = (value: Value): boolean => value.isGraphOutput && value.graph.parent !== undefined;

const isFloat = ({ elementType }: Value): boolean => elementType?.startsWith('float') === true;

const makesFloats = (node: Node): boolean => node.outputs.some(isFloat);

const readsFloats = (node: Node): boolean =>
  node.inputs.some((value) => value?.constant === undefined && value?.elementType === 'float32');

/** True for what gives the same whatever the numbers are. */
function readsShape(node: Node): boolean {
  const operator = operatorOf(node);
  return !makesFloats(node) && operator?.float16 === 'either' && operator.converts !== true;
}

import { copyNode } from '../src/ir/clone.js';
import type { Graph, Node, Value } from '../src/ir/graph.js';
import { isBranch } from '../src/ops/control-flow.js';
import { isMovable } from '../src/passkit/branches/branches.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { defined } from '../src/support/assert.js';

/**
 * Moves work that one branch of an `If` alone needs into that branch, so that it is done only if the branch runs, and
 * constants that one nested graph alone reads into that graph, a loop's as well: engines bring only those weights of a
 * convolution into the layout of their fast kernels that stand next to it. Sound because a branch sees all that is computed
 * before its If, and operators have no side effects. No work moves into loops, which would do it again. What reads large
 * constants that are also read elsewhere stays: a second copy would make the file larger.
 */
export const sinkIntoBranches = definePass({
  name: 'sink-into-branches',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    sinkFrom(graph, findings);
    return { findings };
  },
});

/** Constants of no more bytes may be there twice. */
const smallConstant = 256;

/** A graph, the nodes that hold those nested in it, and the branches that its nodes move into. */
interface Setting {
  readonly graph: Graph;
  readonly owners: ReadonlyMap<Graph, Node>;
  readonly moves: ReadonlyMap<Node, Graph>;
}

function sinkFrom(graph: Graph, findings: Finding[]): void {
  const owners = ownersIn(graph);
  if (owners.size === 0) return;
  const { moves, staying } = plan(graph, owners);
  for (const [node, shared] of staying) {
    findings.push(
      skipped(node.label, `not moved into the only branch that needs it: others read '${shared.name}', too`),
    );
  }
  const places = new Set(moves.values());
  for (const branch of places) {
    const moved = graph.nodes.filter((node) => moves.get(node) === branch);
    moveInto(branch, moved);
    const label = defined(owners.get(branch), 'the If of a branch').label;
    findings.push(done(label, `${moved.length} operators moved into the only branch that needs them`));
  }
  moveConstants(graph);
  for (const nested of graph.nodes.flatMap(({ subgraphs }) => subgraphs)) sinkFrom(nested, findings);
}

/** The nodes of a graph that hold those nested directly in it. */
function ownersIn(graph: Graph): Map<Graph, Node> {
  return new Map(graph.nodes.flatMap((node) => node.subgraphs.map((nested) => [nested, node] as const)));
}

/** What moves where; what would but for a constant that others read stays, and so does what only that reads. */
function plan(graph: Graph, owners: ReadonlyMap<Graph, Node>): Setting & { readonly staying: Map<Node, Value> } {
  const staying = new Map<Node, Value>();
  const nodes = graph.nodes.toReversed();
  for (;;) {
    const moves = new Map<Node, Graph>();
    for (const node of nodes) {
      const branch = staying.has(node) ? undefined : onlyReader(node, { graph, owners, moves });
      if (branch !== undefined) moves.set(node, branch);
    }
    const before = staying.size;
    for (const [node, branch] of moves) {
      const shared = node.inputs.find(
        (value) => value !== undefined && isSharedWeight(value, branch, { graph, owners, moves }),
      );
      if (shared !== undefined) staying.set(node, shared);
    }
    if (staying.size === before) return { graph, owners, moves, staying };
  }
}

/** The branch that holds all that reads a node's outputs, now or once `moves` are made. */
function onlyReader(node: Node, setting: Setting): Graph | undefined {
  const uses = node.outputs.flatMap((output) => output.uses);
  if (uses.length === 0 || !isMovable(node) || node.outputs.some((output) => output.isGraphOutput)) return undefined;
  const [place, ...others] = new Set(uses.map((use) => placeOf(use.node, setting)));
  const owner = place === undefined ? undefined : setting.owners.get(place);
  return others.length === 0 && owner !== undefined && isBranch(owner) ? place : undefined;
}

/** Which graph nested directly in `graph` a node stands in, or will; undefined: `graph` itself. */
function placeOf(node: Node, { graph, owners, moves }: Setting): Graph | undefined {
  if (node.graph === graph) return moves.get(node);
  let place = node.graph;
  while (place.parent !== undefined && place.parent !== graph) place = place.parent;
  // An If that moves takes its branches along.
  const owner = owners.get(place);
  return (owner && moves.get(owner)) ?? place;
}

function isSharedWeight(value: Value, branch: Graph, setting: Setting): boolean {
  if (value.constant === undefined || value.constant.bytes <= smallConstant) return false;
  return value.graph !== setting.graph || value.uses.some(({ node }) => placeOf(node, setting) !== branch);
}

/** Moves nodes, which are in execution order, before all nodes of a branch. */
function moveInto(branch: Graph, nodes: readonly Node[]): void {
  const values = new Map<Value, Value>();
  const [first] = branch.nodes;
  for (const node of nodes) {
    const copy = copyNode(node, branch, values, first);
    for (const [index, output] of node.outputs.entries()) {
      output.graph.replaceUses(output, defined(copy.outputs[index], 'an output of a copy'));
    }
  }
  for (const node of nodes.toReversed()) {
    const { graph } = node;
    const names = node.outputs.map((output) => values.get(output));
    for (const [index, output] of node.outputs.entries()) {
      graph.swapNames(output, defined(names[index], 'a copy'));
    }
    graph.removeNode(node);
  }
}

/** Moves constants that one nested graph alone reads into it, and copies small ones that others read as well. */
function moveConstants(graph: Graph): void {
  const setting = { graph, owners: ownersIn(graph), moves: new Map() };
  for (const value of graph.constants) {
    const tensor = value.constant;
    const places = new Set(value.uses.map(({ node }) => placeOf(node, setting)));
    const isOnly = places.size === 1 && !value.isGraphOutput;
    if (tensor === undefined || !(isOnly || tensor.bytes <= smallConstant)) continue;
    for (const place of places) {
      if (place === undefined) continue;
      const copy = place.addConstant(value.name, tensor);
      for (const { node, index } of value.uses.filter((use) => placeOf(use.node, setting) === place)) {
        node.graph.setInput(node, index, copy);
      }
      if (isOnly) graph.swapNames(value, copy);
    }
  }
}

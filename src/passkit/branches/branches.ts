import { subgraph } from '../../ir/attribute.js';
import { copyNode } from '../../ir/clone.js';
import { Graph, type Node, type Value } from '../../ir/graph.js';
import { isBranch } from '../../ops/control-flow.js';
import { operatorOf } from '../../ops/index.js';
import { at, defined } from '../../support/assert.js';

/** The names of the two nested graphs of an If. */
export const sides = ['then_branch', 'else_branch'] as const;
export type Side = (typeof sides)[number];

/** Every If of a graph and of those nested in it, inner before outer. */
export function branchesOf(graph: Graph): Node[] {
  return [...graph.allNodes()].filter(isBranch).toReversed();
}

/**
 * Copies the constants and nodes of a branch into `target`, which sees all that the branch captures, and returns what the
 * branch's outputs are there. `values` is as {@link copyNode} has it.
 */
export function copyBranch(branch: Graph, target: Graph, values: Map<Value, Value>, before?: Node): Value[] {
  for (const value of branch.constants) {
    values.set(value, target.addConstant(value.name, defined(value.constant, 'the data of a constant')));
  }
  for (const inner of branch.nodes) copyNode(inner, target, values, before);
  return branch.outputs.map((result) => defined(values.get(result), `'${result.name}' of a branch`));
}

/**
 * Writes an If in place of others on the same condition, each of which may read the results of those before it. It stands
 * where the last one stood, and gives those of their outputs that are read; readers of the others must come after it.
 */
export function joinBranches(nodes: readonly Node[]): void {
  const last = at(nodes, nodes.length - 1);
  const first = at(nodes, 0);
  const { graph } = last;
  const isInside = insideOf(nodes);
  const kept = nodes.flatMap(({ outputs }) =>
    outputs.filter((value) => value.isGraphOutput || value.uses.some(({ node }) => !isInside(node.graph))),
  );
  if (kept.length > 0) {
    const [yes, no] = sides.map((side) => joined(nodes, side, kept));
    const node = graph.addNode({
      op: first.op,
      domain: first.domain,
      origin: first.origin ?? last.origin,
      inputs: [first.input(0)],
      attributes: { then_branch: subgraph(defined(yes, 'a branch')), else_branch: subgraph(defined(no, 'a branch')) },
      outputs: kept.map(({ name }) => name),
      before: last,
    });
    for (const [index, output] of kept.entries()) {
      const replacement = at(node.outputs, index);
      graph.setType(replacement, output.type);
      graph.replaceUses(output, replacement);
      graph.swapNames(output, replacement);
    }
  }
  for (const node of nodes.toReversed()) graph.removeNode(node);
  graph.sort();
}

/** One branch that does what those of all nodes do, one after the other. */
function joined(nodes: readonly Node[], side: Side, kept: readonly Value[]): Graph {
  const copy = new Graph(at(nodes, 0).subgraph(side).name, at(nodes, 0).graph);
  const values = new Map<Value, Value>();
  for (const node of nodes) {
    for (const [index, result] of copyBranch(node.subgraph(side), copy, values).entries()) {
      const output = node.outputs[index];
      if (output !== undefined) values.set(output, result);
    }
  }
  copy.setOutputs(kept.map((output) => defined(values.get(output), `'${output.name}' in a branch`)));
  copy.removeUnused();
  return copy;
}

/** Whether a graph is nested in one of the nodes. */
function insideOf(nodes: readonly Node[]): (graph: Graph) => boolean {
  const roots = new Set(nodes.flatMap(({ subgraphs }) => subgraphs));
  return (graph) => {
    for (let next: Graph | undefined = graph; next !== undefined; next = next.parent) if (roots.has(next)) return true;
    return false;
  };
}

/** True if `graph` is `outer` or nested in it. */
export function isWithin(graph: Graph, outer: Graph): boolean {
  for (let next: Graph | undefined = graph; next !== undefined; next = next.parent) if (next === outer) return true;
  return false;
}

/** True for a node that may stand in another graph, or once instead of twice: what it gives is known to depend on its inputs. */
export function isMovable(node: Node): boolean {
  const operator = operatorOf(node);
  return operator !== undefined && operator.nondeterministic !== true;
}

/** The value that is behind operators which hand on what they get. */
export function sourceOf(value: Value): Value {
  let source = value;
  for (let next: Value | undefined = source; next !== undefined; next = handedOn(source)) source = next;
  return source;
}

/** What the producer of a value hands on as this value. */
function handedOn({ producer, outputIndex }: Value): Value | undefined {
  return producer === undefined || outputIndex > 0 ? undefined : operatorOf(producer)?.identity?.(producer);
}

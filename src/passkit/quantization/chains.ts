import type { Graph, Node, Value } from '../../ir/graph.js';
import { sizeOf, staticDims } from '../../ir/types.js';
import { operatorOf } from '../../ops/index.js';

/** Nodes that compute a function of one number, element by element, in execution order: an activation, however lowered. */
export interface Chain {
  readonly graph: Graph;
  readonly start: Value;
  readonly nodes: readonly Node[];
  /** The only value of them that others read. */
  readonly exit: Value;
}

/** The longest chains of `graph` that begin with `start`, of nodes that are not `excluded`. */
export function chainsFrom(start: Value, graph: Graph, excluded: ReadonlySet<Node>): readonly Chain[] {
  const members = new Map<Value, Node>();
  for (const node of graph.nodes) {
    if (!excluded.has(node) && isFunctionOf(node, start, members)) members.set(node.output, node);
  }
  const chains = [...members.keys()].flatMap((exit) => {
    const nodes = ancestorsIn(exit, members);
    return isClosed(exit, nodes) ? [{ graph, start, exit, nodes: graph.nodes.filter((node) => nodes.has(node)) }] : [];
  });
  return chains.filter((chain) => !chains.some((other) => other !== chain && contains(other, chain)));
}

function contains(longer: Chain, shorter: Chain): boolean {
  return longer.nodes.length > shorter.nodes.length && shorter.nodes.every((node) => longer.nodes.includes(node));
}

/** True for a node whose only inputs besides single numbers are `start` and what was computed from it. */
function isFunctionOf(node: Node, start: Value, members: ReadonlyMap<Value, Node>): boolean {
  const [output, ...others] = node.outputs;
  if (operatorOf(node)?.elementwise !== true || output?.elementType !== 'float32' || others.length > 0) return false;
  const inputs = node.inputs.filter((value) => value !== undefined);
  const isNumber = (value: Value): boolean => value.constant?.size === 1 && (value.shape?.length ?? 0) <= rankOf(start);
  const isOwn = (value: Value): boolean => value === start || members.has(value);
  return inputs.some(isOwn) && inputs.every((value) => isOwn(value) || isNumber(value));
}

const rankOf = (value: Value): number => value.shape?.length ?? 0;

function ancestorsIn(exit: Value, members: ReadonlyMap<Value, Node>): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const pending = [exit];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const node = members.get(value);
    if (node === undefined || nodes.has(node)) continue;
    nodes.add(node);
    pending.push(...node.inputs.filter((input) => input !== undefined));
  }
  return nodes;
}

/** True if nobody else reads what is computed on the way to `exit`. */
function isClosed(exit: Value, nodes: ReadonlySet<Node>): boolean {
  return [...nodes].every(
    ({ output }) => output === exit || (!output.isGraphOutput && output.uses.every(({ node }) => nodes.has(node))),
  );
}

/** Elements of a value for one sample, or for the batch where that is fixed. */
export function elementsOf({ shape }: Value): number {
  return sizeOf(staticDims((shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1))) ?? []);
}

/** The graphs whose nodes read a value. */
export function readingGraphs({ uses }: Value): readonly Graph[] {
  return [...new Set(uses.map(({ node }) => node.graph))];
}

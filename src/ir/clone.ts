import { assert, defined } from '../support/assert.js';
import type { Attribute, Attributes } from './attribute.js';
import { Graph, type Node, type Value } from './graph.js';

/** A copied graph, and which value of the copy stands for which value of the original. */
export interface Clone {
  readonly graph: Graph;
  readonly values: Map<Value, Value>;
}

/** Copies a whole graph, nested graphs included, with all names and types. Tensors are shared, not copied. */
export function cloneGraph(graph: Graph): Clone {
  assert(graph.parent === undefined, 'a nested graph is copied with copyNode of the node that holds it');
  const values = new Map<Value, Value>();
  return { graph: copyGraph(graph, undefined, values), values };
}

/**
 * Adds a copy of `node`, and of the graphs nested in it, to `target`. `values` says what the copy reads instead of what
 * the original reads (a value that is not listed is read as it is, so must be visible there), and learns the copies of
 * its outputs. Outputs keep their names as far as they are free in `target`.
 */
export function copyNode(node: Node, target: Graph, values: Map<Value, Value>, before?: Node): Node {
  const { op, domain, origin } = node;
  const copy = target.addNode({
    op,
    domain,
    origin,
    inputs: node.inputs.map((value) => value && (values.get(value) ?? value)),
    attributes: copyAttributes(node.attributes, target, values),
    outputs: node.outputs.map((value) => value.name),
    ...(before === undefined ? {} : { before }),
  });
  for (const [index, output] of node.outputs.entries()) {
    const outputCopy = defined(copy.outputs[index], `output ${index} of a copied ${op}`);
    target.setType(outputCopy, output.type);
    values.set(output, outputCopy);
  }
  return copy;
}

function copyAttributes(attributes: Attributes, target: Graph, values: Map<Value, Value>): Attributes {
  const copyOf = (attribute: Attribute): Attribute =>
    attribute.kind === 'graph' ? { kind: 'graph', value: copyGraph(attribute.value, target, values) } : attribute;
  return Object.fromEntries(Object.entries(attributes).map(([name, attribute]) => [name, copyOf(attribute)]));
}

function copyGraph(graph: Graph, parent: Graph | undefined, values: Map<Value, Value>): Graph {
  const copy = new Graph(graph.name, parent);
  for (const input of graph.inputs) {
    values.set(input, copy.addInput(input.name, defined(input.type, `the type of input '${input.name}'`)));
  }
  for (const value of graph.constants) copyConstant(value, copy, values);
  for (const node of graph.nodes) copyNode(node, copy, values);
  copy.setOutputs(graph.outputs.map((value) => defined(values.get(value), `a copy of '${value.name}'`)));
  return copy;
}

function copyConstant(value: Value, target: Graph, values: Map<Value, Value>): Value {
  const copy = target.addConstant(value.name, defined(value.constant, `the data of '${value.name}'`));
  values.set(value, copy);
  return copy;
}

/**
 * A new graph that computes `outputs` from `inputs` and constants, with just the nodes that this takes, names and
 * types kept and tensors shared. An input may be any value: the nodes that compute it are left out. The map leads
 * from the values of `graph` (and of the graphs around it) to their copies.
 * @throws Error if an output depends on a value that is neither an input, nor constant, nor computed by a node.
 */
export function extractSubgraph(graph: Graph, inputs: readonly Value[], outputs: readonly Value[]): Clone {
  const copy = new Graph(graph.name);
  const values = new Map<Value, Value>();
  for (const input of new Set(inputs)) {
    values.set(input, copy.addInput(input.name, defined(input.type, `the type of '${input.name}'`)));
  }
  const { nodes, constants } = dependencies(outputs, values);
  for (const value of constants) copyConstant(value, copy, values);
  for (const owner of chain(graph)) {
    for (const node of owner.nodes) if (nodes.has(node)) copyNode(node, copy, values);
  }
  copy.setOutputs([...new Set(outputs)].map((value) => defined(values.get(value), `'${value.name}'`)));
  return { graph: copy, values };
}

/** The graphs around `graph`, outermost first, and itself. */
function chain(graph: Graph): Graph[] {
  const graphs: Graph[] = [];
  for (let next: Graph | undefined = graph; next !== undefined; next = next.parent) graphs.unshift(next);
  return graphs;
}

/** The nodes and constants that `outputs` are computed from, given `known` values. */
function dependencies(
  outputs: readonly Value[],
  known: ReadonlyMap<Value, Value>,
): { nodes: Set<Node>; constants: Set<Value> } {
  const nodes = new Set<Node>();
  const constants = new Set<Value>();
  const pending = [...outputs];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (known.has(value)) continue;
    if (value.constant !== undefined) {
      constants.add(value);
      continue;
    }
    const producer = value.producer;
    if (producer === undefined) {
      throw new Error(`internal error: '${value.name}' is needed, which is neither an input of the part nor constant`);
    }
    if (nodes.has(producer)) continue;
    nodes.add(producer);
    pending.push(...readsOf(producer));
  }
  return { nodes, constants };
}

/** What a node reads from its own graph and the ones around it, graphs nested in the node included. */
export function readsOf(node: Node): Value[] {
  const reads = node.inputs.filter((value) => value !== undefined);
  const inner = new Set<Graph>();
  const collect = (nested: Graph): void => {
    inner.add(nested);
    for (const innerNode of nested.nodes) {
      reads.push(...innerNode.inputs.filter((value) => value !== undefined));
      innerNode.subgraphs.forEach(collect);
    }
  };
  node.subgraphs.forEach(collect);
  return reads.filter((value) => !inner.has(value.graph));
}

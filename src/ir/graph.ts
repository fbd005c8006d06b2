import { assert } from '../support/assert.js';
import type { Attribute } from './attribute.js';
import { NamePool } from './name-pool.js';
import { Node, type NodeSpec, nodeEdits, Value, valueEdits } from './node.js';
import type { Tensor } from './tensor.js';
import { topologicalOrder } from './topological-order.js';
import type { ValueType } from './types.js';

export { Node, type NodeSpec, type Use, Value } from './node.js';

/**
 * The intermediate representation: ONNX operators as objects.
 *
 * A {@link Graph} owns an ordered list of nodes. A {@link Value} is a graph input, a constant (ONNX: initializer) or a
 * node's output; it knows its producer and every use. Edges are object references; names are for people, and unique
 * within a graph and the graphs nested in it. A nested graph (a branch of `If`) refers to values of the graphs around
 * it directly.
 *
 * All mutation goes through the methods of {@link Graph}, which keep producers and uses right. Nothing else can reach
 * the private state of values and nodes.
 */

export class Graph {
  readonly name: string;
  /** The graph around a nested one. */
  readonly parent: Graph | undefined;
  #inputs: Value[] = [];
  #outputs: Value[] = [];
  #constants = new Set<Value>();
  #nodes: Node[] = [];
  readonly #names: NamePool;

  constructor(name: string, parent?: Graph) {
    this.name = name;
    this.parent = parent;
    this.#names = parent === undefined ? new NamePool() : parent.#names;
  }

  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  get outputs(): readonly Value[] {
    return this.#outputs;
  }

  /** Constants (ONNX: initializers) that this graph owns, used or not. */
  get constants(): ReadonlySet<Value> {
    return this.#constants;
  }

  /** Nodes in execution order. A copy: safe to edit the graph while iterating. */
  get nodes(): readonly Node[] {
    return [...this.#nodes];
  }

  /** The nodes of this graph and of all graphs nested in it, outer before inner. */
  *allNodes(): Generator<Node> {
    for (const node of this.nodes) {
      yield node;
      for (const nested of node.subgraphs) yield* nested.allNodes();
    }
  }

  /** This graph and all graphs nested in it, outer before inner. */
  *allGraphs(): Generator<Graph> {
    yield this;
    for (const { subgraphs } of this.nodes) for (const nested of subgraphs) yield* nested.allGraphs();
  }

  /** Adds an input after those that there are. */
  addInput(name: string, type: ValueType): Value {
    const value = new Value(this, this.freshName(name), type);
    this.#inputs.push(value);
    return value;
  }

  /** Adds a constant that shares the memory of `tensor`. */
  addConstant(name: string, tensor: Tensor): Value {
    const value = new Value(this, this.freshName(name), undefined, tensor);
    this.#constants.add(value);
    return value;
  }

  /** Adds a node and returns it; its outputs are new values whose types are not yet known. */
  addNode(spec: NodeSpec): Node {
    const names = spec.outputs ?? [`${spec.origin ?? ''}${spec.origin ? '_' : ''}${spec.op.toLowerCase()}`];
    const outputs = names.map((name) => new Value(this, this.freshName(name), undefined));
    const node = new Node(this, spec, outputs);
    for (const [index, output] of outputs.entries()) valueEdits.setProducer(output, node, index);
    for (const [index, input] of node.inputs.entries()) {
      if (input !== undefined) valueEdits.addUse(input, { node, index });
    }
    const position = spec.before === undefined ? this.#nodes.length : this.#nodes.indexOf(spec.before);
    assert(position >= 0, 'the node to insert before is not in this graph');
    this.#nodes.splice(position, 0, node);
    return node;
  }

  /** Removes a node whose outputs nobody reads. Values that only it used stay until {@link removeUnused}. */
  removeNode(node: Node): void {
    assert(
      node.outputs.every((output) => output.uses.length === 0 && !output.isGraphOutput),
      `${node.op} '${node.label}' is still in use`,
    );
    const position = this.#nodes.indexOf(node);
    assert(position >= 0, `${node.op} '${node.label}' is not in this graph`);
    this.#nodes.splice(position, 1);
    releaseInputs(node);
    for (const output of node.outputs) this.#names.release(output.name);
  }

  /** Lets `node` read `value` in place of what it reads; undefined for nothing. */
  setInput(node: Node, index: number, value: Value | undefined): void {
    const previous = node.inputs[index];
    if (previous === value) return;
    if (previous !== undefined) valueEdits.removeUse(previous, node, index);
    nodeEdits.setInput(node, index, value);
    if (value !== undefined) valueEdits.addUse(value, { node, index });
  }

  /** Sets or, with undefined, removes attributes; those not named stay. */
  setAttributes(node: Node, changes: Readonly<Record<string, Attribute | undefined>>): void {
    const merged: Record<string, Attribute> = {};
    for (const [name, attribute] of Object.entries({ ...node.attributes, ...changes })) {
      if (attribute !== undefined) merged[name] = attribute;
    }
    nodeEdits.setAttributes(node, merged);
  }

  /** Sets what the graph gives, in this order. */
  setOutputs(outputs: readonly Value[]): void {
    this.#outputs = [...outputs];
  }

  /** Sets what is known of a value at run time; undefined for nothing. */
  setType(value: Value, type: ValueType | undefined): void {
    assert(value.constant === undefined, 'the type of a constant is that of its data');
    valueEdits.setType(value, type);
  }

  /** Lets every reader of `from`, graph outputs included, read `to` instead. `except` keeps reading `from`. */
  replaceUses(from: Value, to: Value, except?: Node): void {
    for (const { node, index } of [...from.uses]) {
      if (node !== except) node.graph.setInput(node, index, to);
    }
    from.graph.#outputs = from.graph.#outputs.map((output) => (output === from ? to : output));
  }

  /**
   * Lets a new constant of this graph take the place of a value and its name, and returns it. The value stays, under
   * another name and without readers, until {@link removeUnused}.
   */
  replaceWithConstant(value: Value, tensor: Tensor): Value {
    const constant = this.addConstant(value.name, tensor);
    this.replaceUses(value, constant);
    this.swapNames(value, constant);
    return constant;
  }

  /** Renames a value; a name that is taken gets a number behind it. */
  rename(value: Value, name: string): void {
    if (value.name === name) return;
    this.#names.release(value.name);
    valueEdits.setName(value, this.freshName(name));
  }

  /** Swaps the names of two values: a rewritten output keeps the name its users know. */
  swapNames(left: Value, right: Value): void {
    const name = left.name;
    valueEdits.setName(left, right.name);
    valueEdits.setName(right, name);
  }

  /** A name based on `base` that nothing in this graph, or around or inside it, has; it is reserved by the call. */
  freshName(base: string): string {
    return this.#names.reserve(base);
  }

  /** Removes nodes whose results reach no output, and constants that nobody reads. */
  removeUnused(): void {
    for (const node of this.nodes.toReversed()) {
      for (const nested of node.subgraphs) nested.removeUnused();
      if (node.outputs.every((output) => output.uses.length === 0 && !output.isGraphOutput)) this.removeNode(node);
    }
    for (const value of this.#constants) {
      if (value.uses.length > 0 || value.isGraphOutput) continue;
      this.#constants.delete(value);
      this.#names.release(value.name);
    }
  }

  /**
   * Removes a node of this graph if nobody reads its outputs, and then the nodes and constants of this graph that only
   * it read: {@link removeUnused} without looking at the rest.
   */
  removeIfUnused(node: Node): void {
    const pending = new Set([node]);
    for (const next of pending) {
      pending.delete(next);
      if (next.outputs.some((output) => output.uses.length > 0 || output.isGraphOutput)) continue;
      const reads = new Set(inputsOf(next));
      this.removeNode(next);
      for (const value of reads) {
        if (value.graph !== this || value.uses.length > 0 || value.isGraphOutput) continue;
        if (value.producer !== undefined) pending.add(value.producer);
        else if (this.#constants.delete(value)) this.#names.release(value.name);
      }
    }
  }

  /**
   * Brings the nodes into an order in which every producer precedes its consumers, keeping theirs where possible. Those in
   * `first`, and what they need, come before all others, here and in nested graphs.
   */
  sort(first: ReadonlySet<Node> = new Set()): void {
    for (const node of this.#nodes) {
      for (const nested of node.subgraphs) nested.sort(first);
    }
    const early = first.size === 0 ? [] : this.#nodes.filter((node) => first.has(node));
    this.#nodes = topologicalOrder([...early, ...this.#nodes], (node) => producersOf(node, this));
  }

  /** Brings the nodes of this graph into the order of `nodes`, which are all of them, producers before their readers. */
  reorder(nodes: readonly Node[]): void {
    const own = new Set(this.#nodes);
    assert(nodes.length === own.size && new Set(nodes).size === own.size, 'an order has every node once');
    assert(
      nodes.every((node) => own.has(node)),
      'an order has nodes of its graph',
    );
    const sorted = topologicalOrder(nodes, (node) => producersOf(node, this));
    assert(
      sorted.every((node, place) => node === nodes[place]),
      'producers come before their readers',
    );
    this.#nodes = sorted;
  }
}

/** The nodes of `graph` that `node`, or a graph nested in it, reads from. */
function producersOf(node: Node, graph: Graph): Node[] {
  const producers = new Set<Node>();
  for (const input of inputsOf(node)) {
    if (input.producer !== undefined && input.graph === graph) producers.add(input.producer);
  }
  return [...producers];
}

/** What a node and the nodes nested in it read. */
function inputsOf(node: Node): Value[] {
  const readers = [node, ...node.subgraphs.flatMap((nested) => [...nested.allNodes()])];
  return readers.flatMap(({ inputs }) => inputs.filter((input) => input !== undefined));
}

function releaseInputs(node: Node): void {
  for (const [index, input] of node.inputs.entries()) {
    if (input !== undefined) valueEdits.removeUse(input, node, index);
  }
  for (const nested of node.subgraphs) {
    // Those nested deeper are released with the nodes that hold them.
    for (const inner of nested.nodes) releaseInputs(inner);
  }
}

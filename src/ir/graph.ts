import { assert, at } from '../support/assert.js';
import { invalid } from '../support/errors.js';
import type { Attribute, Attributes } from './attribute.js';
import type { Tensor } from './tensor.js';
import { topologicalOrder } from './topological-order.js';
import type { ElementType, Shape, ValueType } from './types.js';

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

/** One place where a value is read: input `index` of `node`. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

interface ValueEdits {
  setProducer(value: Value, producer: Node, index: number): void;
  setType(value: Value, type: ValueType | undefined): void;
  setName(value: Value, name: string): void;
  addUse(value: Value, use: Use): void;
  removeUse(value: Value, node: Node, index: number): void;
}

interface NodeEdits {
  setInput(node: Node, index: number, value: Value | undefined): void;
  setAttributes(node: Node, attributes: Attributes): void;
}

let valueEdits: ValueEdits;
let nodeEdits: NodeEdits;

export class Value {
  /** The graph that owns this value. */
  readonly graph: Graph;
  /** The data of a constant; undefined for a value that exists only at run time. */
  readonly constant: Tensor | undefined;
  #name: string;
  #type: ValueType | undefined;
  #producer: Node | undefined;
  #outputIndex = 0;
  #uses: Use[] = [];

  /** Only for {@link Graph}: values are made by its methods. */
  constructor(graph: Graph, name: string, type: ValueType | undefined, constant?: Tensor) {
    this.graph = graph;
    this.constant = constant;
    this.#name = name;
    this.#type = constant === undefined ? type : { type: constant.type, shape: constant.dims };
  }

  get name(): string {
    return this.#name;
  }

  /** Element type and shape, undefined until inferred. */
  get type(): ValueType | undefined {
    return this.#type;
  }

  get elementType(): ElementType | undefined {
    return this.#type?.type;
  }

  get shape(): Shape | undefined {
    return this.#type?.shape;
  }

  /** The node that computes this value; undefined for inputs and constants. */
  get producer(): Node | undefined {
    return this.#producer;
  }

  /** Which output of its producer this is. */
  get outputIndex(): number {
    return this.#outputIndex;
  }

  /** Every node input that reads this value, nested graphs included, graph outputs not. */
  get uses(): readonly Use[] {
    return this.#uses;
  }

  /** The only use, if there is exactly one and the value is no graph output. */
  get onlyUse(): Use | undefined {
    return this.#uses.length === 1 && !this.isGraphOutput ? this.#uses[0] : undefined;
  }

  get isGraphOutput(): boolean {
    return this.graph.outputs.includes(this);
  }

  static {
    valueEdits = {
      setProducer: (value, producer, index) => {
        value.#producer = producer;
        value.#outputIndex = index;
      },
      setType: (value, type) => {
        value.#type = type;
      },
      setName: (value, name) => {
        value.#name = name;
      },
      addUse: (value, use) => value.#uses.push(use),
      removeUse: (value, node, index) => {
        const position = value.#uses.findIndex((use) => use.node === node && use.index === index);
        assert(position >= 0, `'${value.#name}' does not know its use`);
        value.#uses.splice(position, 1);
      },
    };
  }
}

export class Node {
  readonly graph: Graph;
  /** Operator name, as in the ONNX specification. */
  readonly op: string;
  /** Operator domain; '' is ONNX itself. */
  readonly domain: string;
  /** The source layer (or node) that this came from, for messages and reports. */
  readonly origin: string | undefined;
  readonly outputs: readonly Value[];
  #inputs: (Value | undefined)[];
  #attributes: Attributes;

  /** Only for {@link Graph}: nodes are made by its methods. */
  constructor(graph: Graph, spec: NodeSpec, outputs: readonly Value[]) {
    this.graph = graph;
    this.op = spec.op;
    this.domain = spec.domain ?? '';
    this.origin = spec.origin;
    this.outputs = outputs;
    this.#inputs = [...(spec.inputs ?? [])];
    this.#attributes = spec.attributes ?? {};
  }

  /** Inputs in operator order; an optional input that is not given is undefined. */
  get inputs(): readonly (Value | undefined)[] {
    return this.#inputs;
  }

  get attributes(): Attributes {
    return this.#attributes;
  }

  /** Input `index`, which the operator requires. */
  input(index: number): Value {
    const value = this.#inputs[index];
    if (value === undefined) throw invalid(this.label, `${this.op} has no input ${index}`);
    return value;
  }

  /** Output 0, the only one of most operators. */
  get output(): Value {
    return at(this.outputs, 0);
  }

  int(name: string, fallback: number): number {
    return this.#attribute(name, 'int')?.value ?? fallback;
  }

  float(name: string, fallback: number): number {
    return this.#attribute(name, 'float')?.value ?? fallback;
  }

  string(name: string, fallback: string): string {
    return this.#attribute(name, 'string')?.value ?? fallback;
  }

  ints(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'ints')?.value;
  }

  /** The nested graph `name`, which the operator requires. */
  subgraph(name: string): Graph {
    const attribute = this.#attribute(name, 'graph');
    if (attribute === undefined) throw invalid(this.label, `${this.op} has no graph ${name}`);
    return attribute.value;
  }

  #attribute<K extends Attribute['kind']>(name: string, kind: K): Extract<Attribute, { kind: K }> | undefined {
    const attribute = this.#attributes[name];
    if (attribute === undefined) return undefined;
    if (isKind(attribute, kind)) return attribute;
    // A model that was read can be wrong here, so this is no defect of swanc.
    throw invalid(this.label, `attribute ${name} of ${this.op} is of type ${attribute.kind}, not ${kind}`);
  }

  /** The graphs among the attributes, such as the branches of `If`. */
  get subgraphs(): readonly Graph[] {
    return Object.values(this.#attributes).flatMap((attribute) =>
      attribute.kind === 'graph' ? [attribute.value] : [],
    );
  }

  /** How messages call this node: its layer if it has one, else its output. */
  get label(): string {
    return this.origin ?? this.outputs[0]?.name ?? this.op;
  }

  static {
    nodeEdits = {
      setInput: (node, index, value) => {
        while (node.#inputs.length < index) node.#inputs.push(undefined);
        node.#inputs[index] = value;
      },
      setAttributes: (node, attributes) => {
        node.#attributes = attributes;
      },
    };
  }
}

function isKind<K extends Attribute['kind']>(
  attribute: Attribute,
  kind: K,
): attribute is Extract<Attribute, { kind: K }> {
  return attribute.kind === kind;
}

/** What a new node is made of. */
export interface NodeSpec {
  readonly op: string;
  readonly domain?: string;
  readonly inputs?: readonly (Value | undefined)[];
  readonly attributes?: Attributes;
  readonly origin?: string | undefined;
  /** Names of the outputs, made unique; their number is the number of outputs (default: one). */
  readonly outputs?: readonly string[];
  /** Insert before this node; the default is the end. */
  readonly before?: Node;
}

export class Graph {
  readonly name: string;
  /** The graph around a nested one. */
  readonly parent: Graph | undefined;
  #inputs: Value[] = [];
  #outputs: Value[] = [];
  #constants = new Set<Value>();
  #nodes: Node[] = [];
  readonly #names: Set<string>;

  constructor(name: string, parent?: Graph) {
    this.name = name;
    this.parent = parent;
    this.#names = parent === undefined ? new Set() : parent.#names;
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

  addInput(name: string, type: ValueType): Value {
    const value = new Value(this, this.freshName(name), type);
    this.#inputs.push(value);
    return value;
  }

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
    for (const output of node.outputs) this.#names.delete(output.name);
  }

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

  setOutputs(outputs: readonly Value[]): void {
    this.#outputs = [...outputs];
  }

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

  /** Renames a value; a name that is taken gets a number behind it. */
  rename(value: Value, name: string): void {
    if (value.name === name) return;
    this.#names.delete(value.name);
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
    let name = base;
    for (let count = 1; this.#names.has(name); count++) name = `${base}_${count}`;
    this.#names.add(name);
    return name;
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
      this.#names.delete(value.name);
    }
  }

  /** Brings the nodes into an order in which every producer precedes its consumers, keeping theirs where possible. */
  sort(): void {
    for (const node of this.#nodes) {
      for (const nested of node.subgraphs) nested.sort();
    }
    this.#nodes = topologicalOrder(this.#nodes, (node) => producersOf(node, this));
  }
}

/** The nodes of `graph` that `node`, or a graph nested in it, reads from. */
function producersOf(node: Node, graph: Graph): Node[] {
  const producers = new Set<Node>();
  const collect = (reader: Node): void => {
    for (const input of reader.inputs) {
      if (input?.producer !== undefined && input.graph === graph) producers.add(input.producer);
    }
  };
  collect(node);
  for (const nested of node.subgraphs) {
    for (const inner of nested.allNodes()) collect(inner);
  }
  return [...producers];
}

function releaseInputs(node: Node): void {
  for (const [index, input] of node.inputs.entries()) {
    if (input !== undefined) valueEdits.removeUse(input, node, index);
  }
  for (const nested of node.subgraphs) {
    for (const inner of nested.allNodes()) releaseInputs(inner);
  }
}

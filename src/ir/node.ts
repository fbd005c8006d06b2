import { assert, at } from '../support/assert.js';
import { invalid } from '../support/errors.js';
import type { Attribute, Attributes } from './attribute.js';
import type { Graph } from './graph.js';
import type { Tensor } from './tensor.js';
import type { ElementType, Shape, ValueType } from './types.js';

/** Values and nodes. Users import them from `graph.ts`, whose methods alone change them. */

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

/** What only {@link Graph} may do to values and nodes: nothing else imports these two. */
export let valueEdits: ValueEdits;
export let nodeEdits: NodeEdits;

/** A graph's input, a constant of it, or the output of a node: what edges hold. */
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

/** An operator that is applied: what it reads, what it gives, and its attributes. */
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
    if (value === undefined) throw invalid('SWC3008', this.label, `${this.op} has no input ${index}`);
    return value;
  }

  /** Output 0, the only one of most operators. */
  get output(): Value {
    return at(this.outputs, 0);
  }

  /** The attribute of this name; `fallback` where the node has none. */
  int(name: string, fallback: number): number {
    return this.#attribute(name, 'int')?.value ?? fallback;
  }

  /** The attribute of this name; `fallback` where the node has none. */
  float(name: string, fallback: number): number {
    return this.#attribute(name, 'float')?.value ?? fallback;
  }

  /** The attribute of this name; `fallback` where the node has none. */
  string(name: string, fallback: string): string {
    return this.#attribute(name, 'string')?.value ?? fallback;
  }

  /** The attribute of this name; undefined where the node has none. */
  ints(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'ints')?.value;
  }

  /** The nested graph `name`, which the operator requires. */
  subgraph(name: string): Graph {
    const attribute = this.#attribute(name, 'graph');
    if (attribute === undefined) throw invalid('SWC3008', this.label, `${this.op} has no graph ${name}`);
    return attribute.value;
  }

  #attribute<K extends Attribute['kind']>(name: string, kind: K): Extract<Attribute, { kind: K }> | undefined {
    const attribute = this.#attributes[name];
    if (attribute === undefined) return undefined;
    if (isKind(attribute, kind)) return attribute;
    // A model that was read can be wrong here, so this is no defect of swanc.
    throw invalid('SWC3008', this.label, `attribute ${name} of ${this.op} is of type ${attribute.kind}, not ${kind}`);
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

import { invalid } from '../support/errors.js';
import type { Attribute } from './attribute.js';
import { Graph, type Value } from './graph.js';
import type { Tensor } from './tensor.js';
import type { Dim, ElementType, ValueType } from './types.js';

/**
 * Graphs as written: values are names, not objects. Both readers (the text form, ONNX files) produce this, and
 * {@link assembleGraph} is the one place that turns names into edges.
 */

/** A type as written; the dimension '?' is unknown. */
export interface TypeSource {
  readonly type: ElementType;
  readonly shape: readonly Dim[];
}

export interface ValueSource {
  readonly name: string;
  readonly type: TypeSource | undefined;
  /** Where messages point to. */
  readonly where: string;
}

export interface ConstantSource {
  readonly name: string;
  readonly tensor: Tensor;
  readonly where: string;
}

export type AttributeSource =
  | Exclude<Attribute, { kind: 'graph' }>
  | { readonly kind: 'graph'; readonly value: GraphSource };

export interface NodeSource {
  readonly op: string;
  readonly domain: string;
  readonly origin: string | undefined;
  /** '' stands for an optional input that is not given; at the end it means nothing. */
  readonly inputs: readonly string[];
  /** '' stands for an output that nobody asks for. */
  readonly outputs: readonly string[];
  readonly attributes: readonly (readonly [string, AttributeSource])[];
  readonly where: string;
}

export interface GraphSource {
  readonly name: string;
  readonly inputs: readonly ValueSource[];
  readonly outputs: readonly ValueSource[];
  /** Types of values that are neither inputs nor outputs. */
  readonly valueInfos: readonly ValueSource[];
  readonly constants: readonly ConstantSource[];
  readonly nodes: readonly NodeSource[];
  readonly where: string;
}

/** Graphs may nest this deep; real models stay below five. */
export const maxNesting = 32;

/**
 * Builds the graph that `source` describes. A name is visible to the nodes that follow in its graph and in graphs
 * nested there. Two sibling branches may define the same name; the IR has it once, so the second gets a number.
 * @throws SwancError 'invalid' for names that are undefined, defined twice, or used before they are computed.
 */
export function assembleGraph(source: GraphSource): Graph {
  const written = new WrittenNames();
  written.collect(source);
  return new Scope(source, written, undefined).build();
}

/** Every name and symbol in the source, so that names made up here never take one that is written there. */
class WrittenNames {
  readonly #names = new FreshNames();
  readonly #symbols = new FreshNames();
  readonly #claimed = new Set<string>();

  collect(source: GraphSource): void {
    for (const { name, type } of [...source.inputs, ...source.outputs, ...source.valueInfos]) {
      this.#names.add(name);
      for (const dim of type?.shape ?? []) if (typeof dim === 'string') this.#symbols.add(dim);
    }
    for (const { name } of source.constants) this.#names.add(name);
    for (const node of source.nodes) {
      for (const name of node.outputs) this.#names.add(name);
      for (const [, attribute] of node.attributes) if (attribute.kind === 'graph') this.collect(attribute.value);
    }
  }

  /** `name` itself for the first definition that is called so, a name of its own for every later one. */
  claim(name: string): string {
    if (this.#claimed.has(name)) return this.#names.fresh(name);
    this.#claimed.add(name);
    return name;
  }

  freshName(base: string): string {
    return this.#names.fresh(base);
  }

  resolve({ type, shape }: TypeSource): ValueType {
    return { type, shape: shape.map((dim) => (dim === '?' ? this.#symbols.fresh('unknown') : dim)) };
  }
}

class FreshNames {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#taken.add(name);
  }

  fresh(base: string): string {
    let count = (this.#counts.get(base) ?? 0) + 1;
    while (this.#taken.has(`${base}_${count}`)) count++;
    this.#counts.set(base, count);
    const name = `${base}_${count}`;
    this.#taken.add(name);
    return name;
  }
}

class Scope {
  readonly #source: GraphSource;
  readonly #written: WrittenNames;
  readonly #outer: Scope | undefined;
  readonly #graph: Graph;
  readonly #values = new Map<string, Value>();

  constructor(source: GraphSource, written: WrittenNames, outer: Scope | undefined) {
    this.#source = source;
    this.#written = written;
    this.#outer = outer;
    this.#graph = new Graph(source.name, outer === undefined ? undefined : outer.#graph);
  }

  build(): Graph {
    const types = new Map([...this.#source.valueInfos, ...this.#source.outputs].map((info) => [info.name, info.type]));
    for (const input of this.#source.inputs) {
      if (input.type === undefined) throw invalid('SWC3008', input.where, `input '${input.name}' has no type`);
      const name = this.#claim(input.name, input.where);
      this.#values.set(input.name, this.#graph.addInput(name, this.#written.resolve(input.type)));
    }
    for (const { name, tensor, where } of this.#source.constants) {
      const claimed = this.#claim(name, where);
      this.#values.set(name, this.#graph.addConstant(claimed, tensor));
    }
    for (const node of this.#source.nodes) this.#addNode(node, types);
    this.#graph.setOutputs(this.#source.outputs.map((output) => this.#outputValue(output)));
    return this.#graph;
  }

  #addNode(source: NodeSource, types: ReadonlyMap<string, TypeSource | undefined>): void {
    const given = source.inputs.slice(0, source.inputs.findLastIndex((name) => name !== '') + 1);
    const inputs = given.map((name) => (name === '' ? undefined : this.#find(name, source.where)));
    const attributes = Object.fromEntries(
      source.attributes.map(([name, attribute]) => [name, this.#attribute(name, attribute, source.where)]),
    );
    const written = source.outputs.length === 0 ? [''] : source.outputs;
    const outputs = written.map((name) =>
      name === '' ? this.#written.freshName('unused') : this.#claim(name, source.where),
    );
    const { op, domain, origin } = source;
    const node = this.#graph.addNode({ op, domain, origin, inputs, attributes, outputs });
    for (const [index, value] of node.outputs.entries()) {
      const name = written[index] ?? '';
      const type = types.get(name);
      if (name !== '') this.#values.set(name, value);
      if (type !== undefined) this.#graph.setType(value, this.#written.resolve(type));
    }
  }

  #attribute(name: string, source: AttributeSource, where: string): Attribute {
    // A plain object cannot carry this one as data, and no operator has it.
    if (name === '__proto__') throw invalid('SWC3008', where, `'${name}' cannot be the name of an attribute`);
    if (source.kind !== 'graph') return source;
    return { kind: 'graph', value: new Scope(source.value, this.#written, this).build() };
  }

  #outputValue({ name, where }: ValueSource): Value {
    const local = this.#values.get(name);
    if (local !== undefined) return local;
    // A branch that hands an outer value through: the IR wants outputs of a graph's own.
    const outer = this.#find(name, where);
    const identity = this.#graph.addNode({
      op: 'Identity',
      inputs: [outer],
      outputs: [this.#written.freshName(name)],
    });
    this.#graph.setType(identity.output, outer.type);
    return identity.output;
  }

  /** The name under which the IR holds what is called `name` in this scope. */
  #claim(name: string, where: string): string {
    if (name === '') throw invalid('SWC3008', where, 'a value has no name');
    if (this.#values.has(name)) throw invalid('SWC3008', where, `'${name}' is defined twice`);
    return this.#written.claim(name);
  }

  #find(name: string, where: string): Value {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#outer) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    throw invalid('SWC3008', where, `'${name}' is read, but nothing before this place defines it`);
  }
}

import { int } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { extentsOf, takeAlongAxis } from '../../ir/slices.js';
import { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import { operatorOf, relationsOf } from '../../ops/index.js';
import {
  coversRuntimeInputs,
  type Flow,
  flowsInto,
  type Port,
  portKey,
  portsOf,
  portValue,
  sizeOfAxis,
  slotsAt,
} from '../../ops/relations.js';
import { assert, at } from '../../support/assert.js';
import type { KeptSlots } from '../units/select-slots.js';
import type { ConstantSlots } from './constant-slots.js';

/** A contribution cannot be had; the message is the reason, for the report. */
export class UnknownContribution extends Error {}

/** Copies what computes given slots of a value, and nothing of other slots. */
export class RestrictedCopy {
  readonly #graph: Graph;
  readonly #constants: ConstantSlots;
  readonly #kept: KeptSlots;
  readonly #copies = new Map<string, Value>();

  constructor(graph: Graph, constants: ConstantSlots, kept: KeptSlots) {
    this.#graph = graph;
    this.#constants = constants;
    this.#kept = kept;
  }

  /** The given slots of a value, which must be constant, computed in the new graph. */
  slots(value: Value, axis: number, indices: readonly number[]): Value {
    const key = `${value.name} ${axis} ${indices.join(',')}`;
    const copy = this.#copies.get(key) ?? this.#copy(value, axis, indices);
    this.#copies.set(key, copy);
    // What reads it is brought in line by its type, as before slots go.
    if (copy.type === undefined) this.#graph.setType(copy, value.type);
    this.#kept.set(copy, axis, indices, sizeOfAxis(value, axis));
    return copy;
  }

  #copy(value: Value, axis: number, indices: readonly number[]): Value {
    if (value.constant !== undefined) {
      return this.#graph.addConstant(value.name, takeAlongAxis(value.constant, axis, indices));
    }
    const isFixed = (index: number): boolean => this.#constants.fixedAt(value, axis, index) !== undefined;
    const fixed = indices.filter(isFixed);
    const others = indices.filter((index) => !isFixed(index));
    const numbers = (): Value => this.#graph.addConstant(value.name, this.#numbers(value, axis, fixed));
    if (others.length === 0) return numbers();
    const node = value.producer;
    assert(node !== undefined, `'${value.name}' is an input, not constant`);
    if (fixed.length === 0) return this.#computed(node, value, axis, indices);
    return this.#placed(
      [
        [numbers(), fixed],
        [this.slots(value, axis, others), others],
      ],
      axis,
      indices,
    );
  }

  /** Slots that hold numbers, in the shape of the value; a symbolic axis 0 is taken as one. */
  #numbers(value: Value, axis: number, indices: readonly number[]): Tensor {
    const dims = (value.shape ?? []).map((dim, position) => {
      if (position === axis) return indices.length;
      if (position === 0 && typeof dim === 'string') return 1;
      if (typeof dim === 'string') throw new UnknownContribution(`the size '${dim}' is not known`);
      return dim;
    });
    const { inner } = extentsOf(dims, axis);
    const values = new Float32Array(sizeOf(dims));
    const numbers = indices.map((index) => this.#constants.fixedAt(value, axis, index) ?? 0);
    for (const place of values.keys()) values[place] = at(numbers, Math.floor(place / inner) % numbers.length);
    return new Tensor('float32', dims, values);
  }

  /** Parts that hold certain slots each, put into the order of `indices`. */
  #placed(parts: readonly (readonly [Value, readonly number[]])[], axis: number, indices: readonly number[]): Value {
    const builder = new Builder(this.#graph);
    const places = new Map(parts.flatMap(([, slots]) => slots).map((slot, place) => [slot, place]));
    const order = indices.map((index) => places.get(index) ?? 0);
    const [first] = parts;
    const joined = parts.length === 1 && first !== undefined ? first[0] : this.#joined(builder, parts, axis);
    return order.every((place, index) => place === index) && places.size === order.length
      ? joined
      : builder.gather(joined, builder.int64s(order), axis);
  }

  #joined(builder: Builder, parts: readonly (readonly [Value, readonly number[]])[], axis: number): Value {
    return builder.op(
      'Concat',
      parts.map(([value]) => value),
      { axis: int(axis) },
    );
  }

  /** The slots as their producer computes them, from as few slots of its inputs as these need. */
  #computed(node: Node, value: Value, axis: number, indices: readonly number[]): Value {
    const to: Port = { side: 'output', index: value.outputIndex, axis };
    if (node.subgraphs.length > 0) throw new UnknownContribution(`'${node.label}' has nested graphs`);
    if (typeof value.shape?.[0] === 'string') requireBatch(node);
    for (const relation of relationsOf(node)) {
      const flows = flowsInto(node, relation, to);
      const sources = flows === undefined ? undefined : this.#sources(node, flows, indices);
      if (sources === undefined) continue;
      const made = slotsMade(sources, slotsAt(node, to), relation.kind === 'concat');
      return this.#placed([[this.#node(node, to, sources, made), made]], axis, indices);
    }
    throw new UnknownContribution(`'${node.label}' mixes units`);
  }

  /** The input slots behind the wanted output slots; undefined where one is not constant. */
  #sources(node: Node, flows: readonly Flow[], indices: readonly number[]): Source[] | undefined {
    const wanted = new Set(indices);
    const sources: Source[] = [];
    for (const flow of flows) {
      const value = portValue(node, flow.from);
      const slots = new Set<number>();
      for (let i = 0; i < flow.count; i++) if (wanted.has(flow.target(i))) slots.add(flow.source(i));
      if (value === undefined) continue;
      for (const slot of slots) if (!this.#constants.has(value, flow.from.axis, slot)) return undefined;
      sources.push({ flow, value, slots: [...slots].toSorted((left, right) => left - right) });
    }
    return coversRuntimeInputs(node, flows) ? sources : undefined;
  }

  /** One slot for a node that makes the wanted slots of no slot of its input: any one will do. */
  #standIn({ flow: { from }, value }: Source): Value {
    if (value.elementType !== 'float32') throw new UnknownContribution(`'${value.name}' is not of float32`);
    const copy = this.#graph.addConstant(value.name, this.#numbers(value, from.axis, [0]));
    this.#kept.set(copy, from.axis, [0], sizeOfAxis(value, from.axis));
    return copy;
  }

  #node(node: Node, to: Port, sources: readonly Source[], made: readonly number[]): Value {
    const inputs = node.inputs.flatMap((value, index): (Value | undefined)[] => {
      if (value === undefined) return [undefined];
      const source = sources.find(({ flow }) => flow.from.index === index);
      if (source?.slots.length === 0) {
        // A part of a Concat that nothing is taken from.
        if (node.inputs.length > 1 && sources.some(({ slots }) => slots.length > 0)) return [];
        return [this.#standIn(source)];
      }
      if (source !== undefined) return [this.slots(value, source.flow.from.axis, source.slots)];
      assert(value.constant !== undefined, `'${value.name}' is not constant`);
      return [this.#graph.addConstant(value.name, value.constant)];
    });
    const { op, domain, attributes } = node;
    const outputs = node.outputs.map(({ name }) => name);
    const copied = this.#graph.addNode({ op, domain, attributes, inputs, outputs });
    for (const [index, { type }] of node.outputs.entries()) {
      if (type !== undefined) this.#graph.setType(at(copied.outputs, index), type);
    }
    const output = at(copied.outputs, to.index);
    this.#kept.set(output, to.axis, made);
    operatorOf(copied)?.resize?.(copied, this.#graph, this.#kept);
    return output;
  }
}

/** Slots of an input that a copied node needs; none if it fills in what is wanted, as a Pad does. */
interface Source {
  readonly flow: Flow;
  readonly value: Value;
  readonly slots: readonly number[];
}

/** The output slots that a node gives when it has only these slots of its inputs, ascending. */
function slotsMade(sources: readonly Source[], size: number, isConcat: boolean): number[] {
  const missing = new Uint8Array(size);
  const met = new Uint8Array(size);
  for (const { flow, slots } of sources) {
    // Without a slot of its own a node that is no Concat gets a stand-in.
    const present = new Set(slots.length === 0 && !isConcat ? [0] : slots);
    for (let i = 0; i < flow.count; i++) {
      if (present.has(flow.source(i))) met[flow.target(i)] = 1;
      else missing[flow.target(i)] = 1;
    }
  }
  return Array.from(met.keys()).filter((slot) => (met[slot] === 1 || !isConcat) && missing[slot] === 0);
}

/** @throws UnknownContribution for a node that mixes samples. */
export function requireBatch(node: Node): void {
  if (mixesSamples(node)) throw new UnknownContribution(`'${node.label}' mixes samples`);
}

/** False for a node that computes each slot of axis 0 of its output from that slot of its run-time inputs alone. */
export function mixesSamples(node: Node): boolean {
  const tie = relationsOf(node).find(
    (relation) => relation.kind === 'tie' && relation.ports.some((port) => portKey(port) === 'output 0 0'),
  );
  return node.inputs.some(
    (value, index) =>
      value !== undefined &&
      value.constant === undefined &&
      (tie === undefined || !portsOf(tie).some((port) => portKey(port) === `input ${index} 0`)),
  );
}

import { int } from '../../ir/attribute.js';
import { Builder } from '../../ir/builder.js';
import { Graph, type Node, type Value } from '../../ir/graph.js';
import { Tensor, takeAlongAxis } from '../../ir/tensor.js';
import { operatorOf, relationsOf } from '../../ops/index.js';
import { type Flow, flowsInto, type Port, portKey, portsOf, portValue, slotsAt } from '../../ops/relations.js';
import { assert, at } from '../../support/assert.js';
import { KeptSlots } from '../units/select-slots.js';
import { type Consumption, sizeOfAxis } from '../units/units.js';
import type { ConstantSlots } from './constant-slots.js';

/**
 * What constant units add to a consumer. The operators on the way from the fixed slots to the consumer are copied, cut
 * down to the units in question, and run by ONNX Runtime: the result is exact for any activation on the way, and with
 * zero padding it is the position-dependent map that a bias cannot express.
 */

/** A contribution cannot be had; the message is the reason, for the report. */
export class UnknownContribution extends Error {}

/**
 * A graph without inputs whose only output is what slots `indices` of the consumption's data contribute to its node's
 * output. A symbolic size of axis 0 is taken as one, which is right because every operator on the way must keep the
 * slots of that axis apart. Throws {@link UnknownContribution} where one does not, or other sizes are not static.
 */
export function contributionGraph(
  { node, data, weight }: Consumption,
  indices: readonly number[],
  constants: ConstantSlots,
): Graph {
  if (node.output.elementType !== 'float32') throw new UnknownContribution('it is not of float32');
  const graph = new Graph('contribution');
  const kept = new KeptSlots();
  const dataValue = portValue(node, data);
  assert(dataValue !== undefined, 'a consumption has data');
  const inputs: (Value | undefined)[] = node.inputs.map(() => undefined);
  const restricted = new RestrictedCopy(graph, constants, kept).slots(dataValue, data.axis, indices);
  inputs[data.index] = restricted;
  if (typeof dataValue.shape?.[0] === 'string') requireBatch(node);
  if (weight === undefined) {
    // Inputs besides the data are constants that say what to do, such as axes.
    for (const [index, value] of node.inputs.entries()) {
      if (index !== data.index && value?.constant !== undefined) {
        inputs[index] = graph.addConstant(value.name, value.constant);
      }
    }
  } else {
    const tensor = portValue(node, weight)?.constant;
    assert(tensor !== undefined, 'a consumption has constant weights');
    const met = [...new Set(indices.map((index) => index % at(tensor.dims, weight.axis)))];
    inputs[weight.index] = graph.addConstant('weights', takeAlongAxis(tensor, weight.axis, met));
  }
  // Without its other inputs (the bias) the node is linear in the data, so this is the contribution and nothing else.
  const copied = graph.addNode({ op: node.op, domain: node.domain, inputs, attributes: node.attributes });
  if (node.output.type !== undefined) graph.setType(copied.output, node.output.type);
  graph.setOutputs([copied.output]);
  operatorOf(copied)?.resize?.(copied, graph, kept);
  return graph;
}

/** Copies what computes given slots of a value, and nothing of other slots. */
class RestrictedCopy {
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
    const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
    const values = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    const numbers = indices.map((index) => this.#constants.fixedAt(value, axis, index) ?? 0);
    for (const place of values.keys()) values[place] = at(numbers, Math.floor(place / inner) % numbers.length);
    return Tensor.floats(dims, values);
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
    const isCovered = node.inputs.every(
      (value, index) =>
        value === undefined || value.constant !== undefined || sources.some(({ flow }) => flow.from.index === index),
    );
    return isCovered ? sources : undefined;
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

/** A node that computes each slot of axis 0 of its output from that slot of its run-time inputs alone. */
function requireBatch(node: Node): void {
  const tie = relationsOf(node).find(
    (relation) => relation.kind === 'tie' && relation.ports.some((port) => portKey(port) === 'output 0 0'),
  );
  const isTied = node.inputs.every(
    (value, index) =>
      value === undefined ||
      value.constant !== undefined ||
      (tie !== undefined && portsOf(tie).some((port) => portKey(port) === `input ${index} 0`)),
  );
  if (!isTied) throw new UnknownContribution(`'${node.label}' mixes samples`);
}

/**
 * A contribution in the smallest shape that still broadcasts to it: axes along which it varies by no more than rounding
 * become 1. Undefined if it is zero throughout.
 */
export function compactContribution(tensor: Tensor): Tensor | undefined {
  const values = tensor.floats();
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) return undefined;
  // A convolution may sum in another order near a border: a few units in the last place are no difference.
  const rounding = 8 * 2 ** -24 * largest;
  let result = tensor;
  for (const [axis, dim] of tensor.dims.entries()) {
    if (dim === 1) continue;
    const first = takeAlongAxis(result, axis, [0]);
    if (isRepeated(result, first, axis, rounding)) result = first;
  }
  return result;
}

function isRepeated(tensor: Tensor, first: Tensor, axis: number, rounding: number): boolean {
  const dim = at(tensor.dims, axis);
  const expected = first.floats();
  for (let index = 1; index < dim; index++) {
    const slice = takeAlongAxis(tensor, axis, [index]).floats();
    if (slice.some((value, position) => Math.abs(value - at(expected, position)) > rounding)) return false;
  }
  return true;
}

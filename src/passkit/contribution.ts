import { int } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import { Graph, type Node, type Value } from '../ir/graph.js';
import { Tensor, takeAlongAxis } from '../ir/tensor.js';
import { operatorOf, relationsOf } from '../ops/index.js';
import { type Port, portsOf, portValue, type Relation } from '../ops/relations.js';
import { gateAxis } from '../ops/swan.js';
import { assert, at } from '../support/assert.js';
import type { ConstantSlots, DeadUnits } from './constant-slots.js';
import { KeptSlots } from './select-slots.js';
import { type Consumption, sizeOfAxis } from './units.js';

/**
 * What constant units add to a consumer. The operators on the way from the gate to the consumer are copied, cut down to
 * the units in question, and run by ONNX Runtime: the result is exact for any activation on the way, and with zero
 * padding it is the position-dependent map that a bias cannot express.
 */

/** A contribution cannot be had; the message is the reason, for the report. */
export class UnknownContribution extends Error {}

/**
 * A graph without inputs whose only output is what slots `indices` of the consumption's data contribute to its node's
 * output. A symbolic size of axis 0 is taken as one, which is right because every operator on the way must keep the
 * slots of that axis apart. Throws {@link UnknownContribution} where one does not, or other sizes are not static.
 */
export function contributionGraph(
  consumption: Consumption,
  indices: readonly number[],
  dead: DeadUnits,
  constants: ConstantSlots,
): Graph {
  const { node, data, weight } = consumption;
  if (node.output.elementType !== 'float32') throw new UnknownContribution('it is not of float32');
  const graph = new Graph('contribution');
  const copy = new RestrictedCopy(graph, dead, constants);
  const dataValue = portValue(node, data);
  const weightTensor = portValue(node, weight)?.constant;
  assert(dataValue !== undefined && weightTensor !== undefined, 'a consumption has data and constant weights');
  const inputs: (Value | undefined)[] = node.inputs.map(() => undefined);
  inputs[data.index] = copy.slots(dataValue, data.axis, indices);
  if (typeof dataValue.shape?.[0] === 'string') requireBatch(node);
  const cutWeights = takeAlongAxis(weightTensor, weight.axis, indices);
  inputs[weight.index] = graph.addConstant('weights', cutWeights);
  // Without its other inputs (the bias) the node is linear in the data, so this is the contribution and nothing else.
  const attributes = node.attributes;
  graph.setOutputs([graph.addNode({ op: node.op, domain: node.domain, inputs, attributes }).output]);
  return graph;
}

class RestrictedCopy {
  readonly #graph: Graph;
  readonly #dead: DeadUnits;
  readonly #constants: ConstantSlots;
  readonly #kept = new KeptSlots();
  readonly #copies = new Map<string, Value>();

  constructor(graph: Graph, dead: DeadUnits, constants: ConstantSlots) {
    this.#graph = graph;
    this.#dead = dead;
    this.#constants = constants;
  }

  /** The given slots of a value, which must be constant, computed in the new graph. */
  slots(value: Value, axis: number, indices: readonly number[]): Value {
    const key = `${value.name} ${axis} ${indices.join(',')}`;
    const done = this.#copies.get(key) ?? this.#copy(value, axis, indices);
    this.#copies.set(key, done);
    this.#kept.set(done, axis, indices);
    return done;
  }

  #copy(value: Value, axis: number, indices: readonly number[]): Value {
    if (value.constant !== undefined) {
      return this.#graph.addConstant(value.name, takeAlongAxis(value.constant, axis, indices));
    }
    const node = value.producer;
    assert(node !== undefined, `'${value.name}' is an input, not constant`);
    const switched = this.#dead.get(node);
    const dead = switched !== undefined && gateAxis(node) === axis ? switched : undefined;
    const off = indices.filter((index) => dead?.has(index));
    if (off.length > 0) {
      const zero = this.#graph.addConstant(value.name, zeros(value, axis, off.length));
      return off.length === indices.length ? zero : this.#mixed(value, axis, indices, off, zero);
    }
    return this.#computed(node, value, axis, indices);
  }

  /** Slots of a gate some of which are off and others constant for another reason, such as a constant self-gated unit. */
  #mixed(value: Value, axis: number, indices: readonly number[], off: readonly number[], zero: Value): Value {
    const others = indices.filter((index) => !off.includes(index));
    const builder = new Builder(this.#graph);
    const computed = this.slots(value, axis, others);
    const joined = builder.op('Concat', [zero, computed], { axis: int(axis) });
    const places = [...off, ...others];
    return builder.gather(joined, builder.int64s(indices.map((index) => places.indexOf(index))), axis);
  }

  #computed(node: Node, value: Value, axis: number, indices: readonly number[]): Value {
    const port: Port = { side: 'output', index: value.outputIndex, axis };
    // Axes that are merged offer a relation each; the slots at hand need not be constant, or complete, along every one.
    const relation = relationsOf(node).find(
      (candidate) => namesOutput(candidate, port) && this.#isFollowed(node, candidate, indices),
    );
    if (relation === undefined) throw new UnknownContribution(`'${node.label}' mixes units`);
    if (typeof value.shape?.[0] === 'string') requireBatch(node);
    if (relation.kind === 'concat') return this.#concat(node, relation, indices);
    return this.#node(node, relation, indices);
  }

  #node(node: Node, relation: Relation, indices: readonly number[]): Value {
    const inputs = node.inputs.map((value, index) => {
      if (value === undefined) return undefined;
      const port = inputPort(relation, index);
      if (port !== undefined) return this.slots(value, port.axis, sourceIndices(node, relation, port, indices));
      assert(value.constant !== undefined, `'${value.name}' is not constant`);
      return this.#graph.addConstant(value.name, value.constant);
    });
    const { op, domain, attributes } = node;
    const copied = this.#graph.addNode({ op, domain, attributes, inputs });
    const target = namedOutput(relation);
    if (target !== undefined) this.#kept.set(copied.output, target.axis, indices);
    const type = node.output.type;
    if (type !== undefined) this.#graph.setType(copied.output, type);
    operatorOf(copied)?.resize?.(copied, this.#graph, this.#kept);
    return copied.output;
  }

  #isFollowed(node: Node, relation: Relation, indices: readonly number[]): boolean {
    if (relation.kind !== 'repeat') return true;
    const { from, outer, inner } = relation;
    const source = portValue(node, from);
    const sources = sourceIndices(node, relation, from, indices);
    const isComplete = sources.length * outer * inner === indices.length;
    return isComplete && source !== undefined && sources.every((slot) => this.#constants.has(source, from.axis, slot));
  }

  #concat(node: Node, relation: Extract<Relation, { kind: 'concat' }>, indices: readonly number[]): Value {
    const parts: Value[] = [];
    let offset = 0;
    for (const part of relation.parts) {
      const value = portValue(node, part);
      const size = value === undefined ? 0 : sizeOfAxis(value, part.axis);
      const start = offset;
      const own = indices.filter((index) => index >= start && index < start + size).map((index) => index - start);
      if (value !== undefined && own.length > 0) parts.push(this.slots(value, part.axis, own));
      offset += size;
    }
    return new Builder(this.#graph).op('Concat', parts, node.attributes);
  }
}

/** A node that computes each slot of axis 0 of its output from that slot of its run-time inputs alone. */
function requireBatch(node: Node): void {
  const ports = relationsOf(node).find(
    (relation) => relation.kind === 'tie' && relation.ports.some(({ side, axis }) => side === 'output' && axis === 0),
  );
  const isTied = node.inputs.every(
    (value, index) =>
      value === undefined ||
      value.constant !== undefined ||
      (ports !== undefined &&
        portsOf(ports).some((port) => port.side === 'input' && port.index === index && port.axis === 0)),
  );
  if (!isTied) throw new UnknownContribution(`'${node.label}' mixes samples`);
}

/** Zeros in the shape of a gate's output cut to `count` units; a symbolic axis 0 is taken as one. */
function zeros(value: Value, axis: number, count: number): Tensor {
  const dims = (value.shape ?? []).map((dim, position) => {
    if (position === axis) return count;
    if (position === 0 && typeof dim === 'string') return 1;
    if (typeof dim === 'string') throw new UnknownContribution(`the size '${dim}' is not known`);
    return dim;
  });
  return Tensor.floats(dims, new Float32Array(dims.reduce((size, dim) => size * dim, 1)));
}

function namesOutput(relation: Relation, port: Port): boolean {
  const target = namedOutput(relation);
  return target?.index === port.index && target.axis === port.axis;
}

/** The output port of a relation along which constant slots are followed. */
function namedOutput(relation: Relation): Port | undefined {
  if (relation.kind === 'tie') return relation.ports.find((port) => port.side === 'output');
  if (relation.kind === 'repeat') return relation.to.find((port) => port.side === 'output');
  return relation.kind === 'concat' ? relation.to : undefined;
}

function inputPort(relation: Relation, index: number): Port | undefined {
  const isInput = (port: Port): boolean => port.side === 'input' && port.index === index;
  if (relation.kind === 'tie') return relation.ports.find(isInput);
  if (relation.kind === 'repeat') return [relation.from, ...relation.to].find(isInput);
  return undefined;
}

/** The input slots behind output slots: themselves for a tie, the repeated ones for the source of a repeat. */
function sourceIndices(node: Node, relation: Relation, port: Port, indices: readonly number[]): readonly number[] {
  if (relation.kind !== 'repeat' || port !== relation.from) return indices;
  const value = portValue(node, port);
  const size = value === undefined ? 1 : sizeOfAxis(value, port.axis);
  const sources = new Set(indices.map((index) => Math.floor(index / relation.inner) % size));
  return [...sources].toSorted((left, right) => left - right);
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

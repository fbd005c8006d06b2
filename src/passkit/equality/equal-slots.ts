import type { Attribute } from '../../ir/attribute.js';
import type { Graph, Node, Value } from '../../ir/graph.js';
import { operatorOf, passagesInto, relationsOf } from '../../ops/index.js';
import {
  type Flow,
  flowsInto,
  independentRuns,
  isMixing,
  mixingFlowsInto,
  type Port,
  portKey,
  portsOf,
  portValue,
  type Relation,
  sizeOfAxis,
  slotsAt,
} from '../../ops/relations.js';
import { assert, at } from '../../support/assert.js';
import { ClassTable, unlike } from './class-table.js';
import { ConstantSlices } from './constant-slices.js';

/**
 * Which slots hold equal data for every input, as far as axis relations show it. The data of a slot are a function of the
 * slots that flow into it and of the inputs that do not flow, and one function for all slots that a relation ties
 * together: it is the one that is left when all others are deleted. So slots are in one class if the same operator makes
 * them of slots in equal classes and of the same other values: two units of a layer with equal rows of weights and equal
 * biases, whatever equal parameters they pass on the way. Classes are numbered forwards through the graph, without
 * comparing pairs. Slots of which nothing is known are like no other.
 */
export class EqualSlots {
  readonly #classes = new ClassTable();
  readonly #constants: ConstantSlices;
  readonly #known = new Map<Value, Map<number, Int32Array>>();
  /** Numbers of values and of data in attributes, which are equal only to themselves. */
  readonly #numbers = new Map<object, number>();

  constructor(graph: Graph) {
    this.#constants = new ConstantSlices(constantsThatFlow(graph), this.#classes);
    this.#followNodes(graph);
  }

  /** The class of every slot along an axis of known size, as opaque numbers; {@link unlike} is equal to no slot. */
  classesOf(value: Value, axis: number): Int32Array {
    const known = this.#known.get(value)?.get(axis);
    if (known !== undefined) return known;
    const classes =
      value.constant === undefined ? new Int32Array(sizeOfAxis(value, axis)) : this.#constants.along(value, axis);
    this.#set(value, axis, classes);
    return classes;
  }

  /** Classes of slots `size` apart taken together: slots k, k + size, k + 2 · size ... of each of the places. */
  joint(places: readonly (readonly [value: Value, axis: number])[], size: number): Int32Array {
    const result = new Int32Array(size).fill(this.#classes.named('joint'));
    for (const [value, axis] of places) {
      for (const [slot, own] of this.classesOf(value, axis).entries()) {
        result[slot % size] = this.#classes.pair(at(result, slot % size), own);
      }
    }
    return result;
  }

  #set(value: Value, axis: number, classes: Int32Array): void {
    const axes = this.#known.get(value) ?? new Map<number, Int32Array>();
    axes.set(axis, classes);
    this.#known.set(value, axes);
  }

  #followNodes(graph: Graph): void {
    for (const node of graph.nodes) {
      for (const nested of node.subgraphs) this.#followNodes(nested);
      if (node.subgraphs.length > 0) this.#followPassages(node);
      else if (operatorOf(node)?.nondeterministic !== true) this.#followNode(node);
    }
  }

  #followNode(node: Node): void {
    const relations = relationsOf(node);
    const groups = independentRuns(node, relations);
    const made = new Map<string, Int32Array>();
    for (const relation of relations) {
      for (const to of portsOf(relation)) {
        const value = to.side === 'output' ? portValue(node, to) : undefined;
        if (value === undefined || slotsAt(node, to) === 0) continue;
        const classes = this.#follow(node, relation, to, groups) ?? this.#followLast(node, relation, to);
        const other = made.get(portKey(to));
        // Several relations may tell the same axis apart, as those of axes that a Reshape merges: each of them holds.
        if (classes === undefined || (other !== undefined && countOf(other) <= countOf(classes))) continue;
        made.set(portKey(to), classes);
        this.#set(value, to.axis, classes);
      }
    }
  }

  #follow(node: Node, relation: Relation, to: Port, groups: number): Int32Array | undefined {
    const flows = flowsOf(node, relation, to);
    if (flows === undefined || flows.length === 0) return undefined;
    const sources = new Set(flows.map(({ from }) => from.index));
    // Along two axes of one input its slots do not stand for themselves (a diagonal).
    const isPlain = relation.kind === 'concat' || sources.size === flows.length;
    const size = slotsAt(node, to);
    if (!isPlain || size % groups > 0) return undefined;
    const classes = new Int32Array(size).fill(this.#classes.named(this.#functionOf(node, relation, to, flows)));
    const isMade = new Uint8Array(size);
    for (const { from, count, source, target } of flows) {
      const value = portValue(node, from);
      assert(value !== undefined, 'data flow from an input that is given');
      const own = this.classesOf(value, from.axis);
      for (let i = 0; i < count; i++) {
        const place = target(i);
        classes[place] = this.#classes.pair(classes[place] ?? 0, own[source(i)] ?? 0);
        isMade[place] = 1;
      }
    }
    const placeOf = placesWithin(node, relation, to);
    for (let slot = 0; slot < size; slot++) {
      // What an operator fills in, such as padding, may be anything.
      if (isMade[slot] === 0) classes[slot] = unlike;
      const place = placeOf(slot) + Math.floor((slot * groups) / size) * size;
      if (place > 0) classes[slot] = this.#classes.pair(classes[slot] ?? 0, place);
    }
    return classes;
  }

  /** Last states, which are equal where all states are. */
  #followLast(node: Node, relation: Relation, to: Port): Int32Array | undefined {
    const states = isMixing(relation) ? portValue(node, relation.from) : undefined;
    if (!isMixing(relation) || states === undefined || relation.outer * relation.inner !== 1) return undefined;
    if (!relation.to.some((port) => portKey(port) === portKey(to))) return undefined;
    const last = this.#classes.named(`last ${portKey(to)}`);
    return this.classesOf(states, relation.from.axis).map((own) => this.#classes.pair(last, own));
  }

  /** What is done to the slots that flow, in a text that equal functions share. */
  #functionOf(node: Node, relation: Relation, to: Port, flows: readonly Flow[]): string {
    const attributes = Object.entries(node.attributes).toSorted(([left], [right]) => (left < right ? -1 : 1));
    const sizes = relation.kind === 'repeat' ? [relation.outer, relation.inner, portKey(relation.from)] : [];
    const inputs = node.inputs.map((value, index) => {
      const flow = flows.find(({ from }) => from.index === index);
      if (flow !== undefined) return `slot ${flow.from.axis}`;
      return value === undefined ? 'none' : `value ${this.#numberOf(value)}`;
    });
    return JSON.stringify([
      node.domain,
      node.op,
      attributes.map(([name, attribute]) => [name, this.#attributeText(attribute)]),
      relation.kind,
      portKey(to),
      sizes,
      // A part that is joined comes through as it is, whichever it is.
      relation.kind === 'concat' ? [] : inputs,
    ]);
  }

  /** An attribute as text: floats to the bit. */
  #attributeText({ kind, value }: Attribute): string[] {
    const items = Array.isArray(value) ? value : [value];
    return [
      kind,
      ...items.map((item) => (typeof item === 'object' ? `data ${this.#numberOf(item)}` : elementText(item))),
    ];
  }

  #numberOf(object: object): number {
    const number = this.#numbers.get(object) ?? this.#numbers.size;
    this.#numbers.set(object, number);
    return number;
  }

  /** What leaves nested graphs is equal where everything that it may be is. */
  #followPassages(node: Node): void {
    for (const output of node.outputs) {
      for (const axis of output.shape?.keys() ?? []) {
        const places = passagesInto(node, output, axis);
        if (places === undefined) continue;
        const start = this.#classes.fresh();
        const joint = this.joint(places, sizeOfAxis(output, axis));
        this.#set(
          output,
          axis,
          joint.map((own) => this.#classes.pair(start, own)),
        );
      }
    }
  }
}

/** Constants whose slots flow into those of an output, along which axis. */
function* constantsThatFlow(graph: Graph): Generator<readonly [constant: Value, axis: number]> {
  for (const node of graph.allNodes()) {
    for (const relation of relationsOf(node)) {
      const flows = portsOf(relation).flatMap((to) =>
        to.side === 'output' ? (flowsOf(node, relation, to) ?? []) : [],
      );
      for (const { from } of flows) {
        const value = portValue(node, from);
        if (value?.constant !== undefined) yield [value, from.axis];
      }
    }
  }
}

/** What flows into an output's slots; where these see one another, with what they see. */
function flowsOf(node: Node, relation: Relation, to: Port): Flow[] | undefined {
  return isMixing(relation) ? mixingFlowsInto(node, relationsOf(node), relation, to) : flowsInto(node, relation, to);
}

/** Of a slot that is one of several that another becomes: which one, that is where it lies in the data of that. */
function placesWithin(node: Node, relation: Relation, to: Port): (slot: number) => number {
  const isOne = relation.kind !== 'repeat' || !relation.to.some((port) => portKey(port) === portKey(to));
  if (isOne || relation.outer * relation.inner === 1) return () => 0;
  const { from, inner } = relation;
  const run = inner * slotsAt(node, from);
  return (slot) => (slot % inner) + inner * Math.floor(slot / run);
}

function countOf(classes: Int32Array): number {
  const alike = new Set(classes);
  alike.delete(unlike);
  return alike.size + classes.reduce((count, own) => count + (own === unlike ? 1 : 0), 0);
}

const elementText = (item: number | string): string => (Object.is(item, -0) ? '-0' : String(item));

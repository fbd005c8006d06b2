import type { Graph, Node, Value } from '../../ir/graph.js';
import { operatorOf, relationsOf } from '../../ops/index.js';
import {
  alternativesAmong,
  linksOf,
  type Port,
  portKey,
  portsOf,
  portValue,
  type Relation,
  sizeOfAxis,
} from '../../ops/relations.js';
import { SlotSets } from './slot-sets.js';

/**
 * Unit groups: which slots of which values must go together.
 *
 * A slot is one index along one axis of one value. Operators' axis relations say which slots belong together; the
 * classes of that equivalence are the *units*: an output channel of a convolution is its slots in the weights, the
 * bias, every value the channel passes through, and the weights of every consumer. A unit with a pinned slot stays.
 * Slots are numbered and joined by union-find, so a plan costs about linear time in nodes and slots.
 */

/** A sum of products that a unit's value feeds: deleting the unit takes its contribution out of `node`'s output. */
export interface Consumption {
  readonly node: Node;
  readonly data: Port;
  /** What is read: the value at `data`. */
  readonly value: Value;
  /** The constant weights that the data's slots meet; undefined for a plain sum. */
  readonly weight: Port | undefined;
  /** The value at `weight`. */
  readonly weights: Value | undefined;
  /** The sum is an intermediate result of the node: nothing can be added to it from outside. */
  readonly inner: boolean;
}

/** Where a slot is. */
export interface Slot {
  readonly value: Value;
  readonly axis: number;
  readonly index: number;
}

interface UnitOptions {
  /** Inputs at which units end: the port is neither joined nor pinned, as if the value came from elsewhere. */
  readonly cut?: (node: Node, port: Port) => boolean;
}

type Repeat = Extract<Relation, { kind: 'repeat' }>;

export class UnitGroups {
  readonly #slots: SlotSets;
  readonly #cut: (node: Node, port: Port) => boolean;
  readonly #consumptions: Consumption[] = [];

  constructor(graph: Graph, options: UnitOptions = {}) {
    this.#slots = new SlotSets(valuesOf(graph));
    this.#cut = options.cut ?? (() => false);
    for (const value of graph.inputs) this.#pinValue(value, `it is part of the input '${value.name}'`);
    for (const value of graph.outputs) this.#pinValue(value, `it is part of the output '${value.name}'`);
    const deferred: { node: Node; choices: readonly Repeat[][] }[] = [];
    for (const node of graph.allNodes()) {
      const relations = relationsOf(node);
      const choices = alternativesAmong(relations);
      if (choices.length > 0) deferred.push({ node, choices });
      const offered = new Set<Relation>(choices.flat());
      for (const relation of relations) if (!offered.has(relation)) this.#join(node, relation);
      if (node.subgraphs.length > 0) this.#joinNested(node);
      else this.#pinUnnamed(node, relations);
    }
    for (const { node, choices } of deferred) for (const choice of choices) this.#choose(node, choice);
  }

  /** Every sum of products in the graph whose summed axis has slots. */
  get consumptions(): readonly Consumption[] {
    return this.#consumptions;
  }

  /** The unit that a slot belongs to, as an opaque number; undefined for an axis of unknown size. */
  unitOf(value: Value, axis: number, index: number): number | undefined {
    const slot = this.slotId(value, axis, index);
    return slot === undefined ? undefined : this.#slots.find(slot);
  }

  isPinned(unit: number): boolean {
    return this.#slots.isPinned(unit);
  }

  /** Why a pinned unit must stay, for people; undefined for one that may go. */
  pinReason(unit: number): string | undefined {
    return this.#slots.pinReason(unit);
  }

  /** Every unit. */
  *units(): Generator<number> {
    for (let slot = 0; slot < this.slotCount; slot++) if (this.#slots.find(slot) === slot) yield slot;
  }

  /** A number for the slot, dense from 0, for tables of facts about slots. */
  slotId(value: Value, axis: number, index: number): number | undefined {
    const first = this.#slots.first(value, axis);
    return first === undefined ? undefined : first + index;
  }

  get slotCount(): number {
    return this.#slots.count;
  }

  /** Every slot of the given units, grouped by value and axis: for each, the indices in ascending order. */
  members(units: Pick<ReadonlySet<number>, 'has'>): { value: Value; axis: number; indices: number[] }[] {
    const found: { value: Value; axis: number; indices: number[] }[] = [];
    for (const { value, axis, first, size } of this.#slots.axes) {
      const indices: number[] = [];
      for (let index = 0; index < size; index++) {
        if (units.has(this.#slots.find(first + index))) indices.push(index);
      }
      if (indices.length > 0) found.push({ value, axis, indices });
    }
    return found;
  }

  #pinValue(value: Value, reason: string): void {
    for (const axis of value.shape?.keys() ?? []) this.#slots.pin(value, axis, reason);
  }

  #pinUnnamed(node: Node, relations: readonly Relation[]): void {
    const named = new Set(relations.flatMap(portsOf).map(portKey));
    for (const side of ['input', 'output'] as const) {
      const values = side === 'input' ? node.inputs : node.outputs;
      for (const [index, value] of values.entries()) {
        for (const axis of value?.shape?.keys() ?? []) {
          const port: Port = { side, index, axis };
          if (!named.has(portKey(port))) this.#pin(node, port);
        }
      }
    }
  }

  #join(node: Node, relation: Relation): void {
    for (const { left, right, count, leftSlot, rightSlot } of linksOf(node, this.#open(node, relation))) {
      const [a, b] = [this.#firstOf(node, left), this.#firstOf(node, right)];
      if (a === undefined || b === undefined) continue;
      for (let i = 0; i < count; i++) this.#slots.join(a + leftSlot(i), b + rightSlot(i));
    }
    if (relation.kind === 'contract') this.#consume(node, relation);
    if (relation.kind === 'concat') {
      // Slots behind a part of unknown size are at unknown places.
      const isKnown = portsOf(relation).every((port) => this.#firstOf(node, port) !== undefined);
      if (!isKnown) for (const port of portsOf(relation)) this.#pin(node, port);
    }
    if (relation.kind === 'select') {
      const first = this.#firstOf(node, relation.from);
      const reason = `'${node.label}' reads it by its number`;
      if (first !== undefined) for (const index of relation.indices) this.#slots.pinRange(first + index, 1, reason);
    }
  }

  /** A tie without the ports at which units end: the others still belong together. */
  #open(node: Node, relation: Relation): Relation {
    if (relation.kind !== 'tie') return relation;
    return { kind: 'tie', ports: relation.ports.filter((port) => !this.#cut(node, port)) };
  }

  #consume(node: Node, { data, weight, inner }: Extract<Relation, { kind: 'contract' }>): void {
    const value = portValue(node, data);
    const weights = weight === undefined ? undefined : portValue(node, weight);
    const isWeighted = weight === undefined || weights?.constant !== undefined;
    if (isWeighted && value !== undefined && this.#firstOf(node, data) !== undefined) {
      this.#consumptions.push({ node, data, value, weight, weights, inner: inner === true });
    } else {
      for (const port of weight === undefined ? [data] : [data, weight]) this.#pin(node, port);
    }
  }

  /** Joins what passes the borders of nested graphs, and pins what does not, or with another size. */
  #joinNested(node: Node): void {
    const reason = `it enters or leaves a nested graph of '${node.label}'`;
    const passed = new Map<Value, Set<number>>();
    const note = (value: Value, axis: number): void => {
      passed.set(value, (passed.get(value) ?? new Set()).add(axis));
    };
    for (const { from, to, axes } of operatorOf(node)?.passages?.(node) ?? []) {
      for (const [own, other] of axes) {
        if (this.#joinAxes(from, own, to, other)) {
          note(from, own);
          note(to, other);
        } else {
          // Also where another passage keeps the size.
          this.#slots.pin(from, own, reason);
          this.#slots.pin(to, other, reason);
        }
      }
    }
    const nested = node.subgraphs.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
    for (const value of new Set([...node.inputs, ...node.outputs, ...nested])) {
      for (const axis of value?.shape?.keys() ?? []) {
        if (value !== undefined && passed.get(value)?.has(axis) !== true) this.#slots.pin(value, axis, reason);
      }
    }
  }

  /** False, and nothing is joined, where sizes are unknown or differ. */
  #joinAxes(left: Value, leftAxis: number, right: Value, rightAxis: number): boolean {
    const [a, b] = [this.#slots.first(left, leftAxis), this.#slots.first(right, rightAxis)];
    const size = sizeOfAxis(left, leftAxis);
    if (a === undefined || b === undefined || size !== sizeOfAxis(right, rightAxis)) return false;
    for (let i = 0; i < size; i++) this.#slots.join(a + i, b + i);
    return true;
  }

  /** Of the axes that a reshape merges only one can shrink: the first one that nothing else pins. */
  #choose(node: Node, choice: readonly Repeat[]): void {
    const chosen = choice.find(({ from }) => !this.#isAxisPinned(node, from));
    for (const relation of choice) {
      if (relation === chosen) this.#join(node, relation);
      else this.#pin(node, relation.from);
    }
    if (chosen === undefined) for (const port of choice.flatMap(({ to }) => to)) this.#pin(node, port);
  }

  #isAxisPinned(node: Node, port: Port): boolean {
    const value = portValue(node, port);
    const first = value === undefined ? undefined : this.#slots.first(value, port.axis);
    if (value === undefined || first === undefined) return true;
    for (let index = 0; index < sizeOfAxis(value, port.axis); index++) {
      if (!this.#slots.isPinned(first + index)) return false;
    }
    return true;
  }

  #pin(node: Node, port: Port): void {
    const value = portValue(node, port);
    if (value === undefined || this.#cut(node, port)) return;
    this.#slots.pin(value, port.axis, `${node.op} in '${node.label}' cannot do without it`);
  }

  /** The number of a port's first slot; undefined where units end, or its size is unknown. */
  #firstOf(node: Node, port: Port): number | undefined {
    const value = portValue(node, port);
    return value === undefined || this.#cut(node, port) ? undefined : this.#slots.first(value, port.axis);
  }
}

/** Every value of a graph and of the graphs nested in it. */
export function* valuesOf(graph: Graph): Generator<Value> {
  yield* graph.inputs;
  yield* graph.constants;
  for (const node of graph.nodes) {
    yield* node.outputs;
    for (const nested of node.subgraphs) yield* valuesOf(nested);
  }
}

import type { Graph, Node, Value } from '../ir/graph.js';
import { relationsOf } from '../ops/index.js';
import { type Port, portsOf, portValue, type Relation } from '../ops/relations.js';
import { assert, at } from '../support/assert.js';

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
  readonly weight: Port;
}

/** Where a slot is. */
export interface Slot {
  readonly value: Value;
  readonly axis: number;
  readonly index: number;
}

export interface UnitOptions {
  /** Inputs at which units end: the port is neither joined nor pinned, as if the value came from elsewhere. */
  readonly cut?: (node: Node, port: Port) => boolean;
}

export class UnitGroups {
  readonly #first = new Map<Value, readonly (number | undefined)[]>();
  readonly #slotOwners: { value: Value; axis: number; first: number }[] = [];
  readonly #consumptions: Consumption[] = [];
  #parents: Int32Array = new Int32Array(0);
  /** For the first slot of each class: 0, or why it is pinned, as a number in {@link #reasons}. */
  #pins: Int32Array = new Int32Array(0);
  readonly #reasons: string[] = [''];

  constructor(graph: Graph, options: UnitOptions = {}) {
    this.#number(graph);
    this.#pinInterface(graph);
    const deferred: { node: Node; relations: Extract<Relation, { kind: 'repeat' }>[] }[] = [];
    for (const node of graph.allNodes()) {
      const relations = relationsOf(node);
      const merges = alternatives(relations);
      if (merges.length > 0) deferred.push({ node, relations: merges });
      for (const relation of relations) {
        if (!isOneOf(merges, relation)) this.#join(node, relation, options);
      }
      this.#pinUnnamed(node, relations, options);
    }
    // Of the axes that a reshape merges only one can shrink: the one that nothing else pins.
    for (const { node, relations } of deferred) {
      const free = relations.filter((relation) => !this.#isAxisPinned(node, relation.from));
      const [chosen] = free;
      for (const relation of relations) {
        if (relation === chosen) this.#join(node, relation, options);
        else this.#pin(node, relation.from);
      }
      if (chosen !== undefined) continue;
      for (const port of relations.flatMap(({ to }) => to)) if (!options.cut?.(node, port)) this.#pin(node, port);
    }
  }

  /** Every sum of products in the graph whose summed axis has slots. */
  get consumptions(): readonly Consumption[] {
    return this.#consumptions;
  }

  /** The unit that a slot belongs to, as an opaque number; undefined for an axis of unknown size. */
  unitOf(value: Value, axis: number, index: number): number | undefined {
    const slot = this.slotId(value, axis, index);
    return slot === undefined ? undefined : this.#find(slot);
  }

  isPinned(unit: number): boolean {
    return at(this.#pins, this.#find(unit)) !== 0;
  }

  /** Why a pinned unit must stay, for people; undefined for one that may go. */
  pinReason(unit: number): string | undefined {
    return this.#reasons[at(this.#pins, this.#find(unit))] || undefined;
  }

  /** Every unit. */
  *units(): Generator<number> {
    for (let slot = 0; slot < this.slotCount; slot++) if (at(this.#parents, slot) === slot) yield slot;
  }

  /** A number for the slot, dense from 0, for tables of facts about slots. */
  slotId(value: Value, axis: number, index: number): number | undefined {
    const first = this.#first.get(value)?.[axis];
    return first === undefined ? undefined : first + index;
  }

  get slotCount(): number {
    return this.#parents.length;
  }

  /** Every slot of the given units, grouped by value and axis: for each, the indices in ascending order. */
  members(units: ReadonlySet<number>): { value: Value; axis: number; indices: number[] }[] {
    const found: { value: Value; axis: number; indices: number[] }[] = [];
    for (const { value, axis, first } of this.#slotOwners) {
      const size = sizeOfAxis(value, axis);
      const indices: number[] = [];
      for (let index = 0; index < size; index++) {
        if (units.has(this.#find(first + index))) indices.push(index);
      }
      if (indices.length > 0) found.push({ value, axis, indices });
    }
    return found;
  }

  #number(graph: Graph): void {
    let count = 0;
    const visit = (value: Value): void => {
      if (this.#first.has(value) || value.shape === undefined) return;
      const firsts = value.shape.map((dim, axis) => {
        if (typeof dim !== 'number') return undefined;
        this.#slotOwners.push({ value, axis, first: count });
        count += dim;
        return count - dim;
      });
      this.#first.set(value, firsts);
    };
    for (const value of valuesOf(graph)) visit(value);
    this.#parents = Int32Array.from({ length: count }, (_, slot) => slot);
    this.#pins = new Int32Array(count);
  }

  /** What callers of the graph see keeps its shape; so do the inputs and outputs of nested graphs. */
  #pinInterface(graph: Graph): void {
    for (const value of graph.inputs) this.#pinValue(value, `it is part of the input '${value.name}'`);
    for (const value of graph.outputs) this.#pinValue(value, `it is part of the output '${value.name}'`);
    for (const node of graph.allNodes()) {
      const interfaces = node.subgraphs.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
      for (const value of interfaces) this.#pinValue(value, `it enters or leaves a nested graph of '${node.label}'`);
    }
  }

  #pinValue(value: Value, reason: string): void {
    const number = this.#reasonNumber(reason);
    for (const [axis, first] of (this.#first.get(value) ?? []).entries()) {
      if (first !== undefined) this.#pinRange(first, sizeOfAxis(value, axis), number);
    }
  }

  #reasonNumber(reason: string): number {
    if (this.#reasons.at(-1) !== reason) this.#reasons.push(reason);
    return this.#reasons.length - 1;
  }

  #pinUnnamed(node: Node, relations: readonly Relation[], options: UnitOptions): void {
    const named = new Set(relations.flatMap(portsOf).map(portKey));
    for (const side of ['input', 'output'] as const) {
      const values = side === 'input' ? node.inputs : node.outputs;
      for (const [index, value] of values.entries()) {
        for (const axis of value?.shape?.keys() ?? []) {
          const port: Port = { side, index, axis };
          if (!named.has(portKey(port)) && !options.cut?.(node, port)) this.#pin(node, port);
        }
      }
    }
  }

  #join(node: Node, relation: Relation, options: UnitOptions): void {
    const firstOf = (port: Port): number | undefined => {
      const value = portValue(node, port);
      return value === undefined || options.cut?.(node, port) ? undefined : this.#first.get(value)?.[port.axis];
    };
    const sizeOf = (port: Port): number => {
      const value = portValue(node, port);
      return value === undefined ? 0 : sizeOfAxis(value, port.axis);
    };
    switch (relation.kind) {
      case 'tie':
        this.#joinAll(relation.ports, firstOf, sizeOf);
        break;
      case 'contract': {
        const { data, weight } = relation;
        this.#joinAll([data, weight], firstOf, sizeOf);
        const weights = portValue(node, weight);
        const isWeighted = weights?.constant !== undefined && firstOf(data) !== undefined;
        if (isWeighted) this.#consumptions.push({ node, data, weight });
        else for (const port of [data, weight]) this.#pin(node, port);
        break;
      }
      case 'repeat':
        this.#joinRepeat(relation, firstOf, sizeOf);
        break;
      case 'concat': {
        const target = firstOf(relation.to);
        let offset = 0;
        for (const part of relation.parts) {
          const first = firstOf(part);
          for (let index = 0; index < sizeOf(part); index++) {
            if (first !== undefined && target !== undefined) this.#union(first + index, target + offset + index);
          }
          if (first === undefined || target === undefined) for (const port of portsOf(relation)) this.#pin(node, port);
          offset += sizeOf(part);
        }
        break;
      }
      case 'slice': {
        const from = firstOf(relation.from);
        const to = firstOf(relation.to);
        for (let index = 0; index < sizeOf(relation.to); index++) {
          if (from !== undefined && to !== undefined) {
            this.#union(from + relation.start + index * relation.step, to + index);
          }
        }
        break;
      }
      case 'select': {
        const first = firstOf(relation.from);
        const reason = this.#reasonNumber(`'${node.label}' reads it by its number`);
        if (first !== undefined) for (const index of relation.indices) this.#pinRange(first + index, 1, reason);
        break;
      }
    }
  }

  #joinAll(ports: readonly Port[], firstOf: (port: Port) => number | undefined, sizeOf: (port: Port) => number): void {
    const [leader, ...others] = ports.filter((port) => firstOf(port) !== undefined);
    if (leader === undefined) return;
    const first = firstOf(leader) ?? 0;
    const size = sizeOf(leader);
    for (const port of others) {
      const other = firstOf(port) ?? 0;
      assert(sizeOf(port) === size, `tied axes of sizes ${size} and ${sizeOf(port)}`);
      for (let index = 0; index < size; index++) this.#union(first + index, other + index);
    }
  }

  #joinRepeat(
    { from, to, outer, inner }: Extract<Relation, { kind: 'repeat' }>,
    firstOf: (port: Port) => number | undefined,
    sizeOf: (port: Port) => number,
  ): void {
    const first = firstOf(from);
    const size = sizeOf(from);
    for (const port of to) {
      const target = firstOf(port);
      if (first === undefined || target === undefined) continue;
      for (let block = 0; block < outer; block++) {
        for (let index = 0; index < size; index++) {
          for (let copy = 0; copy < inner; copy++) {
            this.#union(first + index, target + (block * size + index) * inner + copy);
          }
        }
      }
    }
  }

  #pin(node: Node, port: Port): void {
    const value = portValue(node, port);
    const first = value === undefined ? undefined : this.#first.get(value)?.[port.axis];
    if (value === undefined || first === undefined) return;
    const reason = this.#reasonNumber(`${node.op} in '${node.label}' has no rule for leaving it out`);
    this.#pinRange(first, sizeOfAxis(value, port.axis), reason);
  }

  #pinRange(first: number, size: number, reason: number): void {
    for (let slot = first; slot < first + size; slot++) {
      const root = this.#find(slot);
      if (at(this.#pins, root) === 0) this.#pins[root] = reason;
    }
  }

  #isAxisPinned(node: Node, port: Port): boolean {
    const value = portValue(node, port);
    const first = value === undefined ? undefined : this.#first.get(value)?.[port.axis];
    if (value === undefined || first === undefined) return true;
    const slots = Array.from({ length: sizeOfAxis(value, port.axis) }, (_, index) => first + index);
    return slots.every((slot) => this.isPinned(slot));
  }

  #find(slot: number): number {
    let root = slot;
    while (at(this.#parents, root) !== root) root = at(this.#parents, root);
    for (let step = slot; step !== root; ) {
      const next = at(this.#parents, step);
      this.#parents[step] = root;
      step = next;
    }
    return root;
  }

  #union(left: number, right: number): void {
    const a = this.#find(left);
    const b = this.#find(right);
    if (a === b) return;
    // The lower number leads, so that results do not depend on the order of joins.
    const [leader, follower] = a < b ? [a, b] : [b, a];
    this.#parents[follower] = leader;
    if (at(this.#pins, leader) === 0) this.#pins[leader] = at(this.#pins, follower);
  }
}

/** Relations that offer several axes for one merged axis: at most one of them can hold. */
function alternatives(relations: readonly Relation[]): Extract<Relation, { kind: 'repeat' }>[] {
  const repeats = relations.filter((relation) => relation.kind === 'repeat');
  return repeats.length > 1 ? repeats : [];
}

function isOneOf(list: readonly Relation[], relation: Relation): boolean {
  return list.includes(relation);
}

function portKey({ side, index, axis }: Port): string {
  return `${side} ${index} ${axis}`;
}

/** Size of an axis that is known to be static. */
export function sizeOfAxis(value: Value, axis: number): number {
  const dim = value.shape?.[axis];
  return typeof dim === 'number' ? dim : 0;
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

import type { Node } from '../../src/ir/graph.js';
import { type Port, portKey, portsOf, portValue, type Relation, sizeOfAxis } from '../../src/ops/relations.js';
import type { KeptSlots } from '../../src/passkit/units/select-slots.js';
import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';

/**
 * Cuts axes of one node as a relation of it says, slots being left out or put in another order. This is written from what
 * relations mean, and uses none of the code that reads them.
 */
export class Cutter {
  readonly #node: Node;
  readonly #relations: readonly Relation[];
  readonly #kept: KeptSlots;
  readonly #random: Random;

  constructor(node: Node, relations: readonly Relation[], kept: KeptSlots, random: Random) {
    this.#node = node;
    this.#relations = relations;
    this.#kept = kept;
    this.#random = random;
  }

  /** Chooses slots to keep and notes them at every port of the relation, and of all relations that share a port with it. */
  cut(relation: Relation): void {
    this.#choose(relation);
    for (let isFound = true; isFound; ) {
      // Of several alternatives only the chosen one holds.
      isFound = this.#relations.some((other) => (other === relation || !isAlternative(other)) && this.#follow(other));
    }
  }

  isFree(relation: Relation): boolean {
    return portsOf(relation).every((port) => this.#keptAt(port) === undefined);
  }

  #choose(relation: Relation): void {
    switch (relation.kind) {
      case 'tie':
        for (const [port] of this.#given(relation.ports).slice(0, 1)) this.#set(port, this.#someSlots(relation));
        break;
      case 'contract':
        this.#set(relation.weight ?? relation.data, this.#someSlots(relation));
        break;
      case 'repeat':
        this.#set(relation.from, this.#someSlots(relation));
        break;
      case 'grouped':
        this.#set(relation.port, this.#someSlots(relation));
        break;
      case 'slice':
        this.#cutRuns(relation.from);
        break;
      case 'concat': {
        for (const part of relation.parts) this.#set(part, someSlots(this.#size(part), this.#random));
        break;
      }
      case 'select': {
        const all = range(this.#size(relation.from));
        const isKept = (slot: number): boolean => relation.indices.includes(slot) || this.#random.uniform() < 0.3;
        this.#set(relation.from, all.filter(isKept));
        break;
      }
    }
  }

  /** Notes at the other ports what follows from those that are cut; false if there is nothing new. */
  #follow(relation: Relation): boolean {
    const missing = portsOf(relation).filter(
      (port) => portValue(this.#node, port) !== undefined && this.#keptAt(port) === undefined,
    );
    if (missing.length === 0) return false;
    switch (relation.kind) {
      case 'tie': {
        const kept = relation.ports.map((port) => this.#keptAt(port)).find((indices) => indices !== undefined);
        if (kept === undefined) return false;
        for (const port of missing) this.#set(port, kept);
        return true;
      }
      case 'contract': {
        const { data, weight } = relation;
        const run = weight === undefined ? 0 : this.#size(weight);
        const ofWeight = weight === undefined ? undefined : this.#keptAt(weight);
        const ofData = this.#keptAt(data);
        if (ofWeight !== undefined) {
          const starts = range(this.#size(data) / run).map((group) => group * run);
          this.#set(
            data,
            starts.flatMap((start) => ofWeight.map((slot) => start + slot)),
          );
        } else if (ofData !== undefined && weight !== undefined)
          this.#set(
            weight,
            ofData.filter((slot) => slot < run),
          );
        else return false;
        return true;
      }
      case 'repeat': {
        const { from, beside = [], to, outer, inner } = relation;
        const size = this.#size(from);
        const slots = this.#keptAt(from) ?? this.#repeated(relation);
        if (slots === undefined) return false;
        const repeated = range(outer).flatMap((block) =>
          slots.flatMap((slot) => range(inner).map((copy) => (block * size + slot) * inner + copy)),
        );
        for (const port of missing) this.#set(port, [from, ...beside].includes(port) ? slots : repeated);
        if (to.length === 0) throw new Error('a repeat to nowhere');
        return true;
      }
      case 'concat': {
        let offset = 0;
        const all: number[] = [];
        for (const part of relation.parts) {
          const slots = this.#keptAt(part);
          if (slots === undefined) return false;
          for (const slot of slots) all.push(offset + slot);
          offset += this.#size(part);
        }
        this.#set(relation.to, all);
        return true;
      }
      case 'grouped':
      case 'slice':
      case 'select':
        return false;
    }
  }

  /** What `from` keeps, where ports that it is repeated in are cut already. */
  #repeated({ from, to, inner }: Extract<Relation, { kind: 'repeat' }>): number[] | undefined {
    const slots = to.map((port) => this.#keptAt(port)).find((indices) => indices !== undefined);
    const size = this.#size(from);
    return slots === undefined ? undefined : [...new Set(slots.map((slot) => Math.floor(slot / inner) % size))];
  }

  /** Cuts all runs that lie in one axis: each keeps some slots, in any order, and what lies between goes or stays. */
  #cutRuns(from: Port): void {
    const runs = this.#relations
      .flatMap((relation) => (relation.kind === 'slice' && portKey(relation.from) === portKey(from) ? [relation] : []))
      .toSorted((left, right) => left.start - right.start);
    const all: number[] = [];
    let next = 0;
    const stay = (end: number): void => {
      for (; next < end; next++) if (this.#random.uniform() < 0.5) all.push(next);
    };
    for (const { to, start } of runs) {
      stay(start);
      const slots = someSlots(this.#size(to), this.#random);
      this.#set(to, slots);
      for (const slot of slots) all.push(start + slot);
      next = start + this.#size(to);
    }
    stay(this.#size(from));
    // An axis that has lost all slots is no case.
    this.#set(from, all.length === 0 ? [0] : all);
  }

  /** Slots of the port that a choice begins with, the same ones in every group. */
  #someSlots(relation: Exclude<Relation, { kind: 'concat' | 'slice' | 'select' }>): number[] {
    const ports = portsOf(relation);
    const sizes = new Set(relation.kind === 'tie' ? this.#given(ports).map(([, size]) => size) : []);
    if (sizes.size > 1) throw new Error(`tied axes of sizes ${[...sizes]}: ${JSON.stringify(relation)}`);
    const first = relation.kind === 'contract' ? (relation.weight ?? relation.data) : at(ports, 0);
    const size = relation.kind === 'tie' ? at([...sizes], 0) : this.#size(first);
    const groups = this.#groupsOf(ports);
    const places = someSlots(size / groups, this.#random);
    return range(groups).flatMap((group) => places.map((place) => group * (size / groups) + place));
  }

  #groupsOf(ports: readonly Port[]): number {
    const keys = new Set(ports.map(portKey));
    const relation = this.#relations.find((other) => other.kind === 'grouped' && keys.has(portKey(other.port)));
    return relation?.kind === 'grouped' ? relation.groups : 1;
  }

  #given(ports: readonly Port[]): (readonly [port: Port, size: number])[] {
    return ports.flatMap((port) => {
      const value = portValue(this.#node, port);
      return value === undefined ? [] : [[port, sizeOfAxis(value, port.axis)] as const];
    });
  }

  #size(port: Port): number {
    return this.#given([port])[0]?.[1] ?? 0;
  }

  #keptAt(port: Port): readonly number[] | undefined {
    const value = portValue(this.#node, port);
    return value === undefined ? undefined : this.#kept.kept(value, port.axis);
  }

  #set(port: Port, indices: readonly number[]): void {
    const value = portValue(this.#node, port);
    if (value !== undefined) this.#kept.set(value, port.axis, indices);
  }
}

const isAlternative = (relation: Relation): boolean => relation.kind === 'repeat' && relation.alternative === true;

const range = (size: number): number[] => Array.from({ length: size }, (_, index) => index);

/** Some slots, in any order; one at least, if there is one. */
function someSlots(size: number, random: Random): number[] {
  const order = range(size).map((index) => ({ index, rank: random.uniform() }));
  if (random.uniform() < 0.5) order.sort((left, right) => left.rank - right.rank);
  const limit = random.uniform();
  const chosen = order.filter(({ rank }) => rank <= limit);
  return (chosen.length === 0 ? order.slice(0, 1) : chosen).map(({ index }) => index);
}

import type { Value } from '../../ir/graph.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { at } from '../../support/assert.js';

/**
 * Slots, numbered, in disjoint sets (union-find with path compression). A slot is one index along one axis of one value;
 * axes of unknown size have none. A set may be pinned, with a reason.
 */
export class SlotSets {
  readonly #first = new Map<Value, readonly (number | undefined)[]>();
  readonly #axes: SlotAxis[] = [];
  readonly #parents: Int32Array;
  /** For the first slot of each set: 0, or why it is pinned, as a number in {@link #reasons}. */
  readonly #pins: Int32Array;
  readonly #reasons: string[] = [''];

  constructor(values: Iterable<Value>) {
    let count = 0;
    for (const value of values) {
      if (this.#first.has(value) || value.shape === undefined) continue;
      const firsts = value.shape.map((dim, axis) => {
        if (typeof dim !== 'number') return undefined;
        this.#axes.push({ value, axis, first: count, size: dim });
        count += dim;
        return count - dim;
      });
      this.#first.set(value, firsts);
    }
    this.#parents = new Int32Array(count);
    for (let slot = 0; slot < count; slot++) this.#parents[slot] = slot;
    this.#pins = new Int32Array(count);
  }

  /** Every axis that has slots, with the number of its first slot; the others follow. */
  get axes(): readonly SlotAxis[] {
    return this.#axes;
  }

  get count(): number {
    return this.#parents.length;
  }

  /** The number of the first slot of an axis; undefined for an axis of unknown size. */
  first(value: Value, axis: number): number | undefined {
    return this.#first.get(value)?.[axis];
  }

  /** The least slot of the set that a slot is in: it names the set. */
  find(slot: number): number {
    // Asked for every slot several times, so written to be quick; a slot that is not there stands for itself.
    const parents = this.#parents;
    let root = slot;
    for (let next = parents[root] ?? root; next !== root; next = parents[root] ?? root) root = next;
    for (let step = slot; step !== root; ) {
      const next = parents[step] ?? root;
      parents[step] = root;
      step = next;
    }
    return root;
  }

  join(left: number, right: number): void {
    const a = this.find(left);
    const b = this.find(right);
    if (a === b) return;
    // The lower number leads, so that results do not depend on the order of joins.
    const [leader, follower] = a < b ? [a, b] : [b, a];
    this.#parents[follower] = leader;
    if (at(this.#pins, leader) === 0) this.#pins[leader] = at(this.#pins, follower);
  }

  /** Pins the sets of all slots of an axis; what was pinned before keeps its reason. */
  pin(value: Value, axis: number, reason: string): void {
    const first = this.first(value, axis);
    if (first !== undefined) this.pinRange(first, sizeOfAxis(value, axis), reason);
  }

  pinRange(first: number, size: number, reason: string): void {
    if (this.#reasons.at(-1) !== reason) this.#reasons.push(reason);
    for (let slot = first; slot < first + size; slot++) {
      const root = this.find(slot);
      if (at(this.#pins, root) === 0) this.#pins[root] = this.#reasons.length - 1;
    }
  }

  isPinned(slot: number): boolean {
    return at(this.#pins, this.find(slot)) !== 0;
  }

  /** Why the set of a slot is pinned; undefined if it is not. */
  pinReason(slot: number): string | undefined {
    return this.#reasons[at(this.#pins, this.find(slot))] || undefined;
  }
}

interface SlotAxis {
  readonly value: Value;
  readonly axis: number;
  readonly first: number;
  readonly size: number;
}

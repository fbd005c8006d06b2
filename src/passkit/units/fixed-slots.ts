import type { Value } from '../../ir/graph.js';

/**
 * Slots that hold one number: the same in all their elements and for every input. A gate's off units are fixed at 0 in
 * its output; bounds that leave no room fix a slot; a removal within a budget fixes slots at their mean.
 */
export class FixedSlots {
  readonly #numbers = new Map<Value, Map<number, Map<number, number>>>();

  set(value: Value, axis: number, index: number, number: number): void {
    const axes = this.#numbers.get(value) ?? new Map<number, Map<number, number>>();
    const slots = axes.get(axis) ?? new Map<number, number>();
    slots.set(index, number);
    axes.set(axis, slots);
    this.#numbers.set(value, axes);
  }

  /** What slot `index` along `axis` of the value holds; undefined where that is not fixed. */
  get(value: Value, axis: number, index: number): number | undefined {
    return this.#numbers.get(value)?.get(axis)?.get(index);
  }

  /** The fixed slots of a value by axis: numbers by index. */
  of(value: Value): ReadonlyMap<number, ReadonlyMap<number, number>> {
    return this.#numbers.get(value) ?? new Map();
  }

  /** Every value that has fixed slots. */
  values(): Iterable<Value> {
    return this.#numbers.keys();
  }

  get isEmpty(): boolean {
    return this.#numbers.size === 0;
  }
}

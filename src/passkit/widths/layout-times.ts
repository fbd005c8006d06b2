import type { Value } from '../../ir/graph.js';
import { MinHeap } from '../../support/heap.js';
import type { LayoutSteps, SizeOf, StepOutcome } from './layout-steps.js';

/**
 * Predicts the time of what the number of channels decides: that of the steps, and of the conversions between layouts. All
 * else takes as long whatever the widths are. Sizes may change: what depends on them is predicted anew, and nothing else.
 *
 * A value is in the layout of blocks if a fast convolution gives it, or an operator that keeps the layout and reads
 * nothing else. It is converted once, whoever needs it in the other layout: fast kernels that read less than a block of
 * channels need none, other operators need the plain one.
 */
export class LayoutTimes {
  readonly #steps: LayoutSteps;
  readonly #size: SizeOf;
  readonly #outcomes: StepOutcome[] = [];
  readonly #blocked = new Set<Value>();
  /** How many need a value in the layout that it is not in. */
  readonly #converters = new Map<Value, number>();
  /** Microseconds for one sample of each step, and of the conversion of each value. */
  readonly #times = new Map<number | Value, number>();
  /** Of those that changed since the last mark: as they were. */
  readonly #marked = new Map<number | Value, number>();

  /** `size` is asked again for values that {@link update} is told of. */
  constructor(steps: LayoutSteps, size: SizeOf) {
    this.#steps = steps;
    this.#size = size;
    for (let index = 0; index < steps.count; index++) this.#predict(index);
    this.mark();
  }

  /** Microseconds for one sample. */
  get total(): number {
    return [...this.#times.values()].reduce((sum, time) => sum + time, 0);
  }

  /** Microseconds for one sample more than at the last mark: the exact same number for the exact same changes. */
  get difference(): number {
    let sum = 0;
    for (const [key, before] of this.#marked) sum += (this.#times.get(key) ?? 0) - before;
    return sum;
  }

  /** Lets differences be those from now on. */
  mark(): void {
    this.#marked.clear();
  }

  /** Takes note that the sizes of some values changed. */
  update(values: Iterable<Value>): void {
    // In execution order, so that each step is predicted after all that it reads.
    const pending = new MinHeap<number>();
    const isPending = new Set<number>();
    const add = (value: Value, after: number): void => {
      for (const index of this.#steps.touching(value)) {
        if (index <= after || isPending.has(index)) continue;
        isPending.add(index);
        pending.push(index, index);
      }
    };
    for (const value of values) {
      this.#price(value);
      add(value, -1);
    }
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      if (this.#predict(index)) add(this.#steps.output(index), index);
    }
  }

  /** True if the layout of the output changed. */
  #predict(index: number): boolean {
    const before = this.#outcomes[index];
    const after = this.#steps.outcome(index, this.#size, this.#blocked);
    this.#outcomes[index] = after;
    for (const value of after.converts) this.#countConverters(value, 1);
    for (const value of before?.converts ?? []) this.#countConverters(value, -1);
    this.#record(index, after.time);
    if (after.givesBlocks === (before?.givesBlocks ?? false)) return false;
    const output = this.#steps.output(index);
    if (after.givesBlocks) this.#blocked.add(output);
    else this.#blocked.delete(output);
    if (output.isGraphOutput) this.#countConverters(output, after.givesBlocks ? 1 : -1);
    return true;
  }

  #countConverters(value: Value, more: number): void {
    this.#converters.set(value, (this.#converters.get(value) ?? 0) + more);
    this.#price(value);
  }

  #price(value: Value): void {
    const isConverted = (this.#converters.get(value) ?? 0) > 0;
    this.#record(value, isConverted ? this.#steps.timeOfConversion(value, this.#size) : 0);
  }

  #record(key: number | Value, time: number): void {
    const before = this.#times.get(key) ?? 0;
    if (before === time) return;
    if (!this.#marked.has(key)) this.#marked.set(key, before);
    this.#times.set(key, time);
  }
}

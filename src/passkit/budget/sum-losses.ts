import { at } from '../../support/assert.js';
import { cholesky, inverseOfFactored } from '../../support/matrix.js';
import type { Moments } from './moments.js';

/**
 * What a sum of products y = W·x loses when some of the slots of x are no longer computed. `gram` is W·Wᵀ over slots:
 * entry (i, j) is the sum of products of all weights that slot i and slot j meet.
 */
export interface WeightedSum {
  /** Slots that are still there. */
  readonly left: number;
  /** Mean square error of y, in parts of its variance, that removing these slots adds to what is lost already. */
  loss(slots: readonly number[]): number;
  remove(slots: readonly number[]): void;
}

/** Slots that go are put at their means: each loses its variance times the square of its weights. */
export class IndependentSum implements WeightedSum {
  readonly #losses: Float64Array;
  #left: number;

  /** What each slot loses, in parts of the variance of y. */
  constructor(losses: Float64Array) {
    this.#losses = losses;
    this.#left = losses.length;
  }

  get left(): number {
    return this.#left;
  }

  loss(slots: readonly number[]): number {
    return slots.reduce((sum, slot) => sum + at(this.#losses, slot), 0);
  }

  remove(slots: readonly number[]): void {
    this.#left -= slots.length;
  }
}

/**
 * Slots that go are put at what the others tell of them by linear regression, which the weights of the others take over.
 *
 * With P the inverse of the covariance of the slots left, slot r is told by the others up to a variance of 1/P_rr, with
 * coefficients −P_kr/P_rr. Without it P loses P_kr·P_rl/P_rr (the Schur complement), and slot k the weights of r times its
 * coefficient. The losses of slots removed one after another add up, since every one is orthogonal to what is left.
 */
export class RegressedSum implements WeightedSum {
  readonly #size: number;
  readonly #total: number;
  readonly #precision: Float64Array;
  readonly #gram: Float64Array;
  /** Slots that are left, ascending. */
  #rest: number[];

  constructor(moments: Moments & { readonly covariance: Float64Array }, gram: Float64Array) {
    const { size, covariance } = moments;
    this.#size = size;
    this.#total = covariance.reduce((sum, own, index) => sum + own * at(gram, index), 0);
    this.#precision = inverseOfFactored(regularized(moments).factor, size);
    this.#gram = gram.slice();
    this.#rest = Array.from({ length: size }, (_, slot) => slot);
  }

  get left(): number {
    return this.#rest.length;
  }

  loss(slots: readonly number[]): number {
    if (!(this.#total > 0)) return 0;
    const count = slots.length;
    const block = (matrix: Float64Array): Float64Array => {
      const part = new Float64Array(count * count);
      for (const [i, row] of slots.entries()) {
        for (let j = 0; j <= i; j++) part[i * count + j] = matrix[row * this.#size + (slots[j] ?? 0)] ?? 0;
      }
      return part;
    };
    const all = Array.from({ length: count }, (_, index) => index);
    return eliminate(block(this.#precision), block(this.#gram), count, all, all) / this.#total;
  }

  remove(slots: readonly number[]): void {
    eliminate(this.#precision, this.#gram, this.#size, this.#rest, slots);
    const gone = new Set(slots);
    this.#rest = this.#rest.filter((slot) => !gone.has(slot));
  }
}

/**
 * Takes `slots` out of both matrices [size, size], of which only the lower triangle of the rows and columns in `rest`,
 * ascending, is read and kept right; returns what that loses.
 */
function eliminate(
  precision: Float64Array,
  gram: Float64Array,
  size: number,
  rest: readonly number[],
  slots: readonly number[],
): number {
  let lost = 0;
  let left = rest;
  for (const slot of slots) {
    left = left.filter((other) => other !== slot);
    const others = Int32Array.from(left);
    const place = (k: number): number => (k < slot ? slot * size + k : k * size + slot);
    const pivot = precision[slot * size + slot] ?? 0;
    const own = gram[slot * size + slot] ?? 0;
    lost += Math.max(0, own) / pivot;
    const row = Float64Array.from(others, (k) => precision[place(k)] ?? 0);
    const met = Float64Array.from(others, (k) => gram[place(k)] ?? 0);
    for (let i = 0; i < others.length; i++) {
      const base = (others[i] ?? 0) * size;
      // Of slot i the coefficient is −share; it takes over so much of what the slot meets.
      const share = (row[i] ?? 0) / pivot;
      const taken = ((met[i] ?? 0) - share * own) / pivot;
      for (let j = 0; j <= i; j++) {
        const entry = base + (others[j] ?? 0);
        const across = row[j] ?? 0;
        precision[entry] = (precision[entry] ?? 0) - share * across;
        gram[entry] = (gram[entry] ?? 0) - share * (met[j] ?? 0) - taken * across;
      }
    }
  }
  return lost;
}

/** A covariance, with something added to its diagonal, and its Cholesky factor. */
interface Regularized {
  readonly matrix: Float64Array;
  readonly factor: Float64Array;
}

/**
 * The covariance with a little added to its diagonal, the more the fewer rows it rests on: what few samples say of how slots
 * go together holds for others in part only. It is made of products in float32, whose rounding is covered, too.
 */
export function regularized({
  size,
  rows,
  mean,
  covariance,
}: Moments & { readonly covariance: Float64Array }): Regularized {
  let [trace, squares] = [0, 0];
  for (let slot = 0; slot < size; slot++) {
    const variance = at(covariance, slot * size + slot);
    trace += variance;
    squares += variance + at(mean, slot) ** 2;
  }
  const share = Math.max(leastShrinkage, (shrinkagePerSlot * size) / Math.max(rows, 1));
  let added = (share * trace + rounding * size * squares) / size || 1;
  for (;;) {
    const matrix = covariance.slice();
    for (let slot = 0; slot < size; slot++) matrix[slot * size + slot] = at(matrix, slot * size + slot) + added;
    const factor = cholesky(matrix, size);
    if (factor !== undefined) return { matrix, factor };
    added *= 10;
  }
}

/**
 * Parts of the mean variance that are added, at least and for each slot a row; the latter was best, within noise, on the
 * trained fixtures with 500 and with 5,000 samples: ten times as much lost more, nothing at all did on few samples.
 */
const leastShrinkage = 1e-4;
const shrinkagePerSlot = 0.1;
/** Of a sum of squares in float32, in parts of it; it may add up along the slots. */
const rounding = 2 ** -22;

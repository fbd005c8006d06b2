/**
 * Sums of float32 numbers that do not depend on the order of the terms: fixed-point arithmetic in whole steps of 2^-40.
 * A score of at least 2^-17 in size is a whole number of steps; a smaller one is rounded by at most half a step, always
 * the same way. So the mean of n scores is exact to 2^-41, and sums of parts add up to the sum of the whole, bit for bit.
 */
const stepsPerUnit = 2 ** 40;

/** One such sum per unit. */
export class ExactSums {
  /** What was added lately: whole numbers below 2^53, where float64 is exact. */
  readonly #recent: Float64Array;
  readonly #settled: bigint[];

  constructor(units: number) {
    this.#recent = new Float64Array(units);
    this.#settled = new Array<bigint>(units).fill(0n);
  }

  add(unit: number, score: number): void {
    const steps = Math.round(score * stepsPerUnit);
    const sum = (this.#recent[unit] ?? 0) + steps;
    if (Math.abs(sum) < 2 ** 53 && Math.abs(steps) < 2 ** 52) {
      this.#recent[unit] = sum;
      return;
    }
    this.#settled[unit] = this.#total(unit) + BigInt(steps);
    this.#recent[unit] = 0;
  }

  totals(): bigint[] {
    return this.#settled.map((_, unit) => this.#total(unit));
  }

  #total(unit: number): bigint {
    return (this.#settled[unit] ?? 0n) + BigInt(this.#recent[unit] ?? 0);
  }
}

/** The number of steps nearest to `score`, as {@link ExactSums} counts it. */
export function stepsOf(score: number): bigint {
  return BigInt(Math.round(score * stepsPerUnit));
}

/** The mean of `count` scores whose sum is `steps`, correct to the last bit or nearly so. */
export function meanOf(steps: bigint, count: number): number {
  const total = BigInt(count);
  // Whole part and remainder are divided apart, so that neither is too long for a float64.
  return (Number(steps / total) + Number(steps % total) / count) / stepsPerUnit;
}

import { at } from '../../support/assert.js';

/** What integers of 8 bits stand for: `scale * (integer - zeroPoint)`, with integers from 0 to 255. */
export interface Grid {
  /** A float32, above zero. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The least and the greatest number that integers are to stand for. */
export type Range = readonly [low: number, high: number];

const levels = 255;
/** Scales below lose bits of their own: they would be subnormal as float32, or products of two of them. */
export const leastScale = 2 ** -60;

/**
 * The grid of a range that is widened to zero, which it holds exactly: paddings and masks are zeros. A range without extent
 * gets the grid of that one number and zero.
 */
export function gridOf([low, high]: Range): Grid {
  const [least, most] = [Math.min(0, low), Math.max(0, high)];
  const scale = Math.max(leastScale, Math.fround((most - least) / levels));
  return { scale, zeroPoint: Math.min(levels, Math.max(0, Math.round(-least / scale))) };
}

/** The grid with steps of at least `scale`, and its zero where it was. */
export function coarsened(grid: Grid, scale: number): Grid {
  return grid.scale >= scale ? grid : { ...grid, scale: Math.fround(scale) };
}

/** How the range of a value is found from what was seen of it: all of it, all but a part of its elements, or the least error. */
export type RangeMethod = { readonly kind: 'min-max' | 'mse' } | { readonly kind: 'percentile'; readonly part: number };

export const rangeMethods: readonly RangeMethod[] = [
  { kind: 'min-max' },
  { kind: 'percentile', part: 0.99999 },
  { kind: 'percentile', part: 0.9999 },
  { kind: 'percentile', part: 0.999 },
  { kind: 'mse' },
];

export function methodName(method: RangeMethod): string {
  return method.kind === 'percentile' ? `percentile ${Number((100 * method.part).toPrecision(8))}` : method.kind;
}

const bins = 2048;

/**
 * Counts of the elements of a value between its extremes, which are known. Elements that are no numbers, or infinite, are
 * left out.
 */
export class Histogram {
  readonly #low: number;
  readonly #width: number;
  readonly #counts = new Float64Array(bins);
  readonly #range: Range;

  constructor(range: Range) {
    this.#range = range;
    this.#low = range[0];
    this.#width = (range[1] - range[0]) / bins;
  }

  add(elements: Float32Array): void {
    const [low, inverse] = [this.#low, this.#width === 0 ? 0 : 1 / this.#width];
    const counts = this.#counts;
    for (let index = 0; index < elements.length; index++) {
      const place = ((elements[index] ?? 0) - low) * inverse;
      if (!(place >= 0 && place < Number.POSITIVE_INFINITY)) continue;
      const bin = Math.min(bins - 1, Math.floor(place));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }

  range(method: RangeMethod): Range {
    if (this.#width === 0 || method.kind === 'min-max') return this.#range;
    return method.kind === 'percentile' ? this.#percentile(method.part) : this.#leastError();
  }

  /** Half of what is left out lies at each end. */
  #percentile(part: number): Range {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    const outside = ((1 - part) / 2) * total;
    let [first, last] = [0, bins - 1];
    for (let seen = at(this.#counts, first); seen <= outside && first < last; seen += at(this.#counts, first)) first++;
    for (let seen = at(this.#counts, last); seen <= outside && last > first; seen += at(this.#counts, last)) last--;
    return [this.#edge(first), this.#edge(last + 1)];
  }

  #edge(bin: number): number {
    return this.#low + bin * this.#width;
  }

  /**
   * The range, of those that cut parts off the ends, with the least mean of the squared errors of rounding and cutting: one
   * end after the other is moved in steps while that lowers it.
   */
  #leastError(): Range {
    let best: Range = this.#range;
    let least = this.#error(best);
    for (let round = 0; round < 2; round++) {
      for (const end of [0, 1] as const) {
        const [low, high] = best;
        for (let step = 1; step < endSteps; step++) {
          const shrunk = 1 - step / endSteps;
          const candidate: Range = end === 0 ? [low * shrunk, high] : [low, high * shrunk];
          const error = this.#error(candidate);
          if (error < least) [best, least] = [candidate, error];
        }
      }
    }
    return best;
  }

  /** Sum of squared errors, each bin taken at its middle, with the mean square of rounding added. */
  #error(range: Range): number {
    const { scale, zeroPoint } = gridOf(range);
    const [low, high] = [-scale * zeroPoint, scale * (levels - zeroPoint)];
    let error = 0;
    for (let bin = 0; bin < bins; bin++) {
      const count = this.#counts[bin] ?? 0;
      if (count === 0) continue;
      const middle = this.#edge(bin + 0.5);
      const beyond = middle < low ? low - middle : middle > high ? middle - high : 0;
      error += count * (beyond === 0 ? (scale * scale) / 12 : beyond * beyond);
    }
    return error;
  }
}

const endSteps = 64;

/** The range of all values together. */
export function united(ranges: readonly Range[]): Range {
  return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
}

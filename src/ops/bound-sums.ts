import { Bounds, beyondFloat, smallestNormal, sumRounding } from './bounds.js';

/** Sums of products: output unit m is Σ weight · x[slot] + bias(m) over the weights of the unit. */
export interface Sums {
  readonly units: number;
  readonly x: Bounds;
  readonly weights: Float32Array;
  readonly layout: SumLayout;
  bias(unit: number): number;
  /** True where some of the x may be zero instead. */
  readonly hasPadding: boolean;
}

/**
 * `columns`: the weights are [slot, unit], every unit meets every slot once. `rows`: the weights of a unit are a run of
 * `slots` times `repeats` (a kernel's positions), one unit behind the other, from slot `firstSlot(unit)` on.
 */
export type SumLayout =
  | { readonly kind: 'columns'; readonly slots: number }
  | { readonly kind: 'rows'; readonly slots: number; readonly repeats: number; firstSlot(unit: number): number };

/** Bounds along `axis` of sums of products. Takes a step for each weight, so written to be quick. */
export function boundSums(sums: Sums, axis = 1): Bounds {
  const totals = new Totals(sums.units);
  const ranges = rangesOf(sums);
  if (sums.layout.kind === 'columns') addColumns(sums, sums.layout, ranges, totals);
  else addRows(sums, sums.layout, ranges, totals);
  const count = sums.layout.kind === 'columns' ? sums.layout.slots : sums.layout.slots * sums.layout.repeats;
  return totals.bounds(axis, count + 1, sums.bias);
}

/**
 * What a slot's x lies between, also as middle and half width, and the larger size of both; `step` is 0 where all slots
 * share one range.
 */
interface Ranges {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  readonly middles: Float64Array;
  readonly widths: Float64Array;
  readonly sizes: Float64Array;
  readonly step: 0 | 1;
}

function rangesOf({ x, hasPadding }: Sums): Ranges {
  const lows = hasPadding ? x.lows.map((low) => Math.min(0, low)) : x.lows;
  const highs = hasPadding ? x.highs.map((high) => Math.max(0, high)) : x.highs;
  const sizes = lows.map((low, slot) => Math.max(Math.abs(low), Math.abs(highs[slot] ?? 0)));
  const middles = lows.map((low, slot) => (low + (highs[slot] ?? 0)) / 2);
  const widths = lows.map((low, slot) => ((highs[slot] ?? 0) - low) / 2);
  return { lows, highs, middles, widths, sizes, step: x.isUniform ? 0 : 1 };
}

/** Sums by unit. */
class Totals {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  /** Sums of products with a middle, and of their half widths: without a branch for the sign of the weight. */
  readonly middles: Float64Array;
  readonly widths: Float64Array;
  /** Sizes of the products. */
  readonly sizes: Float64Array;
  /** Those of products without a bound on one side, as far as they have one: they round away from there. */
  readonly openLows: Float64Array;
  readonly openHighs: Float64Array;

  constructor(units: number) {
    this.lows = new Float64Array(units);
    this.highs = new Float64Array(units);
    this.middles = new Float64Array(units);
    this.widths = new Float64Array(units);
    this.sizes = new Float64Array(units);
    this.openLows = new Float64Array(units);
    this.openHighs = new Float64Array(units);
  }

  /** The product of a weight and an x that has no bound on one side, or on both. */
  addOpen(unit: number, weight: number, xLow: number, xHigh: number): void {
    if (weight === 0) return;
    // As in product(): 0 · ∞ is 0.
    const left = xLow === 0 ? 0 : weight * xLow;
    const right = xHigh === 0 ? 0 : weight * xHigh;
    const [down, up] = weight > 0 ? [left, right] : [right, left];
    this.lows[unit] = (this.lows[unit] ?? 0) + down;
    this.highs[unit] = (this.highs[unit] ?? 0) + up;
    this.openLows[unit] = (this.openLows[unit] ?? 0) + Math.abs(down);
    this.openHighs[unit] = (this.openHighs[unit] ?? 0) + Math.abs(up);
  }

  /** True once no further product can change what the unit's sum lies between. */
  isUnbounded(unit: number): boolean {
    return this.lows[unit] === Number.NEGATIVE_INFINITY && this.highs[unit] === Number.POSITIVE_INFINITY;
  }

  areAllUnbounded(): boolean {
    return this.lows.every((_, unit) => this.isUnbounded(unit));
  }

  /**
   * The sums with their bias, widened by the classical error bound of a sum of `count` terms in float32 in any order, and
   * by products too small for normal numbers. Zeros alone add up to zero, and the bias is then added without rounding.
   */
  bounds(axis: number, count: number, bias: (unit: number) => number): Bounds {
    const relative = sumRounding(count);
    const widened = (sum: number, size: number, start: number): number => {
      const rounding = size === 0 ? 0 : relative * (size + Math.abs(start)) + count * smallestNormal;
      return sum === Number.POSITIVE_INFINITY ? sum : beyondFloat(sum + start + rounding);
    };
    const side = (sums: Float64Array, open: Float64Array, sign: number): Float64Array =>
      sums.map((sum, unit) => {
        const size = (this.sizes[unit] ?? 0) + (open[unit] ?? 0);
        const bounded = sign * (this.middles[unit] ?? 0) + (this.widths[unit] ?? 0);
        return sign * widened(sign * sum + bounded, size, sign * bias(unit));
      });
    return new Bounds(axis, side(this.lows, this.openLows, -1), side(this.highs, this.openHighs, 1));
  }
}

function addColumns(
  { units, weights }: Sums,
  { slots }: Extract<SumLayout, { kind: 'columns' }>,
  ranges: Ranges,
  totals: Totals,
): void {
  const { middles, widths, sizes } = totals;
  for (let slot = 0, place = 0; slot < slots; slot++, place += units) {
    const xLow = ranges.lows[slot * ranges.step] ?? 0;
    const xHigh = ranges.highs[slot * ranges.step] ?? 0;
    const xSize = ranges.sizes[slot * ranges.step] ?? 0;
    if (xSize === Number.POSITIVE_INFINITY) {
      for (let unit = 0; unit < units; unit++) totals.addOpen(unit, weights[place + unit] ?? 0, xLow, xHigh);
      // Looked at ever more rarely, for the sake of weights with a column of zeros.
      if ((slot & (slot + 1)) === 0 && totals.areAllUnbounded()) return;
    } else if (xSize > 0) {
      const middle = ranges.middles[slot * ranges.step] ?? 0;
      const half = ranges.widths[slot * ranges.step] ?? 0;
      for (let unit = 0; unit < units; unit++) {
        const weight = weights[place + unit] ?? 0;
        const size = Math.abs(weight);
        middles[unit] = (middles[unit] ?? 0) + weight * middle;
        widths[unit] = (widths[unit] ?? 0) + size * half;
        sizes[unit] = (sizes[unit] ?? 0) + size * xSize;
      }
    }
  }
}

function addRows(
  { units, weights }: Sums,
  { slots, repeats, firstSlot }: Extract<SumLayout, { kind: 'rows' }>,
  ranges: Ranges,
  totals: Totals,
): void {
  for (let unit = 0, place = 0; unit < units; unit++) {
    let [middle, half, size] = [0, 0, 0];
    const first = firstSlot(unit);
    const next = place + slots * repeats;
    for (let slot = first; slot < first + slots && !totals.isUnbounded(unit); slot++) {
      const xLow = ranges.lows[slot * ranges.step] ?? 0;
      const xHigh = ranges.highs[slot * ranges.step] ?? 0;
      const xSize = ranges.sizes[slot * ranges.step] ?? 0;
      const xMiddle = ranges.middles[slot * ranges.step] ?? 0;
      const xHalf = ranges.widths[slot * ranges.step] ?? 0;
      for (const end = place + repeats; place < end; place++) {
        const weight = weights[place] ?? 0;
        if (xSize === Number.POSITIVE_INFINITY) {
          totals.addOpen(unit, weight, xLow, xHigh);
        } else {
          middle += weight * xMiddle;
          half += Math.abs(weight) * xHalf;
          size += Math.abs(weight) * xSize;
        }
      }
    }
    place = next;
    totals.middles[unit] = middle;
    totals.widths[unit] = half;
    totals.sizes[unit] = size;
  }
}

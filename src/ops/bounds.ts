import type { Node, Value } from '../ir/graph.js';
import { at } from '../support/assert.js';
import { movementsOf, type Relation } from './relations.js';

/**
 * Bounds of a value's elements: for every slot along one axis the least and the greatest number that any element there
 * can be (interval arithmetic). They prove that a gate never fires. Each step widens by the rounding of float32.
 */
export class Bounds {
  readonly axis: number;
  /** One number for each slot, or a single one for all. */
  readonly lows: Float64Array;
  readonly highs: Float64Array;

  constructor(axis: number, lows: ArrayLike<number>, highs: ArrayLike<number>) {
    this.axis = axis;
    this.lows = Float64Array.from(lows);
    this.highs = Float64Array.from(highs);
  }

  static uniform(low: number, high: number): Bounds {
    return new Bounds(0, [low], [high]);
  }

  get isUniform(): boolean {
    return this.lows.length === 1;
  }

  low(slot: number): number {
    return at(this.lows, this.isUniform ? 0 : slot);
  }

  high(slot: number): number {
    return at(this.highs, this.isUniform ? 0 : slot);
  }

  /** The same for every slot: the least low and the greatest high. */
  overall(): Bounds {
    return Bounds.uniform(
      this.lows.reduce((a, b) => Math.min(a, b)),
      this.highs.reduce((a, b) => Math.max(a, b)),
    );
  }

  /** Bounds along another axis of the same value, where these say nothing of single slots. */
  along(axis: number): Bounds {
    return this.axis === axis ? this : this.overall();
  }

  /** Slot by slot, with the result widened by rounding. */
  map(step: (low: number, high: number) => readonly [number, number]): Bounds {
    const pairs = Array.from(this.lows, (low, slot) => widened(step(low, at(this.highs, slot))));
    return new Bounds(
      this.axis,
      pairs.map(([low]) => low),
      pairs.map(([, high]) => high),
    );
  }

  /**
   * Widened by what the sum of `count` elements, or their mean, is off at most in float32: count · 2^-24 of the largest
   * magnitude, in any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
   */
  rounded(count: number): Bounds {
    return this.map((low, high) => {
      const magnitude = Math.max(Math.abs(low), Math.abs(high));
      const rounding = magnitude === 0 || !Number.isFinite(magnitude) ? 0 : sumRounding(count) * magnitude;
      return [low - rounding, high + rounding];
    });
  }

  /** The slots at `indices` along this axis, seen along `axis` of another value. */
  select(axis: number, indices: readonly number[]): Bounds {
    if (this.isUniform) return this;
    return new Bounds(
      axis,
      indices.map((index) => this.low(index)),
      indices.map((index) => this.high(index)),
    );
  }
}

/**
 * An elementary function of float32 is right to a few units in the last place. Beyond float32's range, what is finite
 * becomes infinite; below its normal numbers, what is not zero may become zero. An exact zero stays.
 */
function widened([low, high]: readonly [number, number]): readonly [number, number] {
  return [-raised(-low), raised(high)];
}

function raised(high: number): number {
  if (high === 0 || !Number.isFinite(high)) return high;
  const result = high + 4 * 2 ** -24 * Math.abs(high) + smallestNormal;
  if (result > largestFinite) return Number.POSITIVE_INFINITY;
  return Math.max(result, -largestFinite);
}

const smallestNormal = 2 ** -126;
const largestFinite = (2 - 2 ** -23) * 2 ** 127;

/** Relative error of a float32 sum of `count` products, in any order. */
function sumRounding(count: number): number {
  const error = count * 2 ** -24;
  return error < 1 ? error / (1 - error) : Number.POSITIVE_INFINITY;
}

/** The bounds of a constant along `axis` of a value of rank `rank` that it broadcasts to. */
export function constantBounds(value: Value, rank: number, axis: number): Bounds | undefined {
  const tensor = value.constant;
  if (tensor === undefined || tensor.type === 'float16' || tensor.size === 0) return undefined;
  const own = axis - rank + tensor.dims.length;
  const size = tensor.dims[own] ?? 1;
  const inner = tensor.dims.slice(own + 1).reduce((product, dim) => product * dim, 1);
  const lows = new Float64Array(own < 0 ? 1 : size).fill(Number.POSITIVE_INFINITY);
  const highs = new Float64Array(lows.length).fill(Number.NEGATIVE_INFINITY);
  for (const [index, item] of tensor.data.entries()) {
    const slot = own < 0 ? 0 : Math.floor(index / inner) % size;
    lows[slot] = Math.min(at(lows, slot), Number(item));
    highs[slot] = Math.max(at(highs, slot), Number(item));
  }
  return new Bounds(axis, lows, highs);
}

/** The product of two bounds, with 0 · ∞ = 0: an element is finite, whatever bounds it. */
export function product(left: readonly [number, number], right: readonly [number, number]): readonly [number, number] {
  const corners = left.flatMap((a) => right.map((b) => (a === 0 || b === 0 ? 0 : a * b)));
  return [Math.min(...corners), Math.max(...corners)];
}

/** Combines two operands slot by slot; both are bounds along the same axis, or uniform. */
export function combine(
  left: Bounds,
  right: Bounds,
  step: (left: readonly [number, number], right: readonly [number, number]) => readonly [number, number],
): Bounds {
  const [long, axis] = left.isUniform ? [right, right.axis] : [left, left.axis];
  const other = left.isUniform ? left : right.along(axis);
  const pairs = Array.from(long.lows, (_, slot) => {
    const mine: readonly [number, number] = [long.low(slot), long.high(slot)];
    const theirs: readonly [number, number] = [other.low(slot), other.high(slot)];
    return widened(left.isUniform ? step(theirs, mine) : step(mine, theirs));
  });
  return new Bounds(
    axis,
    pairs.map(([low]) => low),
    pairs.map(([, high]) => high),
  );
}

/** Sums of products: output unit m is Σ weight · x[slot] + bias(m) over the weights of the unit. */
export interface Sums {
  readonly units: number;
  readonly x: Bounds;
  readonly weights: Float32Array;
  /** Place of a unit's first weight; its others, `terms` with the first, each lie `step` behind the one before. */
  first(unit: number): number;
  readonly terms: number;
  readonly step: number;
  /** The slot that a unit's first weight meets; every slot meets `repeats` weights in a row (a kernel's positions). */
  firstSlot(unit: number): number;
  readonly repeats: number;
  bias(unit: number): number;
  /** True where some of the x may be zero instead. */
  readonly hasPadding: boolean;
}

/** Bounds along axis 1 of sums of products. One step for each weight, so written to be quick. */
export function boundSums(sums: Sums): Bounds {
  const { units, x, weights, terms, step, repeats, bias, hasPadding } = sums;
  const least = hasPadding ? x.lows.map((low) => Math.min(0, low)) : x.lows;
  const most = hasPadding ? x.highs.map((high) => Math.max(0, high)) : x.highs;
  const lows = new Float64Array(units);
  const highs = new Float64Array(units);
  for (let unit = 0; unit < units; unit++) {
    let low = bias(unit);
    let high = low;
    let magnitude = Math.abs(low);
    let place = sums.first(unit);
    for (let term = 0, slot = sums.firstSlot(unit); term < terms; slot++) {
      const xLow = at(least, x.isUniform ? 0 : slot);
      const xHigh = at(most, x.isUniform ? 0 : slot);
      for (const end = term + repeats; term < end; term++, place += step) {
        const weight = at(weights, place);
        // As in product().
        const left = weight === 0 || xLow === 0 ? 0 : weight * xLow;
        const right = weight === 0 || xHigh === 0 ? 0 : weight * xHigh;
        low += Math.min(left, right);
        high += Math.max(left, right);
        magnitude += Math.max(Math.abs(left), Math.abs(right));
      }
    }
    // The classical error bound of a sum in float32 in any order, and products too small for normal numbers.
    const count = terms + 1;
    const isInexact = magnitude > 0 && Number.isFinite(magnitude);
    const rounding = isInexact ? sumRounding(count) * magnitude + count * smallestNormal : 0;
    lows[unit] = low - rounding;
    highs[unit] = high + rounding;
  }
  return new Bounds(1, lows, highs);
}

/** Bounds that follow the data to where a tie or a repeat of the node puts its slots; what has no such place is united. */
export function followAxes(node: Node, relations: readonly Relation[], x: Bounds | undefined): Bounds | undefined {
  if (x === undefined || x.isUniform) return x;
  for (const { from, to, indexOf } of movementsOf(relations, node)) {
    if (from.index === 0 && from.axis === x.axis) {
      const size = node.output.shape?.[to.axis];
      if (typeof size === 'number')
        return x.select(
          to.axis,
          Array.from({ length: size }, (_, slot) => indexOf(slot)),
        );
    }
  }
  return x.overall();
}

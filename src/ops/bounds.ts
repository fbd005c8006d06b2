import type { Node, Value } from '../ir/graph.js';
import { sizeOf } from '../ir/types.js';
import { at } from '../support/assert.js';
import { type Flow, flowsInto, portsOf, type Relation, slotsAt } from './relations.js';

/** The least and the greatest of some numbers. */
export type Interval = readonly [number, number];

/**
 * Bounds of a value's elements: for every slot along one axis the least and the greatest number that any element there
 * can be (interval arithmetic). They prove that a gate never fires. Each step widens by the rounding of float32; where
 * low and high are one number, every engine computes just that. Truth values are 0 and 1.
 *
 * All that is proved holds as long as no number that a model computes is infinite or NaN: an element is finite, whatever
 * bounds it, so that 0 · ∞ is 0.
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

  /** What is known of any number. */
  static get unknown(): Bounds {
    return Bounds.uniform(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /** One interval for each slot along `axis`, or a single one for all. */
  static of(axis: number, pairs: readonly Interval[]): Bounds {
    return new Bounds(
      axis,
      pairs.map(([low]) => low),
      pairs.map(([, high]) => high),
    );
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
  map(step: (low: number, high: number) => Interval): Bounds {
    return this.mapExactly((low, high) => widened(step(low, high)));
  }

  /** Slot by slot, for steps that float32 does not round or that account for it themselves. */
  mapExactly(step: (low: number, high: number) => Interval): Bounds {
    return Bounds.of(
      this.axis,
      Array.from(this.lows, (low, slot) => step(low, at(this.highs, slot))),
    );
  }

  /**
   * Widened by what the sum of `count` elements, or their mean, is off at most in float32: count · 2^-24 of the largest
   * magnitude, in any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
   */
  rounded(count: number): Bounds {
    return this.map((low, high) => {
      const magnitude = Math.max(Math.abs(low), Math.abs(high));
      // What has no bound on one side only takes what it is off towards that side.
      const off = (side: number): number => {
        const size = Number.isFinite(magnitude) ? magnitude : Math.abs(side);
        return size === 0 || !Number.isFinite(size) ? 0 : sumRounding(count) * size;
      };
      return [low - off(low), high + off(high)];
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
export function widened([low, high]: Interval): Interval {
  return [-raised(-low), raised(high)];
}

function raised(high: number): number {
  if (high === 0 || !Number.isFinite(high)) return high;
  const result = high + 4 * 2 ** -24 * Math.abs(high) + smallestNormal;
  return beyondFloat(result);
}

export const smallestNormal = 2 ** -126;
const largestFinite = (2 - 2 ** -23) * 2 ** 127;

/** Relative error of a float32 sum of `count` products, in any order. */
export function sumRounding(count: number): number {
  const error = count * 2 ** -24;
  return error < 1 ? error / (1 - error) : Number.POSITIVE_INFINITY;
}

/**
 * The bounds of a constant along `axis` of a value of rank `rank` that it broadcasts to; undefined for one with an element
 * that is no number, of which no bound is true.
 */
export function constantBounds(value: Value, rank: number, axis: number): Bounds | undefined {
  const tensor = value.constant;
  if (tensor === undefined || tensor.type === 'float16' || tensor.size === 0) return undefined;
  const own = axis - rank + tensor.dims.length;
  const size = tensor.dims[own] ?? 1;
  const inner = sizeOf(tensor.dims.slice(own + 1));
  const lows = new Float64Array(own < 0 ? 1 : size).fill(Number.POSITIVE_INFINITY);
  const highs = new Float64Array(lows.length).fill(Number.NEGATIVE_INFINITY);
  for (const [index, item] of tensor.data.entries()) {
    if (Number.isNaN(Number(item))) return undefined;
    const slot = own < 0 ? 0 : Math.floor(index / inner) % size;
    lows[slot] = Math.min(at(lows, slot), Number(item));
    highs[slot] = Math.max(at(highs, slot), Number(item));
  }
  return new Bounds(axis, lows, highs);
}

/** The product of two bounds, with 0 · ∞ = 0: an element is finite, whatever bounds it. */
export function product(left: Interval, right: Interval): Interval {
  const corners = left.flatMap((a) => right.map((b) => (a === 0 || b === 0 ? 0 : a * b)));
  return [Math.min(...corners), Math.max(...corners)];
}

type BinaryStep = (left: Interval, right: Interval) => Interval;

/** Combines two operands slot by slot, widened by rounding; both are bounds along the same axis, or uniform. */
export function combine(left: Bounds, right: Bounds, step: BinaryStep): Bounds {
  return combineExactly(left, right, (one, other) => widened(step(one, other)));
}

/** As {@link combine}, for steps that float32 does not round. */
export function combineExactly(left: Bounds, right: Bounds, step: BinaryStep): Bounds {
  const [long, axis] = left.isUniform ? [right, right.axis] : [left, left.axis];
  const other = left.isUniform ? left : right.along(axis);
  const pairs = Array.from(long.lows, (_, slot) => {
    const mine: Interval = [long.low(slot), long.high(slot)];
    const theirs: Interval = [other.low(slot), other.high(slot)];
    return left.isUniform ? step(theirs, mine) : step(mine, theirs);
  });
  return Bounds.of(axis, pairs);
}

/** The numbers that are in one interval or in the other, and what is between. */
export const united: BinaryStep = (left, right) => [Math.min(left[0], right[0]), Math.max(left[1], right[1])];

/** Infinity for what float32 has no number for. */
export function beyondFloat(high: number): number {
  return high > largestFinite ? Number.POSITIVE_INFINITY : Math.max(high, -largestFinite);
}

/**
 * Bounds of output `index` that follow the elements of input `from` to where a relation of the node puts their slots; what
 * has no such place is united.
 */
export function followAxes(
  node: Node,
  relations: readonly Relation[],
  x: Bounds | undefined,
  index = 0,
  from = 0,
): Bounds | undefined {
  if (x === undefined || x.isUniform) return x;
  for (const relation of relations) {
    for (const to of portsOf(relation)) {
      if (to.side !== 'output' || to.index !== index) continue;
      const flow = flowsInto(node, relation, to)?.find(
        (candidate) => candidate.from.index === from && candidate.from.axis === x.axis,
      );
      const moved = flow === undefined ? undefined : follow(node, flow, x);
      if (moved !== undefined) return moved;
    }
  }
  return x.overall();
}

/** For every slot of a flow's output axis what holds for the input slots behind it; undefined if some have none. */
function follow(node: Node, flow: Flow, x: Bounds): Bounds | undefined {
  const lows = new Float64Array(slotsAt(node, flow.to)).fill(Number.POSITIVE_INFINITY);
  const highs = new Float64Array(lows.length).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < flow.count; i++) {
    const [target, source] = [flow.target(i), flow.source(i)];
    lows[target] = Math.min(at(lows, target), x.low(source));
    highs[target] = Math.max(at(highs, target), x.high(source));
  }
  const isWhole = lows.length > 0 && lows.every((low, slot) => low <= at(highs, slot));
  return isWhole ? new Bounds(flow.to.axis, lows, highs) : undefined;
}

/**
 * Bounds of an input that broadcasts to output `index` along `axis` of that, its data if it is constant. Where nothing is
 * known, any number, or either truth value.
 */
export function aligned(node: Node, index: number, x: Bounds | undefined, axis: number, output = 0): Bounds {
  const value = node.inputs[index];
  const result = node.outputs[output]?.shape;
  const rank = result?.length ?? 0;
  const constant = value === undefined ? undefined : constantBounds(value, rank, axis);
  if (constant !== undefined) return constant;
  if (x === undefined) return value?.elementType === 'bool' ? Bounds.uniform(0, 1) : Bounds.unknown;
  // The slots of a value that is stretched are not those of the output.
  const own = axis - rank + (value?.shape?.length ?? 0);
  const isTied = x.axis === own && value?.shape?.[own] === result?.[axis];
  return isTied ? new Bounds(axis, x.lows, x.highs) : x.overall();
}

/** The axis of the output along which the most is told apart by inputs that broadcast to it. */
export function broadcastAxisOf(node: Node, inputs: readonly (Bounds | undefined)[]): number {
  const rank = node.output.shape?.length ?? 0;
  for (const [index, x] of inputs.entries()) {
    const shape = node.inputs[index]?.shape;
    if (x === undefined || x.isUniform || shape === undefined) continue;
    const axis = x.axis + rank - shape.length;
    if (shape[x.axis] === node.output.shape?.[axis]) return axis;
  }
  for (const value of node.inputs) {
    const dims = value?.constant?.dims ?? [];
    const axis = dims.findLastIndex((dim) => dim !== 1);
    if (axis >= 0) return axis + rank - dims.length;
  }
  return Math.min(1, Math.max(0, rank - 1));
}

import type { Node } from '../ir/graph.js';
import { elementTypes } from '../ir/types.js';
import { Bounds, combine, combineExactly, type Interval, product, united } from './bounds.js';
import {
  type Curve,
  type Curves,
  clip,
  exponentialUnit,
  leaky,
  parametric,
  power,
  reciprocal,
  scaled,
} from './curves.js';

/** How element-wise operators carry bounds over: see the table of them. */

type Step = (left: Interval, right: Interval) => Interval;

/** A function of two, taken over any number of inputs from left to right, rounding every time. */
export const folded =
  (step: Step) =>
  (inputs: readonly Bounds[]): Bounds =>
    inputs.reduce((left, right) => combine(left, right, step));

/** As {@link folded}, without rounding. */
export const exactly =
  (step: Step) =>
  (inputs: readonly Bounds[]): Bounds =>
    inputs.reduce((left, right) => combineExactly(left, right, step));

export const sum: Step = (left, right) => [left[0] + right[0], left[1] + right[1]];
export const difference: Step = (left, right) => [left[0] - right[1], left[1] - right[0]];
export const greatest: Step = (left, right) => [Math.max(left[0], right[0]), Math.max(left[1], right[1])];
export const least: Step = (left, right) => [Math.min(left[0], right[0]), Math.min(left[1], right[1])];

/** Nothing is known where the divisor may be zero. */
export const quotient: Step = (left, right) => {
  if (right[0] <= 0 && right[1] >= 0) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return product(left, [1 / right[1], 1 / right[0]]);
};

export const mean = (inputs: readonly Bounds[]): Bounds => {
  const total = folded(sum)(inputs);
  return inputs.length === 1 ? total : total.map((low, high) => [low / inputs.length, high / inputs.length]);
};

/** Input 1 where input 0 is true, else input 2. */
export const chosen = ([
  condition = Bounds.uniform(0, 1),
  yes = Bounds.unknown,
  no = Bounds.unknown,
]: readonly Bounds[]) => {
  // Told apart slot by slot, so that one branch is dropped where the condition is decided.
  const kept = (wanted: number, branch: Bounds): Bounds =>
    combineExactly(condition, branch, ([low, high], interval) =>
      low === high && low !== wanted ? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] : interval,
    );
  return combineExactly(kept(1, yes), kept(0, no), united);
};

// Truth values: 1 where all numbers of the intervals make it true, 0 where all make it false.

/** What never holds is told by its opposite: limits that are no number tell nothing. */
const truth = (isAlways: boolean, isEver: boolean): Interval => [isAlways ? 1 : 0, isEver ? 1 : 0];

export const less: Step = (left, right) => truth(left[1] < right[0], !(left[0] >= right[1]));
export const atMost: Step = (left, right) => truth(left[1] <= right[0], !(left[0] > right[1]));
export const and: Step = least;
export const or: Step = greatest;
export const equal: Step = (left, right) => {
  const isOne = left[0] === left[1] && right[0] === right[1];
  return truth(isOne && left[0] === right[0], !(left[0] > right[1]) && !(right[0] > left[1]));
};
export const xor: Step = (left, right) => {
  const [low, high] = equal(left, right);
  return [1 - high, 1 - low];
};

// Curves of operators with constants for inputs.

export const identity: Curve = { at: (x) => x, isExact: true, curvature: 0 };
export const softsign: Curve = {
  at: (x) => (Number.isFinite(x) ? x / (1 + Math.abs(x)) : Math.sign(x)),
  curvature: 2.01,
  kinks: [0],
};
export const wave: Curve = { at: Math.sin, extent: () => [-1, 1] };

export function roundHalfToEven(x: number): number {
  if (!Number.isFinite(x)) return x;
  const below = Math.floor(x);
  const isHalf = x - below === 0.5;
  return isHalf ? 2 * Math.round(x / 2) : Math.round(x);
}

export const seluOf = (node: Node): Curve =>
  exponentialUnit(node.float('alpha', Math.fround(1.67326319)), node.float('gamma', Math.fround(1.05070102)));

type Constant = (constant: number, isRight: boolean) => Curve | undefined;

export const shifted: Constant = (constant) => ({ at: (x) => x + constant, curvature: 0 });
export const subtracted: Constant = (constant, isRight) => ({
  at: (x) => (isRight ? x - constant : constant - x),
  curvature: 0,
});
export const multiplied: Constant = (constant) => ({ at: (x) => scaled(constant, x), curvature: 0 });

/** A function of two inputs of which one is constant. */
export const withConstant =
  (make: Constant) =>
  (node: Node): Curves | undefined => {
    const isRight = node.input(1).constant !== undefined;
    if (isRight === (node.input(0).constant !== undefined)) return undefined;
    return parametric(
      node,
      isRight ? 0 : 1,
      [isRight ? 1 : 0],
      ([constant = 0]) => make(constant, isRight) ?? unbounded,
    );
  };

/** Any number may come of it. */
const unbounded: Curve = { at: (x) => x, extent: () => [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] };

const isFloat = (node: Node): boolean => node.output.elementType === 'float32';

export function divided(node: Node): Curves | undefined {
  // Whole numbers are divided without remainder.
  if (!isFloat(node)) return undefined;
  return withConstant((constant, isRight) => {
    if (!isRight)
      return constant === 0 ? { at: () => 0, isDefined: (low, high) => low > 0 || high < 0 } : reciprocal(constant);
    return constant === 0 ? undefined : { at: (x) => x / constant, curvature: 0 };
  })(node);
}

export function powers(node: Node): Curves | undefined {
  const hasBase = node.input(0).constant === undefined && node.input(1).constant !== undefined;
  return isFloat(node) && hasBase ? parametric(node, 0, [1], ([exponent = 1]) => power(exponent)) : undefined;
}

export const slopes = (node: Node): Curves | undefined => parametric(node, 0, [1], ([slope = 0]) => leaky(slope));

/** Limits that are left out do not limit. */
export function clipCurves(node: Node): Curves | undefined {
  const limit = (index: number, absent: number): number | undefined =>
    node.inputs[index] === undefined ? absent : node.inputs[index].constant?.numbers()[0];
  const [low, high] = [limit(1, Number.NEGATIVE_INFINITY), limit(2, Number.POSITIVE_INFINITY)];
  return low === undefined || high === undefined ? undefined : { data: 0, axis: undefined, at: () => clip(low, high) };
}

/** Types convert without falling back: rounded to the nearest float32, cut off towards zero for whole numbers. */
export function castBounds(node: Node, [x]: readonly (Bounds | undefined)[]): Bounds | undefined {
  const [from, to] = [node.input(0).elementType, node.output.elementType];
  const known = x ?? (from === 'bool' ? Bounds.uniform(0, 1) : undefined);
  if (known === undefined || from === undefined || to === undefined) return undefined;
  if (to === 'bool')
    return known.mapExactly((low, high) => (low > 0 || high < 0 ? [1, 1] : [0, low === 0 && high === 0 ? 0 : 1]));
  if (to === 'float32') return known.mapExactly((low, high) => [Math.fround(low), Math.fround(high)]);
  if (to === 'float16' || to === 'float64') return undefined;
  const cut = known.mapExactly((low, high) => [Math.trunc(low), Math.trunc(high)]);
  const limit = 2 ** (8 * elementTypes[to].bytes - 1);
  const { low, high } = { low: cut.overall().low(0), high: cut.overall().high(0) };
  // What the type has no number for is up to the engine; unsigned types reach further up, but not below zero.
  return low >= (to.startsWith('u') ? 0 : -limit) && high < limit ? cut : undefined;
}

/** Further out the functions of float32 reach their limits long before their arguments say so. */
const leastDistance = 1e-6;

export function sigmoidInverse(y: number): number | undefined {
  return y < leastDistance || y > 1 - leastDistance ? undefined : Math.log(y / (1 - y));
}

export function tanhInverse(y: number): number | undefined {
  return Math.abs(y) > 1 - leastDistance ? undefined : Math.atanh(y);
}

/** Of max(0, min(1, alpha x + beta)): any x reaches 0, and none more than 1. */
export function hardSigmoidInverse(alpha: number, beta: number, y: number): number | undefined {
  return alpha > 0 && y > 0 && y <= 1 ? (y - beta) / alpha : undefined;
}

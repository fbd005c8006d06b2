import type { Node } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { sameShape } from '../ir/types.js';
import { Bounds, type Interval, widened } from './bounds.js';

/**
 * A function of one real number, and what proofs know of it. `at` takes ±∞ for its limits there. Functions are
 * continuous and monotone between their `turns`, unless they bring an `extent` of their own.
 */
export interface Curve {
  at(x: number): number;
  /** Where it changes between rising and falling. */
  readonly turns?: readonly number[];
  /** Numbers that hold all it takes between `low` and `high`, for a function whose turns are not known. */
  extent?(low: number, high: number): Interval;
  /** True unless some number between has no real value. */
  isDefined?(low: number, high: number): boolean;
  /** True if float32 computes it without rounding. */
  readonly isExact?: true;
  /** What engines' results are off at most for arguments up to `magnitude`, besides the rounding of the result. */
  error?(magnitude: number): number;
  /** What results never leave, however inexact. */
  readonly range?: Interval;
  /** Most of |f''| anywhere but at the `kinks`; undefined where that has no bound. */
  readonly curvature?: number;
  readonly kinks?: readonly number[];
}

/** A node each of whose output elements is a function of the element at its place in one input. */
export interface Curves {
  /** That input; all others are constant. Its shape is the output's. */
  readonly data: number;
  /** The output's axis along which the function varies with the constants; undefined: it is one for all elements. */
  readonly axis: number | undefined;
  at(slot: number): Curve;
}

/** Numbers between which a curve's results lie, as float32 computes them, for arguments between `low` and `high`. */
export function extentOf(curve: Curve, low: number, high: number): Interval {
  if (curve.isDefined?.(low, high) === false) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const [least, most] = curve.extent?.(low, high) ?? monotoneExtent(curve, low, high);
  if (curve.isExact) return [least, most];
  const error = curve.error?.(Math.max(Math.abs(low), Math.abs(high))) ?? 0;
  const [lower, upper] = widened([least - error, most + error]);
  const [floor, ceiling] = curve.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return [Math.max(lower, floor), Math.min(upper, ceiling)];
}

function monotoneExtent(curve: Curve, low: number, high: number): Interval {
  let [least, most] = sorted(curve.at(low), curve.at(high));
  for (const turn of curve.turns ?? []) {
    if (turn <= low || turn >= high) continue;
    least = Math.min(least, curve.at(turn));
    most = Math.max(most, curve.at(turn));
  }
  return [least, most];
}

const sorted = (one: number, other: number): Interval => (one <= other ? [one, other] : [other, one]);

/** Bounds of the output of such a node from those of its data. */
export function curveBounds(node: Node, curves: Curves, data: Bounds | undefined): Bounds {
  const isBool = node.input(curves.data).elementType === 'bool';
  const x = data ?? (isBool ? Bounds.uniform(0, 1) : Bounds.unknown);
  if (curves.axis === undefined) {
    const curve = curves.at(0);
    return x.mapExactly((low, high) => extentOf(curve, low, high));
  }
  const along = x.along(curves.axis);
  const size = Number(node.output.shape?.[curves.axis]);
  const pairs = Array.from({ length: size }, (_, slot) => extentOf(curves.at(slot), along.low(slot), along.high(slot)));
  return Bounds.of(curves.axis, pairs);
}

/**
 * The curves of a node whose inputs `parameters` are constants; `make` gets their elements at one place. Undefined if
 * they are not constant, vary along more than one axis, or stretch the data.
 */
export function parametric(
  node: Node,
  data: number,
  parameters: readonly number[],
  make: (values: readonly number[]) => Curve,
): Curves | undefined {
  const shape = node.output.shape;
  const own = node.inputs[data]?.shape;
  if (shape === undefined || own === undefined || !sameShape(shape, own)) return undefined;
  const tensors = parameters.flatMap((index) => node.inputs[index]?.constant ?? []);
  if (tensors.length < parameters.length || tensors.some(({ type, size }) => type === 'float16' || size === 0)) {
    return undefined;
  }
  const axes = new Set(tensors.flatMap(({ dims }) => axesOf(dims, shape.length)));
  return axes.size > 1 ? undefined : varying(data, [...axes][0], tensors, make);
}

/** Curves whose parameters are tensors that vary along one axis of the output at most, slot by slot. */
export function varying(
  data: number,
  axis: number | undefined,
  tensors: readonly Tensor[],
  make: (values: readonly number[]) => Curve,
): Curves {
  return { data, axis, at: (slot) => make(tensors.map((tensor) => Number(tensor.data[tensor.size === 1 ? 0 : slot]))) };
}

/** The axes, of a value of rank `rank`, along which a constant that broadcasts to it varies. */
function axesOf(dims: readonly number[], rank: number): number[] {
  return dims.flatMap((dim, axis) => (dim === 1 ? [] : [axis + rank - dims.length]));
}

/** A curve that is the same for all elements of input 0. */
export const oneCurve = (curve: Curve): Curves => ({ data: 0, axis: undefined, at: () => curve });

// The curves of operators.

/** ONNX Runtime's rational approximations were measured to be off by up to 5.3 · 2^-24, also near zero. */
export const rationalError = 16 * 2 ** -24;

/** For products of the argument and such an approximation. */
const relativeError = (magnitude: number): number => 2 * rationalError * magnitude + rationalError;

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

export const sigmoid: Curve = { at: logistic, error: () => rationalError, curvature: 0.1 };
export const tanh: Curve = { at: Math.tanh, error: () => rationalError, curvature: 0.78 };
export const relu: Curve = { at: (x) => Math.max(0, x), isExact: true, curvature: 0, kinks: [0] };
export const absolute: Curve = { at: Math.abs, turns: [0], isExact: true, curvature: 0, kinks: [0] };
export const softplus: Curve = {
  at: (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))),
  error: () => rationalError,
  curvature: 0.26,
};

/** x for x >= 0, else slope · x. */
export const leaky = (slope: number): Curve => ({
  at: (x) => (x >= 0 ? x : scaled(slope, x)),
  turns: [0],
  curvature: 0,
  kinks: [0],
});

/** factor · x, 0 · ∞ being 0: data are finite. */
export const scaled = (factor: number, x: number): number => (factor === 0 || x === 0 ? 0 : factor * x);

/** scale · x for x > 0, else scale · alpha · (e^x − 1). */
export function exponentialUnit(alpha: number, scale: number): Curve {
  const size = Math.abs(scale) * Math.max(1, Math.abs(alpha));
  return {
    at: (x) => scale * (x > 0 ? x : scaled(alpha, Math.expm1(x))),
    turns: [0],
    error: () => size * rationalError,
    curvature: 1.01 * size,
    kinks: [0],
  };
}

/** min(max(x, low), high). */
export const clip = (low: number, high: number): Curve => ({
  at: (x) => Math.min(Math.max(x, low), high),
  isExact: true,
  curvature: 0,
  kinks: [low, high],
});

/** min(max(alpha · x + beta, 0), 1). */
export const hardSigmoid = (alpha: number, beta: number): Curve => ({
  at: (x) => Math.min(Math.max(scaled(alpha, x) + beta, 0), 1),
  error: (magnitude) => 4 * 2 ** -24 * (scaled(Math.abs(alpha), magnitude) + Math.abs(beta)),
  range: [0, 1],
  curvature: 0,
  kinks: alpha === 0 ? [] : [-beta / alpha, (1 - beta) / alpha],
});

/** x · min(max(x / 6 + 1/2, 0), 1). */
export const hardSwish: Curve = {
  at: (x) => (x <= -3 ? 0 : x * Math.min(x / 6 + 0.5, 1)),
  turns: [-3, -1.5],
  error: relativeError,
  curvature: 1 / 3 + 0.01,
  kinks: [-3, 3],
};

/** z · sigmoid(z) falls before −1.27846454 and rises behind. */
const swishTurn = -1.278464542761074;
const swish = (z: number): number => (z === Number.NEGATIVE_INFINITY ? 0 : z * logistic(z));

/** x · sigmoid(rate · x). With z = rate · x it is swish(z) / rate, whose second derivative is 1/2 at most. */
function swishOf(rate: number): Curve {
  if (rate === 0) return { at: (x) => x / 2, error: relativeError, curvature: 0 };
  return {
    at: (x) => swish(rate * x) / rate,
    turns: [swishTurn / rate],
    error: relativeError,
    curvature: 0.51 * Math.abs(rate),
  };
}

/** 0.5 · x · (1 + erf(x / √2)), least at −0.75179153. */
const geluErf: Curve = {
  at: (x) => (x < -40 ? 0 : 0.5 * x * complementaryErf(-x * Math.SQRT1_2)),
  turns: [-0.7517915248],
  error: relativeError,
  curvature: 0.81,
};

/** 0.5 · x · (1 + tanh(√(2/π) (x + 0.044715 x³))), least at −0.75246142; 1 + tanh(u) = 2 · sigmoid(2u). */
const geluTanh: Curve = {
  at: (x) => (x < -40 ? 0 : x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  turns: [-0.7524614221],
  error: relativeError,
  curvature: 0.81,
};

/** The three forms of GELU that SGBlend knows. */
export function geluCurve(kind: string): Curve {
  if (kind === 'sigmoid') return swishOf(1.702);
  return kind === 'erf' ? geluErf : geluTanh;
}

/** x · tanh(ln(1 + e^x)), least at −1.19243122. */
export const mish: Curve = {
  at: (x) => (x < -700 ? 0 : x * Math.tanh(softplus.at(x))),
  turns: [-1.1924312148],
  error: relativeError,
  curvature: 0.65,
};

export const erf: Curve = {
  at: (x) => (x >= 0 ? 1 - complementaryErf(x) : complementaryErf(-x) - 1),
  error: () => rationalError,
  curvature: 0.97,
};

/**
 * erfc(x) to 1e-14: the Taylor series of erf for small |x|, else Legendre's continued fraction (Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 7.1.6 and 7.1.14).
 */
function complementaryErf(x: number): number {
  if (x < 0) return 2 - complementaryErf(-x);
  if (x > 27) return 0;
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = x;
  for (let n = 80; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

/** SG-Blend, see its operator: a · (x · sigmoid(beta · x) − gamma) + (1 − a) · GELU(x), for a between 0 and 1. */
export function sgBlendCurve(a: number, beta: number, gamma: number, gelu: string): Curve {
  const [first, second] = [swishOf(beta), geluCurve(gelu)];
  const mixed = (left: number, right: number): number => scaled(a, left - gamma) + scaled(1 - a, right);
  return {
    at: (x) => mixed(first.at(x), second.at(x)),
    extent: (low, high) => {
      const [left, right] = [monotoneExtent(first, low, high), monotoneExtent(second, low, high)];
      return [mixed(left[0], right[0]), mixed(left[1], right[1])];
    },
    error: (magnitude) => 2 * relativeError(magnitude) + rationalError * Math.abs(gamma),
    curvature: a * (first.curvature ?? 0) + (1 - a) * (second.curvature ?? 0) + 0.01,
  };
}

/** 1 / x, where that cannot be divided by zero. */
export const reciprocal = (numerator: number): Curve => ({
  at: (x) => numerator / x,
  isDefined: (low, high) => low > 0 || high < 0,
});

/** x^exponent, where all x have such a power. */
export function power(exponent: number): Curve {
  const isWhole = Number.isInteger(exponent);
  return {
    at: (x) => x ** exponent,
    turns: [0],
    isDefined: (low, high) => (exponent >= 0 ? isWhole || low >= 0 : low > 0 || (isWhole && high < 0)),
    error: () => 0,
    ...(exponent === 2 ? { curvature: 2 } : {}),
  };
}

/** x for x > alpha, else 0. */
export const thresholded = (alpha: number): Curve => ({
  at: (x) => (x > alpha ? x : 0),
  extent: (low, high) => {
    if (high <= alpha) return [0, 0];
    return low > alpha ? [low, high] : [Math.min(0, alpha), Math.max(0, high)];
  },
  isExact: true,
});

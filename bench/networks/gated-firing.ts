import { at } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';
import type { LayerWeight } from './layers-model.js';

/**
 * When the gates of a synthetic network fire. `density` is the mean part of a gate's units that do.
 *
 * - `modes`: every sample belongs to one of `modes` modes, which has for each gate a random pattern of exactly that
 *   density; one gate for a whole block is on in that part of the modes. `weights` are how often the modes occur, by
 *   default all alike.
 * - `modal`: the same, with gates that choose one of so many masks (SwanGate's `modes`).
 * - `independent`: each group of units fires for that part of the samples, nearly independently of the others; with one
 *   group of all units a whole block is on or off.
 * - `none`: no gates at all: the same layers, dense.
 */
export type Firing =
  | {
      readonly kind: 'modes' | 'modal';
      readonly modes: number;
      readonly density: number;
      readonly weights?: readonly number[];
    }
  | { readonly kind: 'independent'; readonly density: number }
  | { readonly kind: 'none' };

/** Scores are this far from 0 where a mode decides. */
const certain = 8;
/** Weights that make a score look at everything and change nothing. */
const faint = 0.02;
/** Indicators of modes are 0 or 1, give or take this. */
const indicatorNoise = 0.05;
/** A hidden unit is 0 up to an indicator of a half, and this at one. */
const hiddenOn = 2;

/** The weights of a SwanGate, by name and in its order. */
export type GateWeights = Readonly<Record<string, LayerWeight>>;

/** What a gate is made for: features of the control, groups of units, hidden units (0 for none). */
export interface GateShape {
  readonly control: number;
  readonly groups: number;
  readonly hidden: number;
}

/**
 * The groups that each mode of a gate switches on: exactly `density` of them, to the nearest whole group. Where that is less than
 * one group, as for a whole block, some modes switch on one and others none, so that modes together have the density, to the
 * nearest mode; at least one has a group.
 */
export function modePatterns(modes: number, groups: number, density: number, random: Random): boolean[][] {
  const each = density * groups;
  const total = Math.max(1, Math.round(each * modes));
  return Array.from({ length: modes }, (_, mode) => {
    // The modes that have a group are spread evenly.
    const share = Math.floor(((mode + 1) * total) / modes) - Math.floor((mode * total) / modes);
    const order = shuffled(groups, random);
    const on = new Set(order.slice(0, each < 1 ? share : Math.round(each)));
    return Array.from({ length: groups }, (_, group) => on.has(group));
  });
}

/**
 * Weights with which a gate shows the pattern of a sample's mode: feature i of the control is about 1 in samples of mode i,
 * and about 0 in others. Scores are far from 0.
 */
export function modeGate(shape: GateShape, patterns: readonly (readonly boolean[])[], random: Random): GateWeights {
  const { groups, hidden } = shape;
  const rows = hidden > 0 ? hidden : shape.control;
  const strength = hidden > 0 ? certain / hiddenOn : certain;
  const kernel = matrix(rows, groups, (row, group) => {
    const pattern = patterns[row];
    return pattern === undefined ? faint * random.normal() : at(pattern, group) ? strength : -strength;
  });
  return { ...hiddenLayer(shape, patterns.length, random), kernel, bias: zeros(groups) };
}

/** Weights of a modal gate that chooses mask i for samples of mode i. */
export function modalGate(shape: GateShape, patterns: readonly (readonly boolean[])[], random: Random): GateWeights {
  const { groups, hidden } = shape;
  const modes = patterns.length;
  const rows = hidden > 0 ? hidden : shape.control;
  const kernel = matrix(rows, modes, (row, mode) =>
    row === mode ? certain : row < modes ? 0 : faint * random.normal(),
  );
  const masks = matrix(modes, groups, (mode, group) => (at(at(patterns, mode), group) ? 1 : -1));
  return { ...hiddenLayer(shape, modes, random), kernel, bias: zeros(modes), masks };
}

/**
 * Weights with which every group fires for `density` of the samples whose controls are given, `[samples, control]`: to
 * the nearest whole sample, and nearly independently, since each score looks in a random direction.
 */
export function independentGate(
  shape: GateShape,
  controls: readonly Float32Array[],
  density: number,
  random: Random,
): GateWeights {
  const { groups, hidden } = shape;
  const rows = hidden > 0 ? hidden : shape.control;
  const kernel = matrix(rows, groups, () => random.normal() / Math.sqrt(rows));
  const first = hiddenLayer(shape, 0, random);
  const plain = { ...first, kernel, bias: zeros(groups) };
  const scores = controls.map((control) => scoresOf(plain, control));
  const bias = Float32Array.from({ length: groups }, (_, group) => {
    const sorted = scores.map((row) => at(row, group)).sort((left, right) => left - right);
    const off = Math.round((1 - density) * sorted.length);
    // Far from all samples where none is to fall on the other side.
    if (off === 0) return certain - at(sorted, 0);
    if (off === sorted.length) return -certain - at(sorted, sorted.length - 1);
    return -(at(sorted, off - 1) + at(sorted, off)) / 2;
  });
  return { ...plain, bias: { shape: [groups], data: bias } };
}

/** The scores of a gate, or the logits of a modal one, for one control. */
export function scoresOf(weights: GateWeights, control: Float32Array): Float32Array {
  const { hidden_kernel: hiddenKernel, hidden_bias: hiddenBias, kernel, bias } = weights;
  const hidden =
    hiddenKernel === undefined || hiddenBias === undefined
      ? control
      : affine(control, hiddenKernel, hiddenBias).map((number) => Math.max(0, number));
  return kernel === undefined || bias === undefined ? hidden : affine(hidden, kernel, bias);
}

/** The indicator of a mode among the features of a control. */
export function indicator(feature: number, mode: number, random: Random): number {
  return (feature === mode ? 1 : 0) + indicatorNoise * random.normal();
}

/** Relu units behind the control: the first `modes` are indicators again, the others look in random directions. */
function hiddenLayer({ control, hidden }: GateShape, modes: number, random: Random): GateWeights {
  if (hidden === 0) return {};
  const kernel = matrix(control, hidden, (row, unit) => {
    if (unit < modes) return row === unit ? 2 * hiddenOn : 0;
    return random.normal() / Math.sqrt(control);
  });
  const bias = Float32Array.from({ length: hidden }, (_, unit) => (unit < modes ? -hiddenOn : 0));
  return { hidden_kernel: kernel, hidden_bias: { shape: [hidden], data: bias } };
}

function affine(row: Float32Array, { shape, data }: LayerWeight, bias: LayerWeight): Float32Array {
  const columns = at(shape, 1);
  const sums = Float64Array.from(bias.data);
  for (const [index, number] of row.entries()) {
    if (number === 0) continue;
    const weights = data.subarray(index * columns, (index + 1) * columns);
    for (const [column, weight] of weights.entries()) sums[column] = (sums[column] ?? 0) + number * weight;
  }
  return Float32Array.from(sums);
}

function matrix(rows: number, columns: number, of: (row: number, column: number) => number): LayerWeight {
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) data[row * columns + column] = of(row, column);
  }
  return { shape: [rows, columns], data };
}

function zeros(size: number): LayerWeight {
  return { shape: [size], data: new Float32Array(size) };
}

/** The numbers below `size` in random order (Fisher and Yates). */
function shuffled(size: number, random: Random): number[] {
  const order = Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [order[last], order[other]] = [at(order, other), at(order, last)];
  }
  return order;
}

import { at } from '../support/assert.js';
import { type Curve, extentOf } from './curves.js';

/** Two straight lines, below and above a function wherever its argument may be. */
export interface Lines {
  readonly lowSlope: number;
  readonly lowShift: number;
  readonly highSlope: number;
  readonly highShift: number;
  /** What float32 results, and these numbers themselves, are off at most. */
  readonly error: number;
}

/** Cells that a range is divided into: with eight times as many, lines lie closer by 1 % of the curvature's share. */
const cells = 32;

/** A few steps of float64, with room. */
const doubleRounding = 2 ** -44;

/** Two constants: what a function lies between. */
export const levels = (low: number, high: number): Lines => ({
  lowSlope: 0,
  lowShift: low,
  highSlope: 0,
  highShift: high,
  error: 0,
});

/**
 * Lines around a curve for arguments between `low` and `high`. Any slope is sound: between two neighbours of a grid that
 * has all kinks, a function f lies within max|f''| · width² / 8 of the chord (the error of linear interpolation), so the
 * grid's extremes of f(x) − slope · x, that much farther out, hold everywhere. Of a few slopes the best in the middle of
 * the range is taken.
 */
export function linesAround(curve: Curve, low: number, high: number): Lines {
  const [least, most] = extentOf(curve, low, high);
  const { curvature } = curve;
  if (curvature === undefined || !(high > low) || !Number.isFinite(high - low) || !Number.isFinite(most - least)) {
    return levels(least, most);
  }
  const points = gridOf(curve, low, high, curvature === 0 ? 1 : cells);
  const values = points.map((x) => curve.at(x));
  const size = Math.max(Math.abs(low), Math.abs(high));
  const height = Math.max(Math.abs(least), Math.abs(most));
  const slopes = slopesOf(points, values).filter(Number.isFinite);
  const middle = (low + high) / 2;
  let below = { slope: 0, shift: Number.NEGATIVE_INFINITY, height: Number.NEGATIVE_INFINITY };
  let above = { slope: 0, shift: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY };
  for (const slope of slopes) {
    const [down, up] = shiftsOf(points, values, slope, curvature);
    if (slope * middle + down > below.height) below = { slope, shift: down, height: slope * middle + down };
    if (slope * middle + up < above.height) above = { slope, shift: up, height: slope * middle + up };
  }
  const steepest = Math.max(Math.abs(below.slope), Math.abs(above.slope));
  const engine = curve.isExact ? 0 : (curve.error?.(size) ?? 0) + 4 * 2 ** -24 * height + 2 ** -126;
  return {
    lowSlope: below.slope,
    lowShift: below.shift,
    highSlope: above.slope,
    highShift: above.shift,
    error: engine + doubleRounding * (height + steepest * size),
  };
}

/** Equal steps from `low` to `high`, and the kinks between. */
function gridOf(curve: Curve, low: number, high: number, steps: number): number[] {
  const inner = Array.from({ length: steps - 1 }, (_, step) => low + ((high - low) * (step + 1)) / steps);
  const kinks = (curve.kinks ?? []).filter((kink) => kink > low && kink < high);
  return [low, ...[...inner, ...kinks].toSorted((left, right) => left - right), high];
}

/** That of the chord, those at both ends, and none. */
function slopesOf(points: readonly number[], values: readonly number[]): number[] {
  const between = (from: number, to: number): number =>
    (at(values, to) - at(values, from)) / (at(points, to) - at(points, from));
  return [between(0, -1), between(0, 1), between(-2, -1), 0];
}

/** The least and the greatest of f(x) − slope · x. */
function shiftsOf(
  points: readonly number[],
  values: readonly number[],
  slope: number,
  curvature: number,
): readonly [number, number] {
  let [down, up] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let before = at(values, 0) - slope * at(points, 0);
  for (let index = 1; index < points.length; index++) {
    const here = at(values, index) - slope * at(points, index);
    const bulge = (curvature * (at(points, index) - at(points, index - 1)) ** 2) / 8;
    down = Math.min(down, Math.min(before, here) - bulge);
    up = Math.max(up, Math.max(before, here) + bulge);
    before = here;
  }
  return [down, up];
}

/** Lines around a choice of x, between `low` and `high`, or zero: below min(x, 0) and above max(x, 0). */
export function gateLines(low: number, high: number): Lines {
  if (!Number.isFinite(high - low)) return levels(Math.min(0, low), Math.max(0, high));
  const line = (least: number, most: number): { slope: number; shift: number } => {
    const slope = (most - least) / (high - low);
    return { slope, shift: most - slope * high };
  };
  const below = high <= low ? { slope: 0, shift: Math.min(0, low) } : line(Math.min(0, low), Math.min(0, high));
  const above = high <= low ? { slope: 0, shift: Math.max(0, high) } : line(Math.max(0, low), Math.max(0, high));
  return {
    lowSlope: below.slope,
    lowShift: below.shift,
    highSlope: above.slope,
    highShift: above.shift,
    error: doubleRounding * Math.max(Math.abs(low), Math.abs(high)),
  };
}

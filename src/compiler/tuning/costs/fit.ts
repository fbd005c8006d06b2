import type { TargetCosts } from '../../../passkit/target.js';
import { at } from '../../../support/assert.js';
import { cholesky, solveCholesky } from '../../../support/matrix.js';
import { median } from '../../measure.js';

/** One probe: so many of what is counted, and microseconds of a run. */
export interface Point {
  readonly count: number;
  readonly time: number;
}

/** A probe of gathering. */
export interface GatherPoint {
  readonly bytes: number;
  readonly runs: number;
  readonly time: number;
}

/** What probes took. Each list differs in one count alone, so that what a run costs anyway drops out. */
export interface Measurements {
  /** Operators that have next to nothing to do. */
  readonly operators: readonly Point[];
  /** `If`s, with one such operator in the branch that runs. */
  readonly branches: readonly Point[];
  /** `Where`s of next to nothing, and elements of larger ones. */
  readonly selects: readonly Point[];
  readonly selectedElements: readonly Point[];
  /** Elements that a mask multiplies. */
  readonly elements: readonly Point[];
  /** Elements of maps that are added between convolutions. */
  readonly addedElements: readonly Point[];
  /** Floating-point operations of convolutions, with constant weights and with ones that come at run time. */
  readonly constantFlops: readonly Point[];
  readonly runtimeFlops: readonly Point[];
  /** Bytes of the weights of dense layers, for one sample, to far beyond what caches hold. */
  readonly weightBytes: readonly Point[];
  readonly gathers: readonly GatherPoint[];
}

export interface Fit {
  readonly costs: TargetCosts;
  /** Costs that the probes did not tell: those of `before`. */
  readonly kept: readonly (keyof TargetCosts)[];
}

/** The costs that explain the measurements; those of which a probe says nothing sensible stay as before. */
export function fitCosts(measured: Measurements, before: TargetCosts): Fit {
  const operator = slope(measured.operators);
  const flop = slope(measured.constantFlops);
  const runtimeFlop = slope(measured.runtimeFlops);
  const cache = fitCache(measured.weightBytes);
  const gathers = fitGathers(measured.gathers);
  const found: Record<keyof TargetCosts, number> = {
    operator,
    flop,
    // Weights that come at run time are not faster; where they measure so, they cost the same.
    runtimeWeights: Math.max(1, runtimeFlop / flop),
    addedElement: slope(measured.addedElements),
    element: slope(measured.elements),
    // A byte of a dense layer's weights takes part in half an operation.
    weightByte: cache.byte - flop / 2,
    cacheBytes: cache.knee,
    uncachedByte: cache.beyond,
    gatheredByte: gathers.byte,
    gatheredRun: gathers.run,
    branch: slope(measured.branches) - operator,
    select: slope(measured.selects),
    selectedElement: slope(measured.selectedElements),
  };
  const kept = Object.keys(found)
    .filter((name) => name in before)
    // The keys of `found` are those of the costs: its type says so.
    .map((name) => name as keyof TargetCosts)
    .filter((name) => !(found[name] > 0 && Number.isFinite(found[name])));
  const costs = { ...found };
  for (const name of kept) costs[name] = before[name];
  return { costs, kept };
}

/** Microseconds for one of what is counted: the median of the slopes between all pairs (Theil 1950, Sen 1968). */
export function slope(points: readonly Point[]): number {
  const slopes: number[] = [];
  for (const [index, left] of points.entries()) {
    for (const right of points.slice(index + 1)) {
      if (left.count !== right.count) slopes.push((right.time - left.time) / (right.count - left.count));
    }
  }
  return slopes.length === 0 ? Number.NaN : median(slopes);
}

interface CacheFit {
  readonly byte: number;
  /** Bytes beyond which each costs `beyond` more; infinite where no probe was beyond. */
  readonly knee: number;
  readonly beyond: number;
}

/** A knee must explain the times so many times better than a straight line to be one. */
const clearKnee = 0.6;
const kneeSteps = 8;

/**
 * Reading `n` bytes takes start + byte * n + beyond * max(0, n - knee). For a given knee that is linear; knees between the
 * probes are tried, and the one of least squared relative errors is taken.
 */
function fitCache(points: readonly Point[]): CacheFit {
  const sorted = points.toSorted((left, right) => left.count - right.count);
  const rowOf = ({ count, time }: Point, knee: number): number[] =>
    [1, count, Math.max(0, count - knee)].map((value) => value / time);
  const fitAt = (knee: number): { readonly error: number; readonly fit: CacheFit } | undefined => {
    const isStraight = knee === Number.POSITIVE_INFINITY;
    const rows = sorted.map((point) => rowOf(point, knee).slice(0, isStraight ? 2 : 3));
    const solved = leastSquares(rows);
    if (solved === undefined) return undefined;
    const error = rows.reduce((sum, row) => sum + (dot(row, solved) - 1) ** 2, 0);
    const [, byte = Number.NaN, beyond = Number.NaN] = solved;
    return { error, fit: { byte, knee: isStraight ? Number.NaN : knee, beyond } };
  };
  const straight = fitAt(Number.POSITIVE_INFINITY);
  if (straight === undefined) return { byte: Number.NaN, knee: Number.NaN, beyond: Number.NaN };
  let best = straight;
  // Three probes on either side at least: fewer do not tell a line from noise.
  for (let index = 2; index + 3 < sorted.length; index++) {
    const [from, to] = [at(sorted, index).count, at(sorted, index + 1).count];
    for (let step = 0; step < kneeSteps; step++) {
      const found = fitAt(from * (to / from) ** (step / kneeSteps));
      const isBetter = found !== undefined && found.error < Math.min(best.error, clearKnee * straight.error);
      if (isBetter && found.fit.beyond > 0 && found.fit.byte > 0) best = found;
    }
  }
  return best.fit;
}

/** Gathering takes start + byte * bytes + run * runs. */
function fitGathers(points: readonly GatherPoint[]): { readonly byte: number; readonly run: number } {
  const rows = points.map(({ bytes, runs, time }) => [1 / time, bytes / time, runs / time]);
  const [, byte = Number.NaN, run = Number.NaN] = leastSquares(rows) ?? [];
  return { byte, run };
}

/** x of least |rows · x - 1|², from the normal equations of columns brought to length 1; undefined if nothing tells them apart. */
function leastSquares(rows: readonly (readonly number[])[]): readonly number[] | undefined {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => at(row, column)));
  const lengths = columns.map((column) => Math.hypot(...column));
  const unit = columns.map((column, index) => column.map((value) => value / at(lengths, index)));
  const products = unit.flatMap((column) => unit.map((other) => dot(column, other)));
  const factor = cholesky(Float64Array.from(products), width);
  if (factor === undefined || rows.length < width) return undefined;
  const right = Float64Array.from(unit, (column) => column.reduce((sum, value) => sum + value, 0));
  return [...solveCholesky(factor, width, right, 1)].map((value, index) => value / at(lengths, index));
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * at(right, index), 0);
}

import { assert, at } from '../../support/assert.js';
import { mean, type SampleTimes } from '../measure.js';

/** One graph against another, run in turns on the same samples. */
export interface Paired {
  /** Mean microseconds of a run of the graph, and of the one that it is compared with. */
  readonly microseconds: number;
  readonly base: number;
  /** The first over the second: below 1 it is faster. */
  readonly ratio: number;
  /** What the ratio is below with about 97.5 % probability. */
  readonly upper: number;
}

/**
 * Standard errors that a mean of 2, 3, … differences is off by with 2.5 % probability on one side: quantiles of Student's t
 * with 1, 2, … degrees of freedom. For more than are listed the last one is a little too wide.
 */
const confidence: readonly number[] = [
  ...[12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12],
  ...[2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042, 2.04],
];

/**
 * Compares times sample by sample: what makes one sample slower than another, such as gates that need more of it, is in
 * both times and does not blur the difference.
 */
export function paired(own: SampleTimes, base: SampleTimes): Paired {
  assert(own.length === base.length && own.length > 0, 'times of the same samples');
  const [microseconds, reference] = [mean(own), mean(base)];
  const differences = own.map((time, index) => time - at(base, index));
  const center = microseconds - reference;
  const variance = differences.reduce((sum, value) => sum + (value - center) ** 2, 0) / Math.max(1, own.length - 1);
  const ratio = microseconds / reference;
  const error = Math.sqrt(variance / own.length) / reference;
  // One sample has no spread to judge by: then nothing is sure.
  if (own.length === 1) return { microseconds, base: reference, ratio, upper: Infinity };
  const errors = at(confidence, Math.min(own.length - 1, confidence.length) - 1);
  return { microseconds, base: reference, ratio, upper: ratio + errors * error };
}

/** What is written in place of masks takes at most this part of their time, with all that measuring may be off by. */
const clearRatio = 0.99;

/** True if a graph is so much faster than another one that it is worth being written instead. */
export function isClearlyFaster({ upper }: Pick<Paired, 'upper'>): boolean {
  return upper < clearRatio;
}

/** True if a graph seems to be clearly faster than another one, but may well not be. */
export function isUndecided(times: Pick<Paired, 'ratio' | 'upper'>): boolean {
  return times.ratio < clearRatio && !isClearlyFaster(times);
}

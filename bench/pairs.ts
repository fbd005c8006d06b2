import { median } from '../src/compiler/measure.js';
import type { Session, Tensors } from '../src/runtime/types.js';
import { at } from '../src/support/assert.js';

/** Two models timed against each other: pairs of runs, one right behind the other, so that what else the machine does hits both. */

export type Pair<T> = readonly [own: T, peer: T];

/** One run: by the clock, and of the processor in all threads, both in milliseconds. */
export interface Run {
  readonly milliseconds: number;
  readonly processor: number;
}

/** The middle half of a list, and its middle. */
export type Quantiles = readonly [low: number, middle: number, high: number];

const warmUpPairs = 10;
const fewestPairs = 20;

/** Runs of both for about `seconds`; who goes first changes from pair to pair, and the samples go round. */
export async function timeInTurns(
  sessions: Pair<Session>,
  feeds: Pair<readonly Tensors[]>,
  seconds: number,
): Promise<Pair<Run>[]> {
  const timed = async (index: number, pair: number): Promise<Run> => {
    const samples = at(feeds, index);
    const sample = at(samples, Math.floor(pair / 2) % samples.length);
    const before = process.cpuUsage();
    const start = performance.now();
    await at(sessions, index).run(sample);
    const milliseconds = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    return { milliseconds, processor: (user + system) / 1000 };
  };
  const pairs: Pair<Run>[] = [];
  const end = performance.now() + seconds * 1000;
  for (let pair = 0; pair < warmUpPairs + fewestPairs || performance.now() < end; pair++) {
    const first = await timed(pair % 2, pair);
    const second = await timed(1 - (pair % 2), pair);
    if (pair >= warmUpPairs) pairs.push(pair % 2 === 0 ? [first, second] : [second, first]);
  }
  return pairs;
}

/** Own time in parts of the peer's, pair by pair. */
export function ratiosOf(pairs: readonly Pair<Run>[], of: keyof Run): Quantiles {
  return quantilesOf(pairs.map(([own, peer]) => own[of] / peer[of]));
}

function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((left, right) => left - right);
  const quantile = (part: number): number => at(sorted, Math.floor(part * (sorted.length - 1)));
  return [quantile(0.25), median(sorted), quantile(0.75)];
}

export function formatRatio([low, middle, high]: Quantiles): string {
  return `${middle.toFixed(3)}x (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

/** Largest difference of two lists of numbers, and the largest expected number. */
export function differenceOf(
  actual: Float32Array,
  expected: Float32Array,
): { readonly difference: number; readonly scale: number } {
  let [difference, scale] = [0, 0];
  for (const [index, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(at(actual, index) - value));
    scale = Math.max(scale, Math.abs(value));
  }
  return { difference, scale };
}

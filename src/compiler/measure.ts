import type { Session, Tensors } from '../runtime/types.js';
import { at } from '../support/assert.js';
import { throwIfAborted } from '../support/errors.js';
import { type Random, shuffled } from '../support/random.js';

/** For about how long each session is measured, in milliseconds. */
const usualTime = 200;
const warmUpRounds = 5;
/** Runs of each sample at least: the median of three forgives one interruption. */
const fewestRuns = 3;
/** Samples at least, however long a run takes: gates need much work for some and little for others. */
const fewestSamples = 8;

/** Microseconds of a run of one session: for every sample the median of its runs, or another summary of them. */
export type SampleTimes = readonly number[];

export interface TimingOptions {
  readonly signal?: AbortSignal | undefined;
  /** For about how long each session is measured. */
  readonly milliseconds?: number;
  /** What stands for all runs of a sample; the median if not given. */
  readonly summary?: (times: readonly number[]) => number;
}

/**
 * Times sessions against one another. They take turns, one run each on the same sample, so that whatever else the machine
 * does hits all alike; then comes the next sample. Of slow models fewer samples are run, evenly from all, the same for every
 * session.
 */
export async function timeSamples(
  sessions: readonly Session[],
  samples: readonly Tensors[],
  { signal, milliseconds = usualTime, summary = median }: TimingOptions = {},
): Promise<readonly SampleTimes[]> {
  const round = roundsOf(sessions);
  const start = performance.now();
  for (let warmUp = 0; warmUp < warmUpRounds; warmUp++) {
    throwIfAborted(signal);
    await round(at(samples, warmUp % samples.length));
  }
  const total = milliseconds * sessions.length;
  const affordable = Math.floor((total * warmUpRounds) / (performance.now() - start) / fewestRuns);
  const used = evenly(samples, Math.max(fewestSamples, affordable));
  const runs = sessions.map(() => used.map((): number[] => []));
  const end = performance.now() + total;
  for (let pass = 0; pass < fewestRuns || performance.now() < end; pass++) {
    for (const [sample, feeds] of used.entries()) {
      throwIfAborted(signal);
      const times = await round(feeds);
      for (const [session, time] of times.entries()) runs[session]?.[sample]?.push(time);
    }
  }
  return runs.map((own) => own.map(summary));
}

/** The mean over the samples of the median time of a run of each session, in microseconds. */
export async function measure(
  sessions: readonly Session[],
  samples: readonly Tensors[],
  signal?: AbortSignal,
  milliseconds = usualTime,
): Promise<number[]> {
  return (await timeSamples(sessions, samples, { signal, milliseconds })).map(mean);
}

export interface RoundOptions {
  readonly signal?: AbortSignal | undefined;
  /** So many rounds, however long they take; by default as many as `milliseconds` have room for, and a few at least. */
  readonly rounds?: number | undefined;
  /** For about how long to go round. */
  readonly milliseconds: number;
  /** Orders the sessions anew in every round. */
  readonly random: Random;
  /** Called now and then with the part that is done. */
  readonly onRound?: ((part: number) => void) | undefined;
}

/** Fewer rounds tell nothing of how times scatter. */
const fewestRounds = 10;
/** The engine's first runs are slower; processors raise their clock with work. */
const warmUpMilliseconds = 300;

/**
 * Microseconds of every run of each session: in each round all run once on the same sample, in random order, so that
 * whatever else the machine does hits all alike. Element `r` of each list is of the same round.
 */
export async function timeRounds(
  sessions: readonly Session[],
  samples: readonly Tensors[],
  { signal, rounds, milliseconds, random, onRound }: RoundOptions,
): Promise<readonly (readonly number[])[]> {
  const round = async (index: number): Promise<number[]> => {
    const times = sessions.map(() => 0);
    for (const own of shuffled([...sessions.keys()], random)) {
      throwIfAborted(signal);
      times[own] = await timeOf(at(sessions, own), at(samples, index % samples.length));
    }
    return times;
  };
  const warm = performance.now() + Math.min(warmUpMilliseconds, milliseconds) * sessions.length;
  for (let index = 0; index < warmUpRounds || performance.now() < warm; index++) await round(index);
  const start = performance.now();
  const runs = sessions.map((): number[] => []);
  const isDone = (count: number): boolean =>
    rounds === undefined ? count >= fewestRounds && performance.now() - start >= milliseconds : count >= rounds;
  for (let count = 0; !isDone(count); count++) {
    for (const [session, time] of (await round(count)).entries()) runs[session]?.push(time);
    const done = count + 1;
    onRound?.(Math.min(1, rounds === undefined ? (performance.now() - start) / milliseconds : done / rounds));
  }
  return runs;
}

/** Microseconds of one run. */
async function timeOf(session: Session, feeds: Tensors): Promise<number> {
  const start = performance.now();
  await session.run(feeds);
  return (performance.now() - start) * 1000;
}

/** Runs every session once on the same feeds and returns what each took. */
function roundsOf(sessions: readonly Session[]): (feeds: Tensors) => Promise<number[]> {
  let round = 0;
  // Who comes first and who follows whom changes from round to round: a run finds the caches as the one before left them.
  const steps = Array.from({ length: sessions.length }, (_, step) => step + 1).filter((step) =>
    isCoprime(step, sessions.length),
  );
  return async (feeds) => {
    const times = sessions.map(() => 0);
    const step = at(steps, Math.floor(round / sessions.length) % steps.length);
    for (const turn of sessions.keys()) {
      const index = (turn * step + round) % sessions.length;
      times[index] = await timeOf(at(sessions, index), feeds);
    }
    round++;
    return times;
  };
}

/** True if stepping by `step` visits all of `count` places. */
function isCoprime(step: number, count: number): boolean {
  return count % step === 0 ? step === 1 : isCoprime(count % step, step);
}

/** At most `count` of a list, evenly from all of it. */
function evenly<T>(list: readonly T[], count: number): readonly T[] {
  if (count >= list.length) return list;
  return Array.from({ length: count }, (_, index) => at(list, Math.floor((index * list.length) / count)));
}

/** The time that so large a part of all is below. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return at(sorted, Math.min(sorted.length - 1, Math.floor(part * sorted.length)));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

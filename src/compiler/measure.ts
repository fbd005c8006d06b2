import type { Session, Tensors } from '../runtime/types.js';
import { at } from '../support/assert.js';
import { throwIfAborted } from '../support/errors.js';

/** Runs of each model before counting starts, and for about how long each is measured, in milliseconds. */
const warmUpRuns = 10;
const budget = 200;
const fewestRuns = 30;

/**
 * Median time of a run of each session, in microseconds. Sessions take turns, one run each, so that whatever else the
 * machine does hits all alike; the samples go round, so that gates see different inputs. `milliseconds` is for how long
 * each is measured.
 */
export async function measure(
  sessions: readonly Session[],
  samples: readonly Tensors[],
  signal?: AbortSignal,
  milliseconds = budget,
): Promise<number[]> {
  const times: number[][] = sessions.map(() => []);
  let run = 0;
  // Who comes first and who follows whom changes from round to round: a run finds the caches as the one before left them.
  const steps = Array.from({ length: sessions.length }, (_, step) => step + 1).filter((step) =>
    isCoprime(step, sessions.length),
  );
  const round = async (): Promise<void> => {
    const feeds = at(samples, run % samples.length);
    const step = at(steps, Math.floor(run / sessions.length) % steps.length);
    for (const turn of sessions.keys()) {
      const index = (turn * step + run) % sessions.length;
      const session = at(sessions, index);
      const start = performance.now();
      await session.run(feeds);
      times[index]?.push((performance.now() - start) * 1000);
    }
    run++;
  };
  for (let warmUp = 0; warmUp < warmUpRuns; warmUp++) await round();
  for (const list of times) list.length = 0;
  const end = performance.now() + milliseconds * sessions.length;
  for (let done = 0; done < fewestRuns || performance.now() < end; done++) {
    throwIfAborted(signal);
    await round();
  }
  return times.map(median);
}

/** True if stepping by `step` visits all of `count` places. */
function isCoprime(step: number, count: number): boolean {
  return count % step === 0 ? step === 1 : isCoprime(count % step, step);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

import { median } from '../../src/compiler/measure.js';
import type { Runtime, Session, Tensors } from '../../src/runtime/types.js';
import { at } from '../../src/support/assert.js';

/**
 * Graphs timed against one another in one process. They take turns, one run each, on the same sample; then comes the next
 * sample, and another goes first. So whatever else the machine does hits all alike, gates see other inputs from run to
 * run, and the weights that a graph reads were pushed out of the inner caches by those of the others meanwhile, as by the
 * rest of a large network. Caches that hold all graphs at once, as the last level of a server does, stay warm for all.
 */

/** A graph to time, and its samples: as many as the others have. */
export interface Contestant {
  readonly model: Uint8Array;
  readonly feeds: readonly Tensors[];
  /** The outputs that are wanted; all by default. What only others need is computed all the same. */
  readonly fetches?: readonly string[];
}

/** What a run is timed by: the clock, or the time that this process had a processor, which other programs do not add to. */
export const clocks = ['wall', 'processor'] as const;
export type Clock = (typeof clocks)[number];

export interface Timing {
  /** For about how long each graph is run. */
  readonly milliseconds: number;
  readonly clock: Clock;
}

const warmUpRounds = 2;
const fewestRounds = 5;

/**
 * Microseconds of a run of each. Every time is taken relative to that of the first contestant in the same turn, since other
 * programs slow the machine down for longer than a turn; of each sample the median, of these the mean, and that times the
 * median of the first. A median over all samples would tell nothing of gates that need much work for some and little
 * for others: let the first be one that does the same for all.
 */
export async function timesOf(
  contestants: readonly Contestant[],
  runtime: Runtime,
  timing: Timing,
): Promise<readonly number[]> {
  const sessions: Session[] = [];
  try {
    for (const { model } of contestants) sessions.push(await runtime.load(model));
    return await timeSessions(contestants, sessions, timing);
  } finally {
    for (const session of sessions) await session.close();
  }
}

async function timeSessions(
  contestants: readonly Contestant[],
  sessions: readonly Session[],
  { milliseconds, clock }: Timing,
): Promise<readonly number[]> {
  const { now, idle } = clockOf(clock);
  const count = at(contestants, 0).feeds.length;
  const runs = Array.from({ length: count }, (): number[][] => []);
  const round = async (number: number): Promise<void> => {
    for (let sample = 0; sample < count; sample++) {
      const times = contestants.map(() => 0);
      for (const turn of sessions.keys()) {
        // Forwards and backwards, so that not always the same one comes behind the largest.
        const place = number % 2 === 0 ? turn : sessions.length - 1 - turn;
        const index = (place + sample + number) % sessions.length;
        const session = at(sessions, index);
        const { feeds, fetches = session.outputs } = at(contestants, index);
        const sampleFeeds = at(feeds, sample);
        const start = now();
        await session.run(sampleFeeds, fetches);
        times[index] = Math.max(0, now() - start - idle);
      }
      at(runs, sample).push(times);
    }
  };
  for (let warmUp = 0; warmUp < warmUpRounds; warmUp++) await round(warmUp);
  for (const list of runs) list.length = 0;
  const end = performance.now() + milliseconds * contestants.length;
  for (let number = 0; number < fewestRounds || performance.now() < end; number++) await round(number);
  const first = median(runs.flat().map((times) => at(times, 0)));
  return contestants.map((_, index) => {
    const relative = runs.map((turns) => median(turns.map((times) => at(times, index) / at(times, 0))));
    return (first * relative.reduce((sum, ratio) => sum + ratio, 0)) / count;
  });
}

/** Microseconds from some point in time on, and how many of them it takes to ask. */
function clockOf(clock: Clock): { readonly now: () => number; readonly idle: number } {
  if (clock === 'wall') return { now: () => performance.now() * 1000, idle: 0 };
  const now = (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  const asked = Array.from({ length: 101 }, () => -now() + now());
  return { now, idle: median(asked) };
}

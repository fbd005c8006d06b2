import type { Progress } from '../compiler/options.js';
import { cut } from '../report/layout.js';
import type { Terminal } from './terminal.js';

const labels: Readonly<Record<Progress['stage'], string>> = {
  import: 'reading the model',
  prepare: 'preparing',
  profile: 'profiling gates',
  optimize: 'optimizing',
  rank: 'ranking units',
  prune: 'removing within the budget',
  verify: 'verifying',
  plan: 'measuring plans',
  measure: 'measuring',
  write: 'writing',
};

/** Time as progress sees it; in tests another one. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls `tick` now and then until the function that it returns is called. */
  every(milliseconds: number, tick: () => void): () => void;
}

const realClock: Clock = {
  now: () => performance.now(),
  every: (milliseconds, tick) => {
    const timer = setInterval(tick, milliseconds);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Milliseconds between two updates of the line on a screen, at least. */
const liveInterval = 80;
/** Work that takes less says nothing in a log. */
const quietTime = 10_000;
/** Milliseconds between two lines of a log, at least: for a stage that goes on, and for stages that begin. */
const logInterval = 30_000;
const stageInterval = 2_000;
/** Before so many milliseconds of a stage nothing is said of what is left. */
const leastForEstimate = 2_000;

/**
 * Shows how far `work` is, where errors go: on a screen on one line, which is gone when the work ends, however it ends; in
 * a log in lines, rarely.
 */
export async function withProgress<T>(
  terminal: Terminal,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
  clock: Clock = realClock,
): Promise<T> {
  if (terminal.showsProgress) return onScreen(terminal, work, clock);
  if (terminal.logsProgress) return inLog(terminal, work, clock);
  return work(() => {});
}

/** Moves to the start of the line and clears it. */
const clearLine = '\r\u001b[2K';

async function onScreen<T>(
  terminal: Terminal,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
  clock: Clock,
): Promise<T> {
  const stages = new Stages(clock);
  let drawn = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    if (stages.progress === undefined || terminal.signal.aborted) return;
    drawn = clock.now();
    // One cell stays free: text in the last one makes some terminals begin a new line.
    const width = Math.min(terminal.columns, widestLine) - 1;
    terminal.err(`${clearLine}${cut(stages.text(width), width)}`);
  };
  // The last that is drawn: who does not wait and interrupts again finds the cursor on a line of its own.
  const say = (): void => terminal.err(`${clearLine}stopping … (Ctrl-C again ends at once)\n`);
  const stop = clock.every(liveInterval, draw);
  terminal.signal.addEventListener('abort', say);
  try {
    return await work((progress) => {
      const isNew = stages.see(progress);
      if (isNew || clock.now() - drawn >= liveInterval) draw();
    });
  } finally {
    stop();
    terminal.signal.removeEventListener('abort', say);
    if (!terminal.signal.aborted) terminal.err(clearLine);
  }
}

/** A longer line is hard to take in. */
const widestLine = 100;

async function inLog<T>(
  terminal: Terminal,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
  clock: Clock,
): Promise<T> {
  const stages = new Stages(clock);
  let told: { readonly stage: Progress['stage']; readonly at: number } | undefined;
  const tell = (): void => {
    const { progress } = stages;
    if (progress === undefined || stages.elapsed < quietTime) return;
    const since = told === undefined ? Number.POSITIVE_INFINITY : clock.now() - told.at;
    if (since < (told?.stage === progress.stage ? logInterval : stageInterval)) return;
    told = { stage: progress.stage, at: clock.now() };
    terminal.err(`[${timeText(stages.elapsed)}] ${stages.plainText()}\n`);
  };
  const stop = clock.every(1000, tell);
  try {
    return await work((progress) => {
      stages.see(progress);
      tell();
    });
  } finally {
    stop();
  }
}

/** Where the work is. */
class Stages {
  readonly #clock: Clock;
  readonly #start: number;
  #stageStart = 0;
  progress: Progress | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#start = clock.now();
  }

  /** Milliseconds since the work began. */
  get elapsed(): number {
    return this.#clock.now() - this.#start;
  }

  /** Takes note, and returns true for the first of a stage. */
  see(progress: Progress): boolean {
    const isNew = progress.stage !== this.progress?.stage;
    // Some stages begin again, for another target.
    const before = this.progress?.done ?? 0;
    if (isNew || (progress.done ?? 0) < before) this.#stageStart = this.#clock.now();
    this.progress = progress;
    return isNew;
  }

  /** Such as `profiling gates ━━━━━╸──────  640/10000  3 s, 12 s left`. */
  text(width: number): string {
    if (this.progress === undefined) return '';
    const { stage, done, total } = this.progress;
    const elapsed = timeText(this.elapsed);
    if (done === undefined) return `${labels[stage]} …  ${elapsed}`;
    if (total === undefined || total === 0) return `${labels[stage]}  ${done}  ${elapsed}`;
    const left = this.#left(done, total);
    const tail = `${done}/${total}  ${elapsed}${left}`;
    const room = width - labels[stage].length - tail.length - 4;
    const cells = Math.min(longestBar, room);
    return cells < shortestBar
      ? `${labels[stage]}  ${tail}`
      : `${labels[stage]}  ${bar(Math.min(1, done / total), cells)}  ${tail}`;
  }

  /** Such as `profiling gates: 640 of 10000 (6 %)`. */
  plainText(): string {
    if (this.progress === undefined) return '';
    const { stage, done, total } = this.progress;
    if (done === undefined || done === 0) return labels[stage];
    if (total === undefined || total === 0) return `${labels[stage]}: ${done}`;
    return `${labels[stage]}: ${done} of ${total} (${Math.floor((100 * done) / total)} %)${this.#left(done, total)}`;
  }

  /** As long as it took so far for what is done. */
  #left(done: number, total: number): string {
    const spent = this.#clock.now() - this.#stageStart;
    if (done <= 0 || done >= total || spent < leastForEstimate) return '';
    return `, ${timeText((spent * (total - done)) / done)} left`;
  }
}

const longestBar = 24;
const shortestBar = 8;

/** Cells of which a part is filled. */
function bar(part: number, cells: number): string {
  const halves = Math.round(2 * cells * part);
  const full = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? '╸' : '';
  return `${'━'.repeat(full)}${half}${'─'.repeat(cells - full - half.length)}`;
}

/** `8 s`, `2 min 5 s`, `1 h 12 min`. */
function timeText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (part: number) => void;
  /** A clock in milliseconds; by default that of the page. */
  readonly now?: () => number;
}

export interface Measured {
  /** Milliseconds of a run, by the order of the runs. */
  readonly medians: readonly number[];
  /** Timings of each run, and how many runs a timing is of. */
  readonly rounds: number;
  readonly repeats: number;
}

/** Times runs in turns. @throws the reason of the signal. */
export function measure(runs: readonly (() => Promise<unknown>)[], options: MeasureOptions): Promise<Measured>;

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number;

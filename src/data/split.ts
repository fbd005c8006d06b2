import { takeAlongAxis } from '../ir/slices.js';
import { seededRandom } from '../support/random.js';
import type { Batch, BatchOptions, Calibration } from './types.js';

/** Samples to choose by, and others to judge the choice by. */
export interface Split {
  readonly ranking: Calibration;
  readonly heldOut: Calibration;
}

export interface SplitOptions {
  /** The same seed makes the same split. */
  readonly seed: number;
  /** Only the first so many samples are split. */
  readonly limit?: number | undefined;
  /** The model takes batches of one size only: whole batches are dealt out, as they cannot be cut. */
  readonly wholeBatches?: boolean;
}

type Half = 0 | 1;

/**
 * Deals samples out to two halves: of every two consecutive samples one goes to each, by a seeded coin, so that both halves
 * see all of the data however they are sorted, and no period in them falls together with the split.
 */
export function splitCalibration(data: Calibration, options: SplitOptions): Split {
  return { ranking: new HalfCalibration(data, options, 0), heldOut: new HalfCalibration(data, options, 1) };
}

class HalfCalibration implements Calibration {
  readonly labelled: boolean;
  readonly #data: Calibration;
  readonly #options: SplitOptions;
  readonly #half: Half;

  constructor(data: Calibration, options: SplitOptions, half: Half) {
    this.labelled = data.labelled;
    this.#data = data;
    this.#options = options;
    this.#half = half;
  }

  /** With whole batches, whose size only the data know, about so many. */
  get count(): number {
    const all = Math.min(this.#data.count, this.#options.limit ?? Number.POSITIVE_INFINITY);
    const last = all % 2 === 1 && halfOf(all - 1, this.#options.seed) === this.#half ? 1 : 0;
    return Math.floor(all / 2) + last;
  }

  /** As {@link Calibration.batches}; `pad` is not heeded. */
  async *batches(batchSize: number, options: BatchOptions = {}): AsyncGenerator<Batch> {
    const { seed, limit = Number.POSITIVE_INFINITY, wholeBatches = false } = this.#options;
    const wanted = options.limit ?? Number.POSITIVE_INFINITY;
    let start = 0;
    let number = 0;
    let given = 0;
    const size = wholeBatches ? batchSize : 2 * batchSize;
    const { signal } = options;
    for await (const batch of this.#data.batches(size, limit < Infinity ? { signal, limit } : { signal })) {
      const isOwn = (position: number): boolean => halfOf(position, seed) === this.#half;
      const part = wholeBatches ? (isOwn(number) ? batch : undefined) : this.#rowsOf(batch, start, wanted - given);
      start += batch.samples;
      number++;
      if (part === undefined) continue;
      given += part.samples;
      yield part;
      if (given >= wanted) return;
    }
  }

  /** The samples of a batch, which begins at sample `start`, that belong to this half: at most `most`. */
  #rowsOf(batch: Batch, start: number, most: number): Batch | undefined {
    const rows: number[] = [];
    for (let row = 0; row < batch.samples && rows.length < most; row++) {
      if (halfOf(start + row, this.#options.seed) === this.#half) rows.push(row);
    }
    if (rows.length === 0) return undefined;
    const feeds = Object.fromEntries(
      Object.entries(batch.feeds).map(([name, tensor]) => [name, takeAlongAxis(tensor, 0, rows)]),
    );
    const labels = batch.labels === undefined ? undefined : takeAlongAxis(batch.labels, 0, rows);
    return { feeds, samples: rows.length, ...(labels === undefined ? {} : { labels }) };
  }
}

/** Which half gets what stands at `position`: the coin of its pair says whether the first or the second. */
function halfOf(position: number, seed: number): Half {
  const coin = seededRandom(seed + Math.floor(position / 2)).uniform() < 0.5 ? 0 : 1;
  return (position + coin) % 2 === 0 ? 0 : 1;
}

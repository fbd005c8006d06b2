import type { Tensor } from '../ir/tensor.js';
import { areNamed, type Labels, type Part, type RowArray } from './array.js';
import { spanOf } from './tables/chunked-array.js';

/** Files that are open at a time: more are closed again, and opened when they are read. */
const mostOpen = 16;

/** The files of one or more inputs, one behind the other, as if they were one. */
export class Series {
  readonly count: number;
  readonly inputs: readonly string[];
  readonly parts: readonly Part[];
  readonly #spans: readonly { readonly first: number; readonly count: number }[];
  /** Parts in the order of their last use. */
  readonly #used = new Set<Part>();

  constructor(inputs: readonly string[], parts: readonly Part[]) {
    let first = 0;
    this.inputs = inputs;
    // Empty files are no place that a sample could be in.
    this.parts = parts.filter(({ count }) => count > 0);
    this.#spans = this.parts.map(({ count }) => {
      first += count;
      return { first: first - count, count };
    });
    this.count = first;
  }

  /** The file with a sample, and which one of it that is. */
  find(sample: number): { readonly part: Part; readonly row: number; readonly left: number } {
    const index = spanOf(this.#spans, sample);
    const [part, span] = [this.parts[index], this.#spans[index]];
    if (part === undefined || span === undefined) throw new Error(`internal error: no sample ${sample}`);
    const row = sample - span.first;
    return { part, row, left: span.count - row };
  }

  /** Rows of an array of a part. */
  async rows(part: Part, array: RowArray, start: number, count: number): Promise<Tensor> {
    this.#used.delete(part);
    this.#used.add(part);
    const rows = await array.rows(start, count);
    for (const oldest of this.#used) {
      if (this.#used.size <= mostOpen) break;
      this.#used.delete(oldest);
      await oldest.release();
    }
    return rows;
  }

  async release(): Promise<void> {
    const parts = [...this.#used];
    this.#used.clear();
    for (const part of parts) await part.release();
  }
}

/** The names of all classes among labels that are names. */
export function classesOf(labels: readonly Labels[]): Set<string> {
  return new Set(labels.flatMap((own) => (areNamed(own) ? own.classes : [])));
}

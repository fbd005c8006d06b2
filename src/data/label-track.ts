import { Tensor } from '../ir/tensor.js';
import { areNamed, type Labels, labelCount } from './array.js';
import { convertLabels } from './convert.js';
import { classesOf } from './series.js';
import { spanOf } from './tables/chunked-array.js';
import { inCodeUnitOrder } from './tables/class-names.js';

/** Labels of consecutive samples. */
export interface LabelSegment {
  readonly where: string;
  readonly labels: Labels;
  release(): Promise<void>;
}

/** The labels of all samples, one segment behind the other. Names are numbered in code unit order, over all segments. */
export class LabelTrack {
  readonly count: number;
  readonly classes: readonly string[];
  readonly #segments: readonly LabelSegment[];
  readonly #spans: readonly { readonly first: number; readonly count: number }[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(segments: readonly LabelSegment[]) {
    let first = 0;
    this.#segments = segments.filter(({ labels }) => labelCount(labels) > 0);
    this.#spans = this.#segments.map(({ labels }) => {
      first += labelCount(labels);
      return { first: first - labelCount(labels), count: labelCount(labels) };
    });
    this.count = first;
    this.classes = inCodeUnitOrder(classesOf(segments.map(({ labels }) => labels)));
    this.#numbers = new Map(this.classes.map((name, index) => [name, index]));
  }

  /** The class numbers of samples, in the order in which they are given. */
  async read(samples: ArrayLike<number>): Promise<Tensor<'int64'>> {
    const result = new BigInt64Array(samples.length);
    for (let at = 0; at < samples.length; ) {
      const sample = samples[at] ?? 0;
      const index = spanOf(this.#spans, sample);
      const [segment, span] = [this.#segments[index], this.#spans[index]];
      if (segment === undefined || span === undefined) throw new Error(`internal error: no label of sample ${sample}`);
      const row = sample - span.first;
      let count = 1;
      while (at + count < samples.length && samples[at + count] === sample + count && row + count < span.count) count++;
      result.set(await this.#rows(segment, row, count), at);
      at += count;
    }
    return new Tensor('int64', [samples.length], result);
  }

  async #rows({ labels, where }: LabelSegment, start: number, count: number): Promise<BigInt64Array> {
    if (!areNamed(labels)) return convertLabels(await labels.rows(start, count), where, start).data;
    return BigInt64Array.from(labels.rows.subarray(start, start + count), (index) => {
      return BigInt(this.#numbers.get(labels.classes[index] ?? '') ?? -1);
    });
  }

  async release(): Promise<void> {
    for (const segment of this.#segments) await segment.release();
  }
}

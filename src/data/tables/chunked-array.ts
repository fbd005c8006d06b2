import { Tensor } from '../../ir/tensor.js';
import { type ElementArrays, type ElementType, elementTypes, sizeOf } from '../../ir/types.js';
import type { RowArray } from '../array.js';

/** Consecutive rows that are read together. */
export interface RowSpan {
  readonly first: number;
  readonly count: number;
}

/** An array whose rows are decoded in chunks: lines of text, groups of rows. */
export class ChunkedArray<T extends ElementType = ElementType> implements RowArray {
  readonly type: T;
  readonly dims: readonly number[];
  readonly #spans: readonly RowSpan[];
  readonly #load: (chunk: number) => Promise<ElementArrays[T]>;
  readonly locate?: (row: number, element: number) => string;

  /** `load` gives all elements of a chunk; `inner` is the shape of a row. */
  constructor(
    type: T,
    inner: readonly number[],
    spans: readonly RowSpan[],
    load: (chunk: number) => Promise<ElementArrays[T]>,
    locate?: (row: number, element: number) => string,
  ) {
    const last = spans.at(-1);
    this.type = type;
    this.dims = [last === undefined ? 0 : last.first + last.count, ...inner];
    this.#spans = spans;
    this.#load = load;
    if (locate !== undefined) this.locate = locate;
  }

  async rows(start: number, count: number): Promise<Tensor<T>> {
    const inner = this.dims.slice(1);
    const width = sizeOf(inner);
    const result = new elementTypes[this.type].array(count * width);
    for (let chunk = spanOf(this.#spans, start), row = start; row < start + count; chunk++) {
      const span = this.#spans[chunk] ?? { first: row, count: 0 };
      const end = Math.min(start + count, span.first + span.count);
      copyInto(result, await this.#load(chunk), (row - start) * width, (row - span.first) * width, (end - row) * width);
      row = end;
    }
    return new Tensor(this.type, [count, ...inner], result);
  }
}

function copyInto<T extends ElementType>(
  target: ElementArrays[T],
  source: ElementArrays[T],
  at: number,
  start: number,
  count: number,
): void {
  const [to, from] = [bytesIn(target), bytesIn(source)];
  const width = target.BYTES_PER_ELEMENT;
  to.set(from.subarray(start * width, (start + count) * width), at * width);
}

function bytesIn(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The span that has a row. */
export function spanOf(spans: readonly RowSpan[], row: number): number {
  let [low, high] = [0, spans.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((spans[middle]?.first ?? 0) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

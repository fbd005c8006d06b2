import type { RowArray } from '../array.js';
import { ChunkedArray, type RowSpan } from '../tables/chunked-array.js';
import type { TextType } from './cells.js';

export type TextNumbers = Float64Array | BigInt64Array | BigUint64Array;

/** Numbers that were read as `type`, in its storage. */
export function textNumbers(type: TextType, values: readonly (number | bigint)[]): TextNumbers {
  if (type === 'float64') return Float64Array.from(values, Number);
  return type === 'int64' ? BigInt64Array.from(values, BigInt) : BigUint64Array.from(values, BigInt);
}

/** So many numbers that were read as `type`, all zero. */
export function emptyNumbers(type: TextType, count: number): TextNumbers {
  if (type === 'float64') return new Float64Array(count);
  return type === 'int64' ? new BigInt64Array(count) : new BigUint64Array(count);
}

/** An array over chunks of text, whose `load` gives {@link textNumbers} of the same type. */
export function textArray(
  type: TextType,
  inner: readonly number[],
  spans: readonly RowSpan[],
  load: (chunk: number) => Promise<TextNumbers>,
  locate: (row: number, element: number) => string,
): RowArray {
  const of = <N extends TextNumbers>(isOwn: (numbers: TextNumbers) => numbers is N) => {
    return async (chunk: number): Promise<N> => {
      const numbers = await load(chunk);
      if (!isOwn(numbers)) throw new Error(`internal error: text was not read as ${type}`);
      return numbers;
    };
  };
  if (type === 'float64') {
    const own = of((numbers): numbers is Float64Array => numbers instanceof Float64Array);
    return new ChunkedArray('float64', inner, spans, own, locate);
  }
  if (type === 'int64') {
    const own = of((numbers): numbers is BigInt64Array => numbers instanceof BigInt64Array);
    return new ChunkedArray('int64', inner, spans, own, locate);
  }
  const own = of((numbers): numbers is BigUint64Array => numbers instanceof BigUint64Array);
  return new ChunkedArray('uint64', inner, spans, own, locate);
}

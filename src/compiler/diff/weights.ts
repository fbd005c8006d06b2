import type { Tensor } from '../../ir/tensor.js';
import { bytesOf } from '../../ir/tensor.js';
import type { Outline, OutlinedWeight } from '../../onnx/outline.js';
import { element } from '../../runtime/compare.js';
import { throwIfAborted } from '../../support/errors.js';
import type { Pair } from './structure.js';

/** A weight that one model has and the other one has not, or has otherwise. Weights belong together by their names. */
export interface WeightDifference {
  readonly name: string;
  /** Such as `float32[64, 10]`; null where it is not there. */
  readonly before: string | null;
  readonly after: string | null;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Of weights of one shape: how far their elements are apart. Null for others, and for types that swanc does not know. */
  readonly values: ValueDifference | null;
}

/** How far the elements of two weights are apart. */
export interface ValueDifference {
  /** Elements that are not the same. */
  readonly changed: number;
  readonly of: number;
  /** Largest absolute difference; null where it is infinite. */
  readonly maxDifference: number | null;
  /** Root mean square of the change in parts of that of the first; null where that is zero, or it is infinite. */
  readonly relativeChange: number | null;
}

/**
 * The weights that differ; two of each are in memory at a time.
 * @throws SwancError `invalid` for weights that cannot be read, `aborted`.
 */
export function weightDifferences([before, after]: Pair<Outline>, signal: AbortSignal | undefined): WeightDifference[] {
  const [old, now] = [weightsOf(before), weightsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key): WeightDifference[] => {
    throwIfAborted(signal);
    const [own, other] = [old.get(key), now.get(key)];
    const values = own !== undefined && other !== undefined && isAlike(own, other) ? compared(own, other) : null;
    if (values === 'equal') return [];
    return [
      {
        name: (own ?? other)?.name ?? '',
        before: own === undefined ? null : typeOf(own),
        after: other === undefined ? null : typeOf(other),
        bytesBefore: own?.bytes ?? 0,
        bytesAfter: other?.bytes ?? 0,
        values,
      },
    ];
  });
}

/** By name; weights of nested graphs may have the same one, and are told apart by their place among these. */
function weightsOf({ weights }: Outline): ReadonlyMap<string, OutlinedWeight> {
  const found = new Map<string, OutlinedWeight>();
  for (const weight of weights) {
    let key = weight.name;
    for (let place = 2; found.has(key); place++) key = `${weight.name}\n${place}`;
    found.set(key, weight);
  }
  return found;
}

const typeOf = ({ type, dims }: OutlinedWeight): string => `${type}[${dims.join(', ')}]`;

/** Of one shape, and of types that can be compared. */
function isAlike(own: OutlinedWeight, other: OutlinedWeight): boolean {
  const areFloats = own.type.startsWith('float') && other.type.startsWith('float');
  return own.dims.join() === other.dims.join() && (own.type === other.type || areFloats);
}

function compared(own: OutlinedWeight, other: OutlinedWeight): ValueDifference | 'equal' | null {
  const [left, right] = [own.read(), other.read()];
  if (left === undefined || right === undefined) return own.digest() === other.digest() ? 'equal' : null;
  if (left.type === right.type && Buffer.compare(bytesOf(left), bytesOf(right)) === 0) return 'equal';
  return valueDifference(left, right);
}

/** How far the elements of two tensors of one shape are apart. Two that are both NaN are the same. */
export function valueDifference(left: Tensor, right: Tensor): ValueDifference {
  let [changed, most, squares, base] = [0, 0, 0, 0];
  for (let index = 0; index < left.size; index++) {
    const [one, other] = [element(left, index), element(right, index)];
    base += one * one;
    if (Object.is(one, other) || one === other) continue;
    changed++;
    const difference = Math.abs(one - other);
    most = Math.max(most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    squares += difference * difference;
  }
  const relative = Math.sqrt(squares / base);
  return {
    changed,
    of: left.size,
    maxDifference: Number.isFinite(most) ? most : null,
    relativeChange: Number.isFinite(relative) ? relative : null,
  };
}

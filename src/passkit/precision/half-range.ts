import { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import { at } from '../../support/assert.js';
import { halfToNumber, numberToHalf } from '../../support/float16.js';

/** What numbers of float16 (IEEE 754 binary16) there are, and what fits among them. */

/** The largest, and half the distance of 1 from the next number: the most that rounding changes a number by, relatively. */
export const largestHalf = 65504;
export const halfRounding = 2 ** -11;

/** The least that has all digits. */
export const leastNormalHalf = 2 ** -14;

/** How many times larger than all that was seen a number may be that was not. */
const headroom = 4;

/** Tensors without a larger element are mostly below 2^-14, where float16 has ever fewer digits. */
const smallest = 2 ** -10;

/** Why numbers of up to that size do not fit into float16, as a clause about `what`; undefined: they do. */
export function fitsHalf(most: number | undefined, what: string): string | undefined {
  if (most === undefined || most === 0) return undefined;
  if (!(most * headroom <= largestHalf)) {
    return `${what} are as large as ${most.toPrecision(3)}: float16 ends at ${largestHalf}, and ${headroom} times that may come`;
  }
  return most < smallest ? `${what} are all below ${most.toPrecision(2)}: float16 has few digits there` : undefined;
}

/**
 * Why weights do not fit: one becomes infinite, or those of a unit (a slot along `axis`; all of them, without one) change by
 * more in all than float16's rounding of normal numbers comes to, because most are too small. A stray small weight among
 * others of usual size does no harm, even where it becomes zero.
 */
export function fitsWeights(tensor: Tensor, axis: number | undefined): string | undefined {
  const sizes = Float64Array.from(tensor.floats(), Math.abs);
  const largest = sizes.reduce((most, size) => (size < Number.POSITIVE_INFINITY ? Math.max(most, size) : most), 0);
  if (numberToHalf(largest) === numberToHalf(Number.POSITIVE_INFINITY)) {
    return `a weight is as large as ${largest.toPrecision(3)}: float16 ends at ${largestHalf}`;
  }
  const changes = sizes.map((size) => (Number.isFinite(size) ? Math.abs(size - halfToNumber(numberToHalf(size))) : 0));
  const sums =
    axis === undefined ? [{ size: sum(sizes), change: sum(changes) }] : slotSums(tensor.dims, axis, sizes, changes);
  const isPoor = sums.some(({ size, change }) => change > halfRounding * size);
  return isPoor ? 'many weights are too small for float16' : undefined;
}

const sum = (numbers: Float64Array): number => numbers.reduce((total, own) => total + own, 0);

function slotSums(
  dims: readonly number[],
  axis: number,
  sizes: Float64Array,
  changes: Float64Array,
): { size: number; change: number }[] {
  const slots = at(dims, axis);
  const inner = sizeOf(dims.slice(axis + 1));
  const sums = Array.from({ length: slots }, () => ({ size: 0, change: 0 }));
  for (let index = 0; index < sizes.length; index++) {
    const own = at(sums, Math.floor(index / inner) % slots);
    const size = at(sizes, index);
    if (Number.isFinite(size)) own.size += size;
    own.change += at(changes, index);
  }
  return sums;
}

/**
 * The numbers that a tensor becomes in float16; those beyond its range stay, as what they are for is computed in float32.
 */
export function roundedToHalf(tensor: Tensor): Tensor<'float32'> {
  const rounded = Float32Array.from(tensor.floats(), (number) => {
    const half = halfToNumber(numberToHalf(number));
    return Number.isFinite(half) ? half : number;
  });
  return new Tensor('float32', tensor.dims, rounded);
}

/** The same numbers in float16, each rounded to the nearest, ties to even. */
export function toHalf(tensor: Tensor): Tensor<'float16'> {
  return new Tensor('float16', tensor.dims, Uint16Array.from(tensor.floats(), numberToHalf));
}

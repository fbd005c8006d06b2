import { at } from '../support/assert.js';
import { bytesOf, Tensor, tensorFromBytes } from './tensor.js';
import { type ElementType, elementTypes, sizeOf } from './types.js';

/** Slices of tensors: what one index along one axis selects. */

/**
 * A shape seen from one axis: row-major data are `outer` blocks of `size` runs of `inner` elements, and slice k is run k of
 * every block.
 */
interface Extents {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

/** A tensor of rank 0 counts as one slice. */
export function extentsOf(dims: readonly number[], axis: number): Extents {
  return { outer: sizeOf(dims.slice(0, axis)), size: dims[axis] ?? 1, inner: sizeOf(dims.slice(axis + 1)) };
}

/** The slices of `tensor` at `indices` along `axis`, in that order (ONNX `Gather` with constant indices). */
export function takeAlongAxis<T extends ElementType>(
  tensor: Tensor<T>,
  axis: number,
  indices: readonly number[],
): Tensor<T> {
  const { dims, type } = tensor;
  const source = bytesOf(tensor);
  const { outer, size, inner } = extentsOf(dims, axis);
  const bytes = inner * elementTypes[type].bytes;
  const result = new ArrayBuffer(outer * indices.length * bytes);
  const target = new Uint8Array(result);
  let offset = 0;
  for (let block = 0; block < outer; block++) {
    for (const index of indices) {
      const start = (block * size + index) * bytes;
      target.set(source.subarray(start, start + bytes), offset);
      offset += bytes;
    }
  }
  const resultDims = dims.map((dim, position) => (position === axis ? indices.length : dim));
  return new Tensor<T>(type, resultDims, new elementTypes[type].array(result));
}

/** The tensors side by side along `axis`: of one type, and of one shape but for that axis. */
export function joinAlongAxis<T extends ElementType>(tensors: readonly Tensor<T>[], axis: number): Tensor<T> {
  const { type, dims } = at(tensors, 0);
  const { outer } = extentsOf(dims, axis);
  const joined = dims.with(
    axis,
    tensors.reduce((sum, tensor) => sum + at(tensor.dims, axis), 0),
  );
  const result = new ArrayBuffer(sizeOf(joined) * elementTypes[type].bytes);
  const target = new Uint8Array(result);
  let offset = 0;
  const sources = tensors.map(bytesOf);
  for (let block = 0; block < outer; block++) {
    for (const source of sources) {
      const length = source.length / outer;
      target.set(source.subarray(block * length, (block + 1) * length), offset);
      offset += length;
    }
  }
  return new Tensor<T>(type, joined, new elementTypes[type].array(result));
}

/** For every slice along an axis 1 if all its elements are zero, else 0. */
export function zeroSlices({ data, dims }: Tensor, axis: number): Uint8Array {
  const { size, inner } = extentsOf(dims, axis);
  const isZero = new Uint8Array(size).fill(1);
  let left = size;
  for (let start = 0, slot = 0; left > 0 && start < data.length; start += inner, slot = (slot + 1) % size) {
    for (let place = start; isZero[slot] === 1 && place < start + inner; place++) {
      // Elements may be big integers; both kinds of zero are false.
      if (!data[place]) continue;
      isZero[slot] = 0;
      left--;
    }
  }
  return isZero;
}

/** The tensor with zeros in the slices along `axis` of which `isZero` says so. */
export function withZeroSlices(tensor: Tensor, axis: number, isZero: readonly boolean[]): Tensor {
  const { type, dims } = tensor;
  const { size, inner } = extentsOf(dims, axis);
  const run = inner * elementTypes[type].bytes;
  const bytes = bytesOf(tensor).slice();
  // No bits set is the zero of every element type.
  for (let start = 0, slot = 0; start < bytes.length; start += run, slot = (slot + 1) % size) {
    if (isZero[slot] === true) bytes.fill(0, start, start + run);
  }
  return tensorFromBytes(type, dims, bytes);
}

/** The tensor with each slice `from` along `axis` added to the slice `to`, and zeros in its place. */
export function addSlices(
  { dims, data }: Tensor<'float32'>,
  axis: number,
  moves: ReadonlyMap<number, number>,
): Tensor<'float32'> {
  const { size, inner } = extentsOf(dims, axis);
  // Sums of several slices are rounded once.
  const sums = Float64Array.from(data);
  for (let block = 0; block < sums.length; block += size * inner) {
    for (const [from, to] of moves) {
      for (let i = 0; i < inner; i++) {
        const place = block + from * inner + i;
        sums[block + to * inner + i] = at(sums, block + to * inner + i) + at(sums, place);
        sums[place] = 0;
      }
    }
  }
  return Tensor.floats(dims, sums);
}

/** Slices of a tensor as rows of a matrix [slices, other elements]. */
export interface SliceRows {
  readonly rows: Float64Array;
  readonly width: number;
}

/** The slices of a float32 tensor along `axis` as rows; the other elements keep their order. */
export function sliceRows(tensor: Tensor, axis: number): SliceRows {
  const { outer, size, inner } = extentsOf(tensor.dims, axis);
  const width = outer * inner;
  const values = tensor.floats();
  const rows = new Float64Array(size * width);
  for (let block = 0; block < outer; block++) {
    for (let slot = 0; slot < size; slot++) {
      const start = (block * size + slot) * inner;
      rows.set(values.subarray(start, start + inner), slot * width + block * inner);
    }
  }
  return { rows, width };
}

/** The inverse of {@link sliceRows}: a float32 tensor of shape `dims`. */
export function tensorOfRows({ rows, width }: SliceRows, dims: readonly number[], axis: number): Tensor<'float32'> {
  const { outer, size, inner } = extentsOf(dims, axis);
  const values = new Float32Array(sizeOf(dims));
  for (let block = 0; block < outer; block++) {
    for (let slot = 0; slot < size; slot++) {
      const start = slot * width + block * inner;
      values.set(rows.subarray(start, start + inner), (block * size + slot) * inner);
    }
  }
  return new Tensor('float32', dims, values);
}

/**
 * A float32 tensor that something is added to, in the smallest shape that still broadcasts to it: axes along which it
 * varies by no more than rounding become 1. Undefined if it is zero throughout.
 */
export function compactSummand(tensor: Tensor): Tensor | undefined {
  const values = tensor.floats();
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) return undefined;
  // A convolution may sum in another order near a border: a few units in the last place are no difference.
  const rounding = 8 * 2 ** -24 * largest;
  let result = tensor;
  for (const [axis, dim] of tensor.dims.entries()) {
    if (dim === 1) continue;
    const first = takeAlongAxis(result, axis, [0]);
    if (isRepeated(result, first, axis, rounding)) result = first;
  }
  return result;
}

function isRepeated(tensor: Tensor, first: Tensor, axis: number, rounding: number): boolean {
  const dim = at(tensor.dims, axis);
  const expected = first.floats();
  for (let index = 1; index < dim; index++) {
    const slice = takeAlongAxis(tensor, axis, [index]).floats();
    if (slice.some((value, position) => Math.abs(value - at(expected, position)) > rounding)) return false;
  }
  return true;
}

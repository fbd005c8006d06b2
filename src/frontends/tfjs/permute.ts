import { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import { at } from '../../support/assert.js';

/** Gives the elements of a tensor, in row-major order, from element `from` on: as many as `target` has. */
export type ReadElements = (from: number, target: Float32Array) => void;

/**
 * The tensor whose axis i is axis `perm[i]` of one of shape `sourceDims`, which is read piece by piece: no second copy of
 * it is ever in memory, and pieces are small enough to stay in the processor's cache while they are written out.
 */
export function permuteElements(
  sourceDims: readonly number[],
  perm: readonly number[],
  read: ReadElements,
): Tensor<'float32'> {
  const result = new Tensor(
    'float32',
    perm.map((axis) => at(sourceDims, axis)),
    new Float32Array(sizeOf(sourceDims)),
  );
  if (result.size === 0) return result;
  const axes = mergedAxes(sourceDims, perm);
  const order = axes.map(({ source }) => source);
  if (axes.length <= 1) read(0, result.data);
  else if (axes.length <= 3 && order.every((source, index) => source === axes.length - 1 - index)) {
    // The axes of kernels are turned round: positions, inputs, outputs become outputs, inputs, positions.
    const [last, middle, first = 1] = axes.map(({ dim }) => dim);
    reverseAxes(result.data, [first, middle ?? 1, last ?? 1], read);
  } else permuteAny(result.data, axes, read);
  return result;
}

interface Axis {
  readonly dim: number;
  /** Its place among the axes of the source. */
  readonly source: number;
}

/** The axes of the result, those of one element left out and those made one that lie side by side in both. */
function mergedAxes(dims: readonly number[], perm: readonly number[]): readonly Axis[] {
  const merged: { dim: number; first: number; last: number }[] = [];
  const kept = perm.filter((axis) => at(dims, axis) !== 1);
  const places = new Map(kept.toSorted((left, right) => left - right).map((axis, place) => [axis, place]));
  for (const axis of kept) {
    const place = places.get(axis) ?? 0;
    const before = merged.at(-1);
    if (before?.last === place - 1) {
      before.dim *= at(dims, axis);
      before.last = place;
    } else merged.push({ dim: at(dims, axis), first: place, last: place });
  }
  const firsts = merged.map(({ first }) => first).toSorted((left, right) => left - right);
  return merged.map(({ dim, first }) => ({ dim, source: firsts.indexOf(first) }));
}

/** Elements of a piece: 512 kB, which leaves room for what is being written in a cache of the second level. */
const pieceElements = 2 ** 17;

/**
 * Writes [first, middle, last] as [last, middle, first]. A piece has some of `middle` with all of the rest, so that the
 * result gets a run of whole cache lines for each of `last`. Four such runs are written at a time: more would be as far
 * apart as powers of two often and so push one another out of the cache.
 */
function reverseAxes(
  target: Float32Array,
  [first, middle, last]: readonly [number, number, number],
  read: ReadElements,
): void {
  const most = Math.min(middle, Math.max(1, Math.floor(pieceElements / (first * last))));
  const piece = new Float32Array(first * most * last);
  const stride = middle * first;
  for (let start = 0; start < middle; start += most) {
    const count = Math.min(most, middle - start);
    const plane = count * last;
    for (let a = 0; a < first; a++) read((a * middle + start) * last, piece.subarray(a * plane, (a + 1) * plane));
    let o = 0;
    for (; o + 4 <= last; o += 4) {
      let to = o * stride + start * first;
      for (let row = o; row < plane; row += last) {
        for (let from = row; from < first * plane; from += plane, to++) {
          target[to] = piece[from] ?? 0;
          target[to + stride] = piece[from + 1] ?? 0;
          target[to + 2 * stride] = piece[from + 2] ?? 0;
          target[to + 3 * stride] = piece[from + 3] ?? 0;
        }
      }
    }
    for (; o < last; o++) {
      let to = o * stride + start * first;
      for (let row = o; row < plane; row += last) {
        for (let from = row; from < first * plane; from += plane) target[to++] = piece[from] ?? 0;
      }
    }
  }
}

/** Any other order: reads in the order of the source and writes every element to its place. */
function permuteAny(target: Float32Array, axes: readonly Axis[], read: ReadElements): void {
  // Along the axes of the source, sizes and what a step means in the target.
  const dims = new Array<number>(axes.length).fill(1);
  const steps = new Array<number>(axes.length).fill(1);
  let step = 1;
  for (const { dim, source } of axes.toReversed()) {
    dims[source] = dim;
    steps[source] = step;
    step *= dim;
  }
  const [row, rowStep] = [at(dims, -1), at(steps, -1)];
  const rows = Math.max(1, Math.floor(pieceElements / row));
  const piece = new Float32Array(rows * row);
  const counter = new Array<number>(axes.length - 1).fill(0);
  let to = 0;
  for (let done = 0; done < target.length; ) {
    const size = Math.min(piece.length, target.length - done);
    read(done, piece.subarray(0, size));
    for (let from = 0; from < size; ) {
      for (let index = 0; index < row; index++) target[to + index * rowStep] = piece[from++] ?? 0;
      to = advance(counter, dims, steps, to);
    }
    done += size;
  }
}

/** Counts on by one, the last axis first, and returns the offset that goes with the count. */
function advance(counter: number[], dims: readonly number[], steps: readonly number[], offset: number): number {
  let result = offset;
  for (let axis = counter.length - 1; axis >= 0; axis--) {
    const count = at(counter, axis) + 1;
    result += at(steps, axis);
    if (count < at(dims, axis)) {
      counter[axis] = count;
      return result;
    }
    result -= count * at(steps, axis);
    counter[axis] = 0;
  }
  return result;
}

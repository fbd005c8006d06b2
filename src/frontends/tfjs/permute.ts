import { Tensor } from '../../ir/tensor.js';
import { at } from '../../support/assert.js';

/** Elements that are read in a row before going on: as many cache lines are being written at a time. */
const block = 32;

/**
 * The tensor whose axis i is axis `perm[i]` of `tensor`, its data copied once.
 *
 * Reads run along the source's last axis, in blocks; the other axes advance in the order of the result. So both the
 * cache lines read and those written are used whole before they are left, whatever the permutation.
 */
export function permuteTensor(tensor: Tensor<'float32'>, perm: readonly number[]): Tensor<'float32'> {
  const dims = perm.map((axis) => at(tensor.dims, axis));
  const target = new Float32Array(tensor.size);
  const result = new Tensor('float32', dims, target);
  if (tensor.size === 0 || dims.length === 0) return dims.length === 0 ? tensor : result;
  const source = tensor.data;
  const sourceStrides = stridesOf(tensor.dims);
  const targetStrides = stridesOf(dims);
  const inner = perm.indexOf(dims.length - 1);
  const extent = at(dims, inner);
  const step = at(targetStrides, inner);
  const outer = dims.flatMap((dim, axis) => {
    return axis === inner ? [] : [{ dim, from: at(sourceStrides, at(perm, axis)), to: at(targetStrides, axis) }];
  });
  const axes = merged(outer);
  const fastest = axes.pop() ?? { dim: 1, from: 0, to: 0 };
  for (let start = 0; start < extent; start += block) {
    const end = Math.min(extent, start + block);
    walk(axes, (sourceStart, targetStart) => {
      let from = sourceStart;
      let to = targetStart;
      for (let count = fastest.dim; count > 0; count--) {
        for (let index = start; index < end; index++) target[to + index * step] = source[from + index] ?? 0;
        from += fastest.from;
        to += fastest.to;
      }
    });
  }
  return result;
}

/** The same walk with axes that lie next to each other on both sides, as height and width do, made one. */
function merged(axes: readonly Axis[]): Axis[] {
  const result: Axis[] = [];
  for (const axis of axes) {
    const last = result.at(-1);
    const joins = last !== undefined && last.from === axis.from * axis.dim && last.to === axis.to * axis.dim;
    if (joins) result[result.length - 1] = { ...axis, dim: last.dim * axis.dim };
    else result.push(axis);
  }
  return result;
}

interface Axis {
  readonly dim: number;
  readonly from: number;
  readonly to: number;
}

/** Visits every position of the axes, the last one fastest, with its offsets in source and target. */
function walk(axes: readonly Axis[], visit: (from: number, to: number) => void): void {
  const counter = new Array<number>(axes.length).fill(0);
  let from = 0;
  let to = 0;
  for (;;) {
    visit(from, to);
    let place = axes.length - 1;
    for (; place >= 0; place--) {
      const axis = at(axes, place);
      const next = at(counter, place) + 1;
      from += axis.from;
      to += axis.to;
      counter[place] = next;
      if (next < axis.dim) break;
      from -= next * axis.from;
      to -= next * axis.to;
      counter[place] = 0;
    }
    if (place < 0) return;
  }
}

function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = at(strides, axis + 1) * at(dims, axis + 1);
  return strides;
}

import type { Builder } from '../ir/builder.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { Dim } from '../ir/types.js';
import { isStatic, normalizeAxis, staticDims } from '../ir/types.js';
import { assert, at } from '../support/assert.js';
import type { Bounds } from './bounds.js';
import { constantInts, inputType, type Operator, type Resized, rankOf, ShapeError, withShape } from './operator.js';
import { input, output, type Relation, tie, tieAllAxes } from './relations.js';
import { unknownDim } from './symbols.js';

/**
 * ONNX Slice along constant axes. Axes that are not cut are tied. Of an axis that is cut by constants in steps of 1 a run
 * of slots is left; in other steps, it is pinned.
 */
const slice: Operator = {
  op: 'Slice',
  domain: '',
  inputs: [3, 5],
  homogeneous: () => [0],
  infer: (node) => {
    const x = inputType(node, 0);
    const axes = cutAxes(node);
    if (x === undefined || axes === undefined) return [undefined];
    const cuts = cutsOf(node);
    const shape = x.shape.map((dim, axis) => {
      if (!axes.includes(axis)) return dim;
      const cut = cuts?.get(axis);
      return typeof dim === 'number' && cut !== undefined ? slicedSize(dim, cut) : unknownDim(node, axis);
    });
    return [withShape(x.type, shape)];
  },
  flops: () => 0,
  bounds: slicedBounds,
  relations: (node) => {
    const axes = cutAxes(node);
    if (axes === undefined) return [];
    const runs = [...(cutsOf(node) ?? [])].flatMap(([axis, cut]): Relation[] => {
      const dim = node.input(0).shape?.[axis];
      if (typeof dim !== 'number' || cut.step !== 1) return [];
      return [{ kind: 'slice', from: input(0, axis), to: output(axis), start: rangeOf(dim, cut).first }];
    });
    return [...tieAllAxes(node, axes), ...runs];
  },
  resize: resizeSlice,
  alternative: gatheredSlots,
  transposed: (node, perm, graph) => {
    const axes = cutAxes(node)?.map((axis) => at(perm, axis));
    if (axes === undefined) return undefined;
    // All that says what to cut is of one type.
    const isNarrow = node.input(1).elementType === 'int32';
    const dims = [axes.length];
    const list = isNarrow ? new Tensor('int32', dims, Int32Array.from(axes)) : Tensor.int64(dims, axes);
    graph.setInput(node, 3, node.graph.addConstant(`${node.output.name}_axes`, list));
    return perm;
  },
};

/** One axis after the other, the slots that are left: devices gather elements of more types than they cut. */
function gatheredSlots(node: Node, builder: Builder): readonly Value[] | undefined {
  const cuts = cutsOf(node);
  const sizes = node.output.shape;
  if (cuts === undefined || cuts.size === 0 || sizes === undefined || !isStatic(sizes)) return undefined;
  let value = node.input(0);
  for (const [axis, cut] of cuts) {
    const dim = node.input(0).shape?.[axis];
    const size = sizes[axis];
    if (typeof dim !== 'number' || size === undefined || size === 0) return undefined;
    const { first } = rangeOf(dim, cut);
    const slots = Array.from({ length: size }, (_, index) => first + index * cut.step);
    value = builder.gather(value, builder.int64s(slots, 'slots'), axis);
  }
  return [value];
}

/** Cuts what is left of the input where what is left of the output begins and ends. */
function resizeSlice(node: Node, graph: Graph, sizes: Resized): void {
  const x = node.input(0);
  const starts = new Map<number, number>();
  const ends = new Map<number, number>();
  for (const [position, [axis, cut]] of [...(cutsOf(node) ?? [])].entries()) {
    const kept = sizes.kept(x, axis);
    const before = sizes.sizeBefore(x, axis);
    if (kept === undefined || before === undefined) continue;
    const { first, last } = keptRange(kept, rangeOf(before, cut));
    starts.set(position, first);
    ends.set(position, last);
  }
  if (starts.size === 0) return;
  setNumbers(node, graph, 1, 'starts', starts);
  setNumbers(node, graph, 2, 'ends', ends);
}

/** Changes some numbers of constant input `index`; the others stay to the bit, as the greatest there is. */
function setNumbers(node: Node, graph: Graph, index: number, name: string, changes: ReadonlyMap<number, number>): void {
  const { constant } = node.input(index);
  assert(constant !== undefined, 'what is cut is constant');
  graph.setInput(node, index, graph.addConstant(`${node.output.name}_${name}`, withNumbers(constant, changes)));
}

function withNumbers(tensor: Tensor, changes: ReadonlyMap<number, number>): Tensor {
  if (tensor.is('int64')) {
    return new Tensor(
      'int64',
      tensor.dims,
      tensor.data.map((old, position) => BigInt(changes.get(position) ?? old)),
    );
  }
  assert(tensor.is('int32'), 'what a Slice cuts is of int32 or int64');
  return new Tensor(
    'int32',
    tensor.dims,
    tensor.data.map((old, position) => changes.get(position) ?? old),
  );
}

/** Slots from `first` to before `last`. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** Where those slots of a range that are kept lie among all that are: side by side, by the relation of an axis that is cut. */
function keptRange(kept: readonly number[], { first, last }: Range): Range {
  const isInside = (slot: number): boolean => slot >= first && slot < last;
  const start = Math.max(0, kept.findIndex(isInside));
  return { first: start, last: start + kept.filter(isInside).length };
}

/** Along a cut axis, those of the slots that are left. */
function slicedBounds(node: Node, [x]: readonly (Bounds | undefined)[]): Bounds | undefined {
  if (x === undefined || x.isUniform) return x;
  const axes = cutAxes(node);
  if (axes !== undefined && !axes.includes(x.axis)) return x;
  const cut = cutsOf(node)?.get(x.axis);
  const dim = node.input(0).shape?.[x.axis];
  const size = node.output.shape?.[x.axis];
  if (cut === undefined || typeof dim !== 'number' || typeof size !== 'number') return x.overall();
  const { first } = rangeOf(dim, cut);
  return x.select(
    x.axis,
    Array.from({ length: size }, (_, slot) => first + slot * cut.step),
  );
}

/** The axes that a Slice cuts, where they are constant: what it leaves of them may still be known at run time only. */
function cutAxes(node: Node): readonly number[] | undefined {
  const rank = rankOf(node.inputs[0]);
  if (rank === undefined) return undefined;
  if (node.inputs[3] !== undefined) return constantInts(node, 3)?.map((axis) => normalizeAxis(axis, rank));
  const count = constantInts(node, 1)?.length ?? node.input(1).shape?.[0];
  return typeof count === 'number' ? Array.from({ length: count }, (_, axis) => axis) : undefined;
}

interface Cut {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

function cutsOf(node: Node): ReadonlyMap<number, Cut> | undefined {
  const rank = rankOf(node.inputs[0]);
  const starts = constantInts(node, 1);
  const ends = constantInts(node, 2);
  if (rank === undefined || starts === undefined || ends === undefined) return undefined;
  const axes = node.inputs[3] === undefined ? [...starts.keys()] : constantInts(node, 3);
  const steps = node.inputs[4] === undefined ? starts.map(() => 1) : constantInts(node, 4);
  if (axes === undefined || steps === undefined) return undefined;
  return new Map(
    axes.map((axis, position) => [
      normalizeAxis(axis, rank),
      { start: at(starts, position), end: at(ends, position), step: at(steps, position) },
    ]),
  );
}

function slicedSize(dim: number, cut: Cut): number {
  const { first, last } = rangeOf(dim, cut);
  return Math.max(0, Math.ceil((last - first) / cut.step));
}

/** The first slot that a cut takes, and the one behind its last. */
function rangeOf(dim: number, { start, end, step }: Cut): Range {
  const clamp = (position: number, low: number, high: number): number =>
    Math.min(Math.max(position < 0 ? position + dim : position, low), high);
  return step > 0
    ? { first: clamp(start, 0, dim), last: clamp(end, 0, dim) }
    : { first: clamp(start, 0, dim - 1), last: clamp(end, -1, dim - 1) };
}

/** ONNX Split into parts along `axis`, sizes by constant input 1 or equal. */
const split: Operator = {
  op: 'Split',
  domain: '',
  inputs: [1, 2],
  alternative: (node, builder) => {
    const axis = normalizeAxis(node.int('axis', 0), rankOf(node.inputs[0]) ?? 0);
    const sizes = staticDims(node.outputs.map(({ shape }) => shape?.[axis] ?? 'unknown'));
    if (sizes === undefined || sizes.includes(0)) return undefined;
    let next = 0;
    return sizes.map((size) => {
      const slots = Array.from({ length: size }, (_, index) => next + index);
      next += size;
      return builder.gather(node.input(0), builder.int64s(slots, 'slots'), axis);
    });
  },
  homogeneous: () => [0],
  infer: (node) => {
    const x = inputType(node, 0);
    if (x === undefined) return node.outputs.map(() => undefined);
    const axis = normalizeAxis(node.int('axis', 0), x.shape.length);
    const dim = at(x.shape, axis);
    const sizes = node.inputs[1] === undefined ? undefined : constantInts(node, 1);
    const problem = splitProblem(dim, node.outputs.length, sizes, node.inputs[1] === undefined);
    if (problem !== undefined) throw new ShapeError(problem);
    return node.outputs.map((_, index) => {
      const part = Math.ceil(typeof dim === 'number' ? dim / node.outputs.length : Number.NaN);
      const equal = typeof dim === 'number' ? Math.min(part, dim - part * index) : unknownDim(node, axis, index);
      const size = node.inputs[1] === undefined ? equal : (sizes?.[index] ?? unknownDim(node, axis, index));
      return withShape(
        x.type,
        x.shape.map((old, position) => (position === axis ? size : old)),
      );
    });
  },
  flops: () => 0,
  boundsEach: splitBounds,
  relations: (node) => {
    const rank = rankOf(node.inputs[0]) ?? 0;
    const axis = normalizeAxis(node.int('axis', 0), rank);
    const others = Array.from({ length: rank }, (_, position) => position)
      .filter((position) => position !== axis)
      .map((position) => tie(input(0, position), ...node.outputs.map((_, index) => output(position, index))));
    const runs = partsOf(node).map(
      ({ first }, index): Relation => ({ kind: 'slice', from: input(0, axis), to: output(axis, index), start: first }),
    );
    return [...others, ...runs];
  },
  resize: (node, graph, sizes) => {
    const kept = sizes.kept(node.input(0), normalizeAxis(node.int('axis', 0), rankOf(node.inputs[0]) ?? 0));
    if (kept === undefined) return;
    const left = partsOf(node).map((part) => keptRange(kept, part));
    const lengths = left.map(({ first, last }) => last - first);
    graph.setAttributes(node, { num_outputs: undefined });
    graph.setInput(node, 1, graph.addConstant(`${node.output.name}_sizes`, Tensor.int64([lengths.length], lengths)));
  },
  downgrade: (node, graph, opset) => {
    if (opset >= 18) return;
    graph.setAttributes(node, { num_outputs: undefined });
    const axis = normalizeAxis(node.int('axis', 0), rankOf(node.inputs[0]) ?? 0);
    const sizes = node.outputs.map((output) => output.shape?.[axis]);
    // Parts of unequal sizes had to be listed.
    if (node.inputs[1] !== undefined || new Set(sizes).size === 1 || !sizes.every((size) => typeof size === 'number')) {
      return;
    }
    graph.setInput(node, 1, graph.addConstant(`${node.output.name}_sizes`, Tensor.int64([sizes.length], sizes)));
  },
};

/** The slots of each part of a Split; none where sizes are not known. */
function partsOf(node: Node): Range[] {
  const axis = normalizeAxis(node.int('axis', 0), rankOf(node.outputs[0]) ?? 0);
  const sizes = node.outputs.map((part) => part.shape?.[axis]);
  if (!sizes.every((size) => typeof size === 'number') || typeof node.input(0).shape?.[axis] !== 'number') return [];
  let last = 0;
  return sizes.map((size) => {
    const first = last;
    last += size;
    return { first, last };
  });
}

/** Along the split axis, each part has those of its slots. */
function splitBounds(node: Node, [x]: readonly (Bounds | undefined)[]): (Bounds | undefined)[] {
  const axis = normalizeAxis(node.int('axis', 0), rankOf(node.inputs[0]) ?? 1);
  if (x === undefined || x.isUniform || x.axis !== axis) return node.outputs.map(() => x);
  let first: number | undefined = 0;
  return node.outputs.map((output) => {
    const start: number | undefined = first;
    const size = output.shape?.[axis];
    first = start === undefined || typeof size !== 'number' ? undefined : start + size;
    if (start === undefined || typeof size !== 'number') return x.overall();
    return x.select(
      axis,
      Array.from({ length: size }, (_, slot) => start + slot),
    );
  });
}

/** Why an axis of size `dim` cannot be split so: equal parts are of the size rounded up, and the last is what is left. */
function splitProblem(
  dim: Dim,
  parts: number,
  sizes: readonly number[] | undefined,
  isEqual: boolean,
): string | undefined {
  if (isEqual && typeof dim === 'number' && dim < Math.ceil(dim / parts) * (parts - 1)) {
    return `${dim} elements cannot be split into ${parts} equal parts and a smaller one`;
  }
  if (sizes === undefined) return undefined;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const isRight =
    sizes.length === parts && sizes.every((size) => size >= 0) && (typeof dim === 'string' || total === dim);
  return isRight ? undefined : `${dim} elements cannot be split into ${parts} parts of sizes ${sizes.join(', ')}`;
}

export const cutOperators: readonly Operator[] = [slice, split];

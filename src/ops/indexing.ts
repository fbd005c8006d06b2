import { int } from '../ir/attribute.js';
import type { Graph, Node } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { Dim } from '../ir/types.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { aligned, Bounds, combineExactly, constantBounds, type Interval, united } from './bounds.js';
import { constantInts, inputType, type Operator, type Padding, rankOf, ShapeError, withShape } from './operator.js';
import { input, output, type Relation, tie, tieAllAxes } from './relations.js';
import { unknownDim } from './symbols.js';

/** ONNX Concat of any number of inputs along `axis`. */
const concat: Operator = {
  op: 'Concat',
  domain: '',
  associative: true,
  inputs: [1, Number.POSITIVE_INFINITY],
  identity: (node) => (node.inputs.length === 1 ? node.input(0) : undefined),
  infer: (node) => {
    const types = node.inputs.flatMap((value) => (value?.type === undefined ? [] : [value.type]));
    const [first] = types;
    if (first === undefined || types.length < node.inputs.length) return [undefined];
    const axis = normalizeAxis(node.int('axis', 0), first.shape.length);
    const sizes = types.map((type) => at(type.shape, axis));
    const total = sizes.reduce<Dim>(
      (sum, size) => (typeof sum === 'number' && typeof size === 'number' ? sum + size : unknownDim(node, axis)),
      0,
    );
    return [
      withShape(
        first.type,
        first.shape.map((dim, position) => (position === axis ? total : dim)),
      ),
    ];
  },
  bounds: joinedBounds,
  flops: () => 0,
  relations: (node) => {
    const rank = rankOf(node.output) ?? 0;
    const axis = normalizeAxis(node.int('axis', 0), rank);
    const indices = [...node.inputs.keys()];
    return Array.from({ length: rank }, (_, position): Relation => {
      const parts = indices.map((index) => input(index, position));
      return position === axis ? { kind: 'concat', parts, to: output(axis) } : tie(...parts, output(position));
    });
  },
  transposed: (node, perm, graph) => {
    graph.setAttributes(node, { axis: int(at(perm, normalizeAxis(node.int('axis', 0), perm.length))) });
    return perm;
  },
};

/** Slot by slot along the joined axis, or along another one where only that tells slots apart. */
function joinedBounds(node: Node, inputs: readonly (Bounds | undefined)[]): Bounds | undefined {
  const rank = rankOf(node.output) ?? 0;
  const axis = normalizeAxis(node.int('axis', 0), rank);
  const others = inputs.flatMap((x) => (x === undefined || x.isUniform || x.axis === axis ? [] : [x.axis]));
  const isWhole = node.inputs.every((value) => value?.shape?.[axis] !== 0);
  if (others.length > 0 && isWhole && !inputs.some((x) => x !== undefined && !x.isUniform && x.axis === axis)) {
    const [along = axis] = others;
    return node.inputs
      .map((_, index) => aligned(node, index, inputs[index], along))
      .reduce((left, right) => combineExactly(left, right, united));
  }
  const parts = node.inputs.map((value, index): Interval[] | undefined => {
    const size = value?.shape?.[axis];
    const part = value?.constant === undefined ? inputs[index]?.along(axis) : constantBounds(value, rank, axis);
    if (typeof size !== 'number') return undefined;
    return Array.from({ length: size }, (_, slot): Interval => {
      return part === undefined
        ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
        : [part.low(slot), part.high(slot)];
    });
  });
  if (parts.includes(undefined)) return inputs.includes(undefined) ? undefined : unitedBounds(inputs);
  return Bounds.of(
    axis,
    parts.flatMap((part) => part ?? []),
  );
}

/** What holds for all parts together, slots not told apart. */
function unitedBounds(parts: readonly (Bounds | undefined)[]): Bounds | undefined {
  const known = parts.flatMap((part) => (part === undefined ? [] : [part.overall()]));
  if (known.length < parts.length || known.length === 0) return undefined;
  return known.reduce((left, right) => combineExactly(left, right, united));
}

/** ONNX Gather: slices of input 0 along `axis` at the indices of input 1. */
const gather: Operator = {
  op: 'Gather',
  domain: '',
  moves: true,
  positions: (node) => {
    const dim = node.inputs[0]?.shape?.at(node.int('axis', 0));
    return { input: 1, size: typeof dim === 'number' ? dim : undefined };
  },
  homogeneous: () => [0],
  inputs: [2, 2],
  infer: (node) => {
    const data = inputType(node, 0);
    const indices = node.inputs[1]?.shape;
    if (data === undefined || indices === undefined) return [undefined];
    const axis = normalizeAxis(node.int('axis', 0), data.shape.length);
    return [withShape(data.type, [...data.shape.slice(0, axis), ...indices, ...data.shape.slice(axis + 1)])];
  },
  flops: () => 0,
  relations: (node) => {
    const rank = rankOf(node.inputs[0]) ?? 0;
    const indexRank = rankOf(node.inputs[1]) ?? 0;
    const axis = normalizeAxis(node.int('axis', 0), rank);
    const relations: Relation[] = [];
    for (let position = 0; position < rank; position++) {
      if (position === axis) continue;
      relations.push(tie(input(0, position), output(position < axis ? position : position + indexRank - 1)));
    }
    for (let position = 0; position < indexRank; position++) {
      relations.push(tie(input(1, position), output(axis + position)));
    }
    // An index from the end would mean another slot on a shorter axis.
    const indices = constantInts(node, 1);
    if (indices?.every((index) => index >= 0)) relations.push({ kind: 'select', from: input(0, axis), indices });
    return relations;
  },
  bounds: gatheredBounds,
  resize: (node, graph, sizes) => {
    // Only slots that no index names are ever taken from the gathered axis, so every index has a new place.
    const axis = normalizeAxis(node.int('axis', 0), rankOf(node.inputs[0]) ?? 0);
    const kept = sizes.kept(node.input(0), axis);
    const indices = node.inputs[1]?.constant;
    if (kept === undefined || indices === undefined) return;
    const places = new Map(kept.map((old, place) => [old, place]));
    const moved = indices.numbers().map((index) => places.get(index) ?? index);
    graph.setInput(node, 1, node.graph.addConstant(`${node.output.name}_indices`, Tensor.int64(indices.dims, moved)));
  },
};

/** Of a constant table (an embedding), along its last axis; else along the axis that the data's bounds are known of. */
function gatheredBounds(node: Node, [given]: readonly (Bounds | undefined)[]): Bounds | undefined {
  const indices = node.inputs[1]?.constant;
  const indexRank = rankOf(node.inputs[1]);
  const rank = rankOf(node.inputs[0]);
  if (rank === undefined || indexRank === undefined) return given?.overall();
  const axis = normalizeAxis(node.int('axis', 0), rank);
  const data = given ?? constantBounds(node.input(0), rank, axis === rank - 1 && rank > 1 ? 0 : rank - 1);
  if (data === undefined || data.isUniform) return data;
  if (data.axis !== axis)
    return new Bounds(data.axis < axis ? data.axis : data.axis + indexRank - 1, data.lows, data.highs);
  if (indices?.dims.length !== 1) return data.overall();
  const extent = data.lows.length;
  return data.select(
    axis,
    indices.numbers().map((index) => (index < 0 ? index + extent : index)),
  );
}

/** ONNX Slice along constant axes. Axes that are not cut are tied; a cut axis is pinned. */
const slice: Operator = {
  op: 'Slice',
  domain: '',
  inputs: [3, 5],
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
    return axes === undefined ? [] : tieAllAxes(node, axes);
  },
  transposed: (node, perm, graph) => {
    const axes = cutAxes(node)?.map((axis) => at(perm, axis));
    if (axes === undefined) return undefined;
    graph.setInput(node, 3, node.graph.addConstant(`${node.output.name}_axes`, Tensor.int64([axes.length], axes)));
    return perm;
  },
};

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
function rangeOf(dim: number, { start, end, step }: Cut): { readonly first: number; readonly last: number } {
  const clamp = (position: number, low: number, high: number): number =>
    Math.min(Math.max(position < 0 ? position + dim : position, low), high);
  return step > 0
    ? { first: clamp(start, 0, dim), last: clamp(end, 0, dim) }
    : { first: clamp(start, 0, dim - 1), last: clamp(end, -1, dim - 1) };
}

/** ONNX Split into parts along `axis`, sizes by constant input 1 or equal. The split axis is pinned. */
const split: Operator = {
  op: 'Split',
  domain: '',
  inputs: [1, 2],
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
    return Array.from({ length: rank }, (_, position) => position)
      .filter((position) => position !== axis)
      .map((position) => tie(input(0, position), ...node.outputs.map((_, index) => output(position, index))));
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

/** ONNX Pad by the constant amounts of input 1 (begins, then ends). Axes that are not padded are tied. */
const pad: Operator = {
  op: 'Pad',
  domain: '',
  inputs: [2, 4],
  infer: (node) => {
    const x = inputType(node, 0);
    const pads = padsOf(node);
    if (x === undefined || pads === undefined) return [undefined];
    const shape = x.shape.map((dim, axis) => {
      const amount = at(pads, axis) + at(pads, axis + x.shape.length);
      if (amount === 0) return dim;
      return typeof dim === 'number' ? dim + amount : unknownDim(node, axis);
    });
    return [withShape(x.type, shape)];
  },
  flops: () => 0,
  bounds: paddedBounds,
  relations: (node) => {
    const pads = padsOf(node);
    const rank = rankOf(node.inputs[0]) ?? 0;
    if (pads === undefined) return [];
    const padded = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => pads[axis] || pads[axis + rank]);
    return tieAllAxes(node, padded);
  },
  transposed: (node, perm, graph) => {
    const pads = padsOf(node);
    if (pads === undefined) return undefined;
    const rank = perm.length;
    const moved = [...pads];
    for (const [axis, source] of perm.entries()) {
      moved[source] = at(pads, axis);
      moved[source + rank] = at(pads, axis + rank);
    }
    setPads(node, graph, moved);
    return perm;
  },
  downgrade: (node, graph, opset) => {
    const pads = padsOf(node);
    if (opset < 18 && node.inputs[3] !== undefined && pads !== undefined) setPads(node, graph, pads);
  },
};

/**
 * What a Pad puts around its input: equal elements, or undefined where it repeats those of the input, crops it, or where
 * amounts or element are not constant. `isLowest` is left to whoever knows what is padded.
 */
export function constantPadding(node: Node): Omit<Padding, 'isLowest'> | undefined {
  const pads = node.op === 'Pad' && node.domain === '' ? padsOf(node) : undefined;
  const fill = node.inputs[2];
  const value = fill === undefined ? 0 : fill.constant?.numbers()[0];
  const isPlain = node.string('mode', 'constant') === 'constant' && pads?.every((amount) => amount >= 0);
  if (pads === undefined || value === undefined || isPlain !== true) return undefined;
  const rank = pads.length / 2;
  return { begins: pads.slice(0, rank), ends: pads.slice(rank), value };
}

/** The elements of the input and, around them, what it is padded with: of its own, or one number. */
function paddedBounds(node: Node, [x]: readonly (Bounds | undefined)[]): Bounds | undefined {
  const pads = padsOf(node);
  if (x === undefined || pads === undefined) return undefined;
  const isPadded = (axis: number): boolean => (pads[axis] ?? 0) !== 0 || (pads[axis + pads.length / 2] ?? 0) !== 0;
  if (node.string('mode', 'constant') !== 'constant') return x.isUniform || isPadded(x.axis) ? x.overall() : x;
  const padding = constantPadding(node);
  if (padding === undefined) return undefined;
  const { begins, ends, value } = padding;
  if (begins.concat(ends).every((amount) => amount === 0)) return x;
  const fill: Interval = [value, value];
  if (x.isUniform || begins.some((amount, axis) => axis !== x.axis && (amount > 0 || (ends[axis] ?? 0) > 0))) {
    // Padding along another axis reaches into every slot.
    const wide = x.mapExactly((low, high) => united([low, high], fill));
    return x.isUniform || !isPadded(x.axis) ? wide : wide.overall();
  }
  const around = (count = 0): Interval[] => Array.from({ length: count }, () => fill);
  const inner = Array.from(x.lows, (low, slot): Interval => [low, x.high(slot)]);
  return Bounds.of(x.axis, [...around(begins[x.axis]), ...inner, ...around(ends[x.axis])]);
}

/** Pads all axes, by amounts as {@link padsOf} gives them. */
function setPads(node: Node, graph: Graph, pads: readonly number[]): void {
  graph.setInput(node, 1, graph.addConstant(`${node.output.name}_pads`, Tensor.int64([pads.length], pads)));
  graph.setInput(node, 3, undefined);
}

/** Amounts for every axis, begins then ends; undefined where not constant. */
function padsOf(node: Node): readonly number[] | undefined {
  const rank = rankOf(node.inputs[0]);
  const pads = constantInts(node, 1);
  if (rank === undefined || pads === undefined) return undefined;
  if (node.inputs[3] === undefined) return pads;
  const axes = constantInts(node, 3);
  if (axes === undefined) return undefined;
  const all = Array.from({ length: 2 * rank }, () => 0);
  for (const [position, axis] of axes.entries()) {
    all[normalizeAxis(axis, rank)] = at(pads, position);
    all[normalizeAxis(axis, rank) + rank] = at(pads, position + axes.length);
  }
  return all;
}

export const indexingOperators: readonly Operator[] = [concat, gather, slice, split, pad];

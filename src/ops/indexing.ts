import { int } from '../ir/attribute.js';
import type { Node } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { Dim } from '../ir/types.js';
import { normalizeAxis, sizeOf, staticDims } from '../ir/types.js';
import { at } from '../support/assert.js';
import { aligned, Bounds, combineExactly, constantBounds, type Interval, united } from './bounds.js';
import type { LinearStep } from './linear-step.js';
import { constantInts, inputType, type Operator, rankOf, withShape } from './operator.js';
import { input, output, type Relation, tie } from './relations.js';
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
  linearStep: joinedStep,
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

/** Parts whose sizes are known, joined along any axis but that of the batch. */
function joinedStep(node: Node): LinearStep | undefined {
  const shape = staticDims(node.output.shape?.slice(1) ?? ['unknown']);
  const axis = normalizeAxis(node.int('axis', 0), rankOf(node.output) ?? 0) - 1;
  if (shape === undefined || axis < 0) return undefined;
  const inner = sizeOf(shape.slice(axis + 1));
  const widths = node.inputs.map((value) => Number(value?.shape?.[axis + 1]) * inner);
  const total = at(shape, axis) * inner;
  const starts = widths.map((_, index) => widths.slice(0, index).reduce((sum, width) => sum + width, 0));
  return {
    kind: 'placed',
    place: (input, element) => {
      const width = at(widths, input);
      return Math.floor(element / width) * total + at(starts, input) + (element % width);
    },
  };
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

/** ONNX GatherElements: for each place of the indices of input 1 the element of input 0 that is there along `axis`. Pinned. */
const gatherElements: Operator = {
  op: 'GatherElements',
  domain: '',
  inputs: [2, 2],
  since: 11,
  infer: (node) => {
    const type = node.input(0).elementType;
    const shape = node.inputs[1]?.shape;
    return [type === undefined || shape === undefined ? undefined : withShape(type, shape)];
  },
  flops: () => 0,
  bounds: (_, [x]) => x?.overall(),
};

export const indexingOperators: readonly Operator[] = [concat, gatherElements, gather];

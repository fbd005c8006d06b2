import type { Graph, Node, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { Dim, Shape } from '../ir/types.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { aligned, Bounds, broadcastAxisOf } from './bounds.js';
import { firstOpsetOfResize, olderResize } from './older/resize.js';
import { broadcastShapes, constantInts, inputType, type Operator, rankOf, ShapeError, withShape } from './operator.js';
import { input, output, type Port, type Relation, tie } from './relations.js';
import { shapeElements } from './shape-values.js';
import { unknownDim } from './symbols.js';

/** Operators whose output tells of shapes and positions, or whose output's shape is computed. */

/** ONNX Shape: the sizes of the axes as int64 [rank]. */
const shape: Operator = {
  op: 'Shape',
  domain: '',
  float16: 'either',
  inputs: [1, 1],
  infer: (node) => {
    const rank = rankOf(node.inputs[0]);
    if (rank === undefined) return [undefined];
    const bound = (position: number): number => Math.min(Math.max(position < 0 ? position + rank : position, 0), rank);
    const length = Math.max(0, bound(node.int('end', rank)) - bound(node.int('start', 0)));
    return [withShape('int64', [length])];
  },
  flops: () => 0,
  downgrade: (node, graph, opset) => {
    if (opset < 15) cutAfterwards(node, graph);
  },
  needs: (node) => (node.attributes.start === undefined && node.attributes.end === undefined ? 1 : 15),
};

/** Takes the sizes of all axes, and those that were asked for out of them. */
function cutAfterwards(node: Node, graph: Graph): void {
  const rank = rankOf(node.inputs[0]);
  const { start, end } = node.attributes;
  if (rank === undefined || (start === undefined && end === undefined)) return;
  const { output, origin } = node;
  const amount = (name: string, value: number): Value =>
    graph.addConstant(`${output.name}_${name}`, Tensor.int64([1], [value]));
  const all = graph.addNode({ op: 'Shape', inputs: [node.input(0)], origin, before: node }).output;
  graph.setType(all, { type: 'int64', shape: [rank] });
  const inputs = [all, amount('start', node.int('start', 0)), amount('end', node.int('end', rank))];
  const cut = graph.addNode({ op: 'Slice', inputs, origin, before: node }).output;
  graph.setType(cut, output.type);
  graph.replaceUses(output, cut);
  graph.swapNames(output, cut);
  graph.removeNode(node);
}

/** ONNX NonZero: the positions of non-zero elements as int64 [rank, count]; engines differ on scalars. */
const nonZero: Operator = {
  op: 'NonZero',
  domain: '',
  inputs: [1, 1],
  infer: (node) => {
    const rank = rankOf(node.inputs[0]);
    return [rank === undefined ? undefined : withShape('int64', [rank || unknownDim(node, 0), unknownDim(node, 1)])];
  },
};

/** ONNX Expand: broadcast to the shape of input 1, as far as its elements are known. */
const expand: Operator = {
  op: 'Expand',
  domain: '',
  inputs: [2, 2],
  infer: (node) => {
    const x = inputType(node, 0);
    const target = shapeElements(node.inputs[1]);
    return [
      x === undefined || target === undefined ? undefined : withShape(x.type, broadcastShapes([x.shape, target])),
    ];
  },
  flops: () => 0,
  bounds: (node, [x]) => aligned(node, 0, x, broadcastAxisOf(node, [x])),
  homogeneous: () => [0],
  relations: expandRelations,
  resize: (node, graph, sizes) => {
    const target = constantInts(node, 1);
    const first = (rankOf(node.output) ?? 0) - (target?.length ?? 0);
    resizeList(node, graph, 1, (position) => sizes.kept(node.output, first + position)?.length);
  },
};

/** Axes that stay are tied; along stretched ones every slot is a copy of the same, so each may go by itself. */
function expandRelations(node: Node): Relation[] {
  const from = node.input(0).shape ?? [];
  const to = node.output.shape ?? [];
  const target = constantInts(node, 1);
  return to.flatMap((dim, axis): Relation[] => {
    const own = axis - to.length + from.length;
    const written = target?.[axis - to.length + target.length] ?? 1;
    if (typeof dim === 'string') return from[own] === dim ? [tie(input(0, own), output(axis))] : [];
    // Only a size that is constant can be written anew.
    if (target === undefined) return [];
    if (from[own] !== dim) return [{ kind: 'grouped', port: output(axis), groups: 1 }];
    return [written === 1 ? tie(input(0, own), output(axis)) : sized(input(0, own), output(axis))];
  });
}

/** A tie of axes whose length another input of the node says, so that engines could not do with another one. */
const sized = (from: Port, to: Port): Relation => ({ kind: 'repeat', from, to: [to], outer: 1, inner: 1 });

/** Writes the sizes of constant input `index` anew, where `length` says so; those of 1 follow by themselves. */
function resizeList(node: Node, graph: Graph, index: number, length: (position: number) => number | undefined): void {
  const before = constantInts(node, index) ?? [];
  const after = before.map((size, position) => (size === 1 ? 1 : (length(position) ?? size)));
  if (after.every((size, position) => size === before[position])) return;
  graph.setInput(node, index, graph.addConstant(`${node.output.name}_shape`, Tensor.int64([after.length], after)));
}

/** ONNX Range: start, start + delta, … below (with a negative delta above) limit; a list of unknown length at run time. */
const range: Operator = {
  op: 'Range',
  domain: '',
  float16: 'never',
  float32Inputs: [0, 1, 2],
  inputs: [3, 3],
  since: 11,
  infer: (node) => {
    const type = node.input(0).elementType;
    return [type === undefined ? undefined : withShape(type, [rangeLength(node) ?? unknownDim(node, 0)])];
  },
};

/** The length that whole numbers tell which are constants, or sizes; fractions are left to the engine's rounding. */
function rangeLength(node: Node): Dim | undefined {
  if (node.input(0).elementType === 'float16') return undefined;
  const [start, limit, delta] = [0, 1, 2].map((index) => {
    return constantInts(node, index)?.[0] ?? shapeElements(node.inputs[index])?.[0];
  });
  if (start === 0 && delta === 1 && typeof limit === 'string') return limit;
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof delta !== 'number') return undefined;
  if (![start, limit, delta].every(Number.isSafeInteger)) return undefined;
  if (delta === 0) throw new ShapeError('steps of 0 lead nowhere');
  return Math.max(0, Math.ceil((limit - start) / delta));
}

/** ONNX ConstantOfShape: one value repeated. */
const constantOfShape: Operator = {
  op: 'ConstantOfShape',
  domain: '',
  float16: 'never',
  inputs: [1, 1],
  infer: (node) => {
    const value = node.attributes.value;
    const dims = shapeElements(node.inputs[0]);
    const type = value?.kind === 'tensor' ? value.value.type : 'float32';
    return [dims === undefined ? undefined : withShape(type, dims)];
  },
  bounds: ({ attributes: { value } }) => {
    if (value === undefined) return Bounds.uniform(0, 0);
    const [element] = value.kind === 'tensor' && value.value.type !== 'float16' ? value.value.numbers() : [];
    return element === undefined ? undefined : Bounds.uniform(element, element);
  },
};

/** ONNX Resize with constant scales (input 2), or sizes (input 3) as far as they are known. */
const resize: Operator = {
  op: 'Resize',
  domain: '',
  float32Inputs: [1, 2],
  inputs: [1, 4],
  infer: (node) => {
    const x = inputType(node, 0);
    const rank = rankOf(node.inputs[0]);
    if (x === undefined || rank === undefined) return [undefined];
    const axes = resizedAxes(node);
    const resized = resizedDims(node, x.shape, axes);
    const shapeOut = [...x.shape];
    for (const [position, axis] of axes.entries()) shapeOut[axis] = at(resized, position);
    return [withShape(x.type, shapeOut)];
  },
  // Without a cubic, or elements from outside, a mean of elements whose weights are not negative.
  bounds: (node, [x]) => {
    const mode = node.string('mode', 'nearest');
    const isCropped = node.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
    if (x === undefined || isCropped || mode === 'cubic') return undefined;
    const kept = x.isUniform || resampledAxes(node)?.includes(x.axis) === false ? x : x.overall();
    // Engines may interpolate as a + t · (b − a), off by the rounding of elements twice as far apart along each axis.
    return mode === 'nearest' ? kept : kept.rounded(32);
  },
  interpolates: (node) => {
    return node.string('mode', 'nearest') === 'nearest' ? undefined : resampledAxes(node);
  },
  homogeneous: (node) =>
    node.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize' ? [] : [0],
  relations: resizeRelations,
  resize: (node, graph, sizes) => {
    const axes = resizedAxes(node);
    resizeList(node, graph, 3, (position) => sizes.kept(node.output, at(axes, position))?.length);
  },
  downgrade: olderResize,
  needs: firstOpsetOfResize,
};

/** Axes that are not left as they are; a scale other than 1 moves positions even where it leaves the size. */
function resampledAxes(node: Node): number[] | undefined {
  const [from, to] = [node.inputs[0]?.shape, node.output.shape];
  if (from === undefined || to === undefined) return undefined;
  const axes = node.ints('axes')?.map((axis) => normalizeAxis(axis, from.length)) ?? [...from.keys()];
  const scales = node.inputs[2]?.constant?.numbers() ?? [];
  return [...from.keys()].filter((axis) => {
    const position = axes.indexOf(axis);
    const scale = position < 0 ? 1 : scales[position];
    return from[axis] !== to[axis] || (scale !== undefined && scale !== 1);
  });
}

/** The axes that scales and sizes are given of. */
function resizedAxes(node: Node): readonly number[] {
  const rank = rankOf(node.inputs[0]) ?? 0;
  return node.ints('axes')?.map((axis) => normalizeAxis(axis, rank)) ?? Array.from({ length: rank }, (_, axis) => axis);
}

/**
 * An axis that keeps its size is read at its own positions and tied. Not so where positions are those of a region, or half
 * an element aside; with filters and aspect ratios engines may do otherwise.
 */
function resizeRelations(node: Node): Relation[] {
  const coordinates = node.string('coordinate_transformation_mode', 'half_pixel');
  const isPlain =
    !['tf_crop_and_resize', 'tf_half_pixel_for_nn'].includes(coordinates) &&
    node.string('keep_aspect_ratio_policy', 'stretch') === 'stretch' &&
    node.int('antialias', 0) === 0;
  const [from, to] = [node.input(0).shape, node.output.shape];
  if (!isPlain || from === undefined || to === undefined) return [];
  const axes = resizedAxes(node);
  const scales = node.inputs[2]?.constant?.numbers() ?? [];
  const hasSizes = node.inputs[3]?.constant !== undefined;
  return [...from.keys()].flatMap((axis): Relation[] => {
    const position = axes.indexOf(axis);
    const isUnscaled = position < 0 || scales[position] === 1;
    if (from[axis] !== to[axis]) return [];
    if (isUnscaled || typeof from[axis] === 'string') return [tie(input(0, axis), output(axis))];
    return hasSizes ? [sized(input(0, axis), output(axis))] : [];
  });
}

/** The new sizes of `axes`: symbols where constants do not tell them, or they depend on a region or an aspect ratio. */
function resizedDims(node: Node, from: Shape, axes: readonly number[]): Shape {
  const scales = node.inputs[2]?.constant?.numbers();
  const sizes = shapeElements(node.inputs[3]);
  const isStretched = node.string('keep_aspect_ratio_policy', 'stretch') === 'stretch';
  const unknown = axes.map((axis) => unknownDim(node, axis));
  if (sizes !== undefined && sizes.length === axes.length) return isStretched ? sizes : unknown;
  const isCropped = node.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
  if (scales === undefined || scales.length !== axes.length || isCropped) return unknown;
  return axes.map((axis, position) => {
    const [dim, scale] = [at(from, axis), at(scales, position)];
    if (scale === 1) return dim;
    // The product is one of float32.
    return typeof dim === 'number' ? Math.floor(Math.fround(dim * scale)) : unknownDim(node, axis);
  });
}

export const shapeOperators: readonly Operator[] = [shape, nonZero, expand, range, constantOfShape, resize];

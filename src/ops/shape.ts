import type { Node } from '../ir/graph.js';
import type { Shape } from '../ir/types.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { broadcastShapes, constantInts, inputType, type Operator, rankOf, withShape } from './operator.js';
import { unknownDim } from './window.js';

/** Operators whose output tells of shapes and positions, or whose output's shape is computed. Their axes are pinned. */

/** ONNX Shape: the sizes of the axes as int64 [rank]. */
const shape: Operator = {
  op: 'Shape',
  domain: '',
  inputs: [1, 1],
  infer: (node) => {
    const rank = rankOf(node.inputs[0]);
    if (rank === undefined) return [undefined];
    const bound = (position: number): number => Math.min(Math.max(position < 0 ? position + rank : position, 0), rank);
    const length = Math.max(0, bound(node.int('end', rank)) - bound(node.int('start', 0)));
    return [withShape('int64', [length])];
  },
  flops: () => 0,
  needs: (node) => (node.attributes.start === undefined && node.attributes.end === undefined ? 1 : 15),
};

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

/** ONNX Expand: broadcast to the constant shape of input 1. */
const expand: Operator = {
  op: 'Expand',
  domain: '',
  inputs: [2, 2],
  infer: (node) => {
    const x = inputType(node, 0);
    const target = constantInts(node, 1);
    return [
      x === undefined || target === undefined ? undefined : withShape(x.type, broadcastShapes([x.shape, target])),
    ];
  },
  flops: () => 0,
};

/** ONNX Range: a list whose length is known only at run time. */
const range: Operator = {
  op: 'Range',
  domain: '',
  inputs: [3, 3],
  infer: (node) => {
    const type = node.input(0).elementType;
    return [type === undefined ? undefined : withShape(type, [unknownDim(node, 0)])];
  },
};

/** ONNX ConstantOfShape: one value repeated. */
const constantOfShape: Operator = {
  op: 'ConstantOfShape',
  domain: '',
  inputs: [1, 1],
  infer: (node) => {
    const value = node.attributes.value;
    const dims = constantInts(node, 0);
    const type = value?.kind === 'tensor' ? value.value.type : 'float32';
    return [dims === undefined ? undefined : withShape(type, dims)];
  },
};

/** ONNX Resize with constant scales (input 2) or sizes (input 3). */
const resize: Operator = {
  op: 'Resize',
  domain: '',
  inputs: [1, 4],
  infer: (node) => {
    const x = inputType(node, 0);
    const rank = rankOf(node.inputs[0]);
    if (x === undefined || rank === undefined) return [undefined];
    const axes = node.ints('axes')?.map((axis) => normalizeAxis(axis, rank)) ?? [...x.shape.keys()];
    const resized = resizedDims(node, x.shape, axes);
    const shapeOut = [...x.shape];
    for (const [position, axis] of axes.entries()) shapeOut[axis] = at(resized, position);
    return [withShape(x.type, shapeOut)];
  },
  needs: ({ attributes }) =>
    ['antialias', 'axes', 'keep_aspect_ratio_policy'].some((name) => attributes[name] !== undefined) ? 18 : 1,
};

/** The new sizes of `axes`: symbols where constants do not tell them, or they depend on a region or an aspect ratio. */
function resizedDims(node: Node, from: Shape, axes: readonly number[]): Shape {
  const scales = node.inputs[2]?.constant?.numbers();
  const sizes = constantInts(node, 3);
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

/** ONNX If: both branches give values of the same types; nothing is known where they differ. */
const branch: Operator = {
  op: 'If',
  domain: '',
  inputs: [1, 1],
  infer: (node) => {
    const results = [node.subgraph('then_branch'), node.subgraph('else_branch')].map((graph) => graph.outputs);
    return node.outputs.map((_, index) => {
      const [yes, no] = results.map((outputs) => outputs[index]?.type);
      if (yes === undefined || no === undefined || yes.shape.length !== no.shape.length) return undefined;
      const dims = yes.shape.map((dim, axis) => (dim === no.shape[axis] ? dim : unknownDim(node, axis)));
      return withShape(yes.type, dims);
    });
  },
  flops: () => 0,
};

export const shapeOperators: readonly Operator[] = [shape, nonZero, expand, range, constantOfShape, resize, branch];

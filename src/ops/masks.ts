import type { Node } from '../ir/graph.js';
import { normalizeAxis } from '../ir/types.js';
import { oneHotByEqual } from './alternatives/logic.js';
import { constantBounds, united } from './bounds.js';
import { replaceByOlder } from './older/replace.js';
import { olderTrilu } from './older/trilu.js';
import { constantInts, inputType, type Operator, rankOf, ShapeError, withShape } from './operator.js';
import { input, output, tie, tieAllAxes } from './relations.js';
import { unknownDim } from './symbols.js';

/** What masks and encodings of categories are made of. */

/**
 * ONNX OneHot: a new axis of `depth` (input 1, one number) slots, of which the one that the index (input 0) names holds
 * values[1], the others values[0] (input 2). Indices from −depth count from the end, those out of range name none. The new
 * axis is pinned.
 */
const oneHot: Operator = {
  op: 'OneHot',
  domain: '',
  float32Inputs: [0, 1],
  inputs: [3, 3],
  alternative: (node, builder) => {
    const value = oneHotByEqual(builder, node);
    return value && [value];
  },
  since: 9,
  infer: (node) => {
    const shape = node.input(0).shape;
    const type = node.input(2).elementType;
    if (shape === undefined || type === undefined) return [undefined];
    if (shape.length === 0) throw new ShapeError('indices have 1 axis or more');
    const axis = normalizeAxis(node.int('axis', -1), shape.length + 1);
    const depth = node.input(1).elementType === 'float16' ? undefined : constantInts(node, 1);
    if (depth !== undefined && depth.length !== 1) throw new ShapeError(`a depth of ${depth.length} numbers`);
    return [withShape(type, shape.toSpliced(axis, 0, depth?.[0] ?? unknownDim(node, axis)))];
  },
  bounds: (node) => constantBounds(node.input(2), 1, 0)?.overall(),
  relations: (node) => {
    const rank = rankOf(node.inputs[0]) ?? 0;
    const added = normalizeAxis(node.int('axis', -1), rank + 1);
    return Array.from({ length: rank }, (_, axis) => tie(input(0, axis), output(axis < added ? axis : axis + 1)));
  },
};

/** ONNX CumSum: sums of the elements so far along the constant axis of input 1, which is pinned. */
const cumSum: Operator = {
  op: 'CumSum',
  domain: '',
  sums: () => Number.POSITIVE_INFINITY,
  inputs: [2, 2],
  since: 11,
  homogeneous: () => [0],
  infer: (node) => [inputType(node, 0)],
  relations: (node) => {
    const axis = constantInts(node, 1)?.[0];
    return axis === undefined ? [] : tieAllAxes(node, [normalizeAxis(axis, rankOf(node.inputs[0]) ?? 0)]);
  },
};

/** ONNX Trilu: the upper or lower triangle of the last two axes, from the diagonal of input 1 (0 by default) on. */
const trilu: Operator = {
  op: 'Trilu',
  domain: '',
  inputs: [1, 2],
  needs: () => 14,
  downgrade: (node, graph, opset) => {
    if (opset < 14) replaceByOlder(node, graph, (b) => olderTrilu(b, node));
  },
  homogeneous: () => [0],
  infer: (node) => {
    const rank = rankOf(node.inputs[0]);
    if (rank !== undefined && rank < 2) throw new ShapeError(`a triangle has 2 axes, not ${rank}`);
    return [inputType(node, 0)];
  },
  flops: () => 0,
  bounds: (_, [x]) => x?.mapExactly((low, high) => united([low, high], [0, 0])),
  relations: (node: Node) => {
    const rank = rankOf(node.inputs[0]) ?? 0;
    return tieAllAxes(node, [rank - 2, rank - 1]);
  },
};

export const maskOperators: readonly Operator[] = [oneHot, cumSum, trilu];

import { int } from '../ir/attribute.js';
import type { Node } from '../ir/graph.js';
import { normalizeAxis, type Shape, sameShape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { Bounds } from './bounds.js';
import { elementsPerSample, inputType, type Operator, rankOf, ShapeError } from './operator.js';
import { input, output, sizeOfAxis, tie } from './relations.js';

/**
 * ONNX ArgMax and ArgMin: the position of the greatest or least element along `axis` as int64, of equal ones the first
 * (with `select_last_index` the last). The axis that is searched is pinned, since positions change with its length; the
 * others are tied.
 */
function argExtreme(op: string): Operator {
  return {
    op,
    domain: '',
    inputs: [1, 1],
    infer: (node) => {
      const x = inputType(node, 0);
      if (x === undefined) return [undefined];
      if (x.shape.length === 0) throw new ShapeError('what is searched has 1 axis or more');
      return [{ type: 'int64', shape: searchedShape(x.shape, searchedAxis(node), keepsAxis(node)) }];
    },
    searches: (node) => ({ axis: searchedAxis(node), least: op === 'ArgMin' }),
    isTotal: (node) => sizeOfAxis(node.input(0), searchedAxis(node)) > 0,
    flops: (node) => elementsPerSample(node.input(0).shape),
    relations: (node) => {
      const axis = searchedAxis(node);
      return Array.from({ length: rankOf(node.inputs[0]) ?? 0 }, (_, from) => from)
        .filter((from) => from !== axis)
        .map((from) => tie(input(0, from), output(keepsAxis(node) || from < axis ? from : from - 1)));
    },
    bounds: (node) => {
      const size = sizeOfAxis(node.input(0), searchedAxis(node));
      return size === 0 ? undefined : Bounds.uniform(0, size - 1);
    },
    transposed: (node, perm, graph) => {
      const axis = searchedAxis(node);
      const moved = at(perm, axis);
      graph.setAttributes(node, { axis: int(moved) });
      if (keepsAxis(node)) return perm;
      return perm.filter((from) => from !== moved).map((from) => (from < moved ? from : from - 1));
    },
    reshaped: (node, shape, graph) => {
      const from = node.input(0).shape;
      const keeps = !keepsAxis(node);
      if (from === undefined || !sameShape(shape, searchedShape(from, searchedAxis(node), keeps))) return false;
      graph.setAttributes(node, { axis: int(searchedAxis(node)), keepdims: int(keeps ? 1 : 0) });
      return true;
    },
  };
}

function searchedAxis(node: Node): number {
  return normalizeAxis(node.int('axis', 0), rankOf(node.inputs[0]) ?? 0);
}

function keepsAxis(node: Node): boolean {
  return node.int('keepdims', 1) === 1;
}

function searchedShape(from: Shape, searched: number, keeps: boolean): Shape {
  return from.flatMap((dim, axis) => (axis === searched ? (keeps ? [1] : []) : [dim]));
}

export const argExtremeOperators: readonly Operator[] = ['ArgMax', 'ArgMin'].map(argExtreme);

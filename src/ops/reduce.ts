import { int, ints } from '../ir/attribute.js';
import { Builder } from '../ir/builder.js';
import type { Graph, Node } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { isStatic, normalizeAxis, type Shape, sameShape, sizeOf } from '../ir/types.js';
import { at } from '../support/assert.js';
import { Bounds, followAxes, type Interval, sumRounding } from './bounds.js';
import { type LinearStep, pooledStep } from './linear-step.js';
import {
  constantInts,
  elementsPerSample,
  inputType,
  type Operator,
  type Resized,
  rankOf,
  staticShape,
} from './operator.js';
import { input, output, type Relation, tie } from './relations.js';

/**
 * ONNX ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2: over the axes given as constant
 * input 1. Where that is absent or empty, over all axes, or with `noop_with_empty_axes` over none.
 *
 * Axes that are not reduced are tied. Sums and means are sums of what each slot of a reduced axis contributes. Those of
 * two axes count the elements that they share, so only the first one can lose slots. Other reductions are no such sums:
 * all that they reduce is pinned.
 */
function reduce(op: string, axesInputSince: number): Operator {
  return {
    op,
    domain: '',
    inputs: [1, 2],
    infer: (node) => {
      const x = inputType(node, 0);
      const axes = reducedAxes(node);
      if (x === undefined || axes === undefined) return [undefined];
      return [{ type: x.type, shape: reducedShape(x.shape, axes, node.int('keepdims', 1) === 1) }];
    },
    flops: (node) => elementsPerSample(node.input(0).shape),
    ...(op === 'ReduceMax' || op === 'ReduceMin' ? {} : { sums: reducedElements }),
    relations: (node) => [...reduceRelations(node), ...summedRelations(node)],
    resize: rescaleMean,
    // A product of n elements is scaled by the factor to the power of n.
    homogeneous: () => (op === 'ReduceProd' ? [] : [0]),
    bounds: reducedBounds,
    ...(op === 'ReduceMean' ? { averages: averagesOf } : {}),
    ...(op === 'ReduceMean' || op === 'ReduceSum' ? { linearStep: reducedStep } : {}),
    transposed: (node, perm, graph) => {
      const axes = reducedAxes(node);
      if (axes === undefined) return undefined;
      const moved = axes.map((axis) => at(perm, axis));
      setAxes(node, graph, moved);
      if (node.int('keepdims', 1) === 1) return perm;
      // What is left of the permutation when the reduced axes are gone on both sides.
      const before = keptAxes(perm.length, moved);
      return keptAxes(perm.length, axes).map((axis) => before.indexOf(at(perm, axis)));
    },
    reshaped: (node, shape, graph) => {
      const axes = reducedAxes(node);
      const from = node.input(0).shape;
      const keeps = shape.length === from?.length ? 1 : 0;
      const isOther = axes !== undefined && axes.length > 0 && keeps !== node.int('keepdims', 1);
      if (from === undefined || !isOther || !sameShape(shape, reducedShape(from, axes, keeps === 1))) return false;
      graph.setAttributes(node, { keepdims: int(keeps) });
      return true;
    },
    downgrade: (node, graph, opset) => {
      const axes = reducedAxes(node);
      if (opset >= axesInputSince || axes === undefined) return;
      if (axes.length === 0 && rankOf(node.inputs[0]) !== 0) {
        replaceUnreduced(node, graph);
        return;
      }
      graph.setAttributes(node, {
        axes: axes.length === 0 ? undefined : ints(axes),
        noop_with_empty_axes: undefined,
      });
      graph.setInput(node, 1, undefined);
    },
  };
}

/** Elements of the input that go into one of the output. */
function reducedElements(node: Node): number {
  const axes = reducedAxes(node);
  const sizes = staticShape({ shape: axes?.flatMap((axis) => node.input(0).shape?.slice(axis, axis + 1) ?? []) });
  return sizes === undefined ? Number.POSITIVE_INFINITY : sizeOf(sizes);
}

function averagesOf(node: Node): ReturnType<NonNullable<Operator['averages']>> {
  const axes = reducedAxes(node);
  return axes === undefined ? undefined : { axes, keepsAxes: node.int('keepdims', 1) === 1 };
}

function reducedShape(from: Shape, axes: readonly number[], keepsAxes: boolean): Shape {
  return from.flatMap((dim, axis) => (axes.includes(axis) ? (keepsAxes ? [1] : []) : [dim]));
}

/** Before axes were an input, no attribute could say "over none": each element is then reduced by itself. */
function replaceUnreduced(node: Node, graph: Graph): void {
  const { origin, output } = node;
  const op = node.op === 'ReduceL1' || node.op === 'ReduceL2' ? 'Abs' : 'Identity';
  const same = graph.addNode({ op, inputs: [node.input(0)], origin, before: node }).output;
  graph.setType(same, output.type);
  graph.replaceUses(output, same);
  graph.swapNames(output, same);
  graph.removeNode(node);
}

/**
 * Extremes and means lie between the least and the greatest element; a sum is that of so many elements. Sums and means
 * are rounded.
 */
function reducedBounds(node: Node, [x]: readonly (Bounds | undefined)[]): Bounds | undefined {
  const bounds = followAxes(node, reduceRelations(node), x);
  if (bounds === undefined || node.op === 'ReduceProd') return undefined;
  if (node.op === 'ReduceMax' || node.op === 'ReduceMin') return bounds;
  const axes = reducedAxes(node);
  const dims = staticShape({ shape: node.input(0).shape?.filter((_, axis) => axes?.includes(axis)) });
  const norm = node.op === 'ReduceL1' || node.op === 'ReduceL2';
  const count = axes === undefined || dims === undefined ? undefined : sizeOf(dims);
  if (count === undefined || count === 0) return norm ? Bounds.uniform(0, Number.POSITIVE_INFINITY) : undefined;
  if (node.op === 'ReduceMean') return isFloat(node) ? bounds.rounded(count) : undefined;
  if (norm) {
    const power = node.op === 'ReduceL1' ? count : Math.sqrt(count);
    const sizes = bounds.mapExactly((low, high): Interval => [0, power * Math.max(-low, high)]);
    return isFloat(node) ? sizes.rounded(count + 1) : undefined;
  }
  return (sumOfSlots(axes ?? [], x, count) ?? bounds.mapExactly((low, high) => [count * low, count * high])).rounded(
    count,
  );
}

/** A mean or sum over static axes, the batch not among them. */
function reducedStep(node: Node): LinearStep | undefined {
  const axes = reducedAxes(node);
  const dims = node.input(0).shape?.slice(1);
  if (axes === undefined || dims === undefined || !isStatic(dims) || axes.includes(0) || axes.length === 0)
    return undefined;
  return pooledStep(
    dims,
    axes.map((axis) => axis - 1),
    node.op === 'ReduceMean',
  );
}

/** The sum of so many elements whose slots, of different bounds, are all reduced. */
function sumOfSlots(axes: readonly number[], x: Bounds | undefined, count: number): Bounds | undefined {
  if (x === undefined || x.isUniform || !axes.includes(x.axis)) return undefined;
  const each = count / x.lows.length;
  const total = (sides: Float64Array): number => each * sides.reduce((sum, side) => sum + side, 0);
  const size = each * x.lows.reduce((sum, low, slot) => sum + Math.max(Math.abs(low), Math.abs(x.high(slot))), 0);
  if (!Number.isFinite(size)) return undefined;
  const off = sumRounding(count) * size;
  return Bounds.uniform(total(x.lows) - off, total(x.highs) + off);
}

const isFloat = (node: Node): boolean => node.output.elementType === 'float32';

function summedRelations(node: Node): Relation[] {
  const axis = summedAxis(node);
  return axis === undefined ? [] : [{ kind: 'contract', data: input(0, axis) }];
}

/** The reduced axis that a sum or a mean runs over, the first one of several elements; undefined where there is none. */
function summedAxis(node: Node): number | undefined {
  const isSum = node.op === 'ReduceSum' || (node.op === 'ReduceMean' && node.output.elementType === 'float32');
  return isSum ? reducedAxes(node)?.find((axis) => Number(node.input(0).shape?.[axis]) > 1) : undefined;
}

/** A mean of fewer slots is still divided by the number that there were: what the others add is added behind it. */
function rescaleMean(node: Node, graph: Graph, sizes: Resized): void {
  if (node.op !== 'ReduceMean') return;
  for (const axis of reducedAxes(node) ?? []) {
    const kept = sizes.kept(node.input(0), axis);
    const before = sizes.sizeBefore(node.input(0), axis);
    const isShorter = kept !== undefined && before !== undefined && kept.length !== before;
    if (isShorter) scaleBehind(node, graph, kept.length / before);
  }
}

function scaleBehind(node: Node, graph: Graph, factor: number): void {
  const { output, origin } = node;
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  const builder = new Builder(graph, { origin, ...(next === undefined ? {} : { before: next }) });
  const scaled = builder.op('Mul', [output, builder.scalar(factor, 'share')]);
  graph.setType(scaled, output.type);
  graph.replaceUses(output, scaled, scaled.producer);
  graph.swapNames(output, scaled);
}

function reduceRelations(node: Node): Relation[] {
  const axes = reducedAxes(node);
  if (axes === undefined) return [];
  const kept = node.int('keepdims', 1) === 1;
  return keptAxes(rankOf(node.inputs[0]) ?? 0, axes).map((axis, position) =>
    tie(input(0, axis), output(kept ? axis : position)),
  );
}

/** Reduced axes counted from the start, ascending; undefined where they are not constant. */
function reducedAxes(node: Node): readonly number[] | undefined {
  const rank = rankOf(node.inputs[0]);
  // Where they are an attribute, the node is one of an older operator set.
  const axes = node.inputs[1] === undefined ? (node.ints('axes') ?? []) : constantInts(node, 1);
  if (rank === undefined || axes === undefined) return undefined;
  if (axes.length === 0) return node.int('noop_with_empty_axes', 0) === 1 ? [] : keptAxes(rank, []);
  return axes.map((axis) => normalizeAxis(axis, rank)).sort((left, right) => left - right);
}

function keptAxes(rank: number, reduced: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !reduced.includes(axis));
}

function setAxes(node: Node, graph: Graph, axes: readonly number[]): void {
  const sorted = axes.toSorted((left, right) => left - right);
  graph.setInput(node, 1, node.graph.addConstant(`${node.output.name}_axes`, Tensor.int64([sorted.length], sorted)));
}

export const reduceOperators: readonly Operator[] = [
  reduce('ReduceSum', 13),
  ...['ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceMean', 'ReduceMax', 'ReduceMin'].map((op) => reduce(op, 18)),
];

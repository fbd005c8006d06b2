import type { Graph, Node, Value } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import type { Dim, Shape } from '../ir/types.js';
import { isStatic, normalizeAxis, sameShape } from '../ir/types.js';
import { at } from '../support/assert.js';
import { followAxes } from './bounds.js';
import { constantInts, inputType, type Operator, type Resized, rankOf, ShapeError, withShape } from './operator.js';
import { input, output, type Port, type Relation, tie } from './relations.js';
import { shapeElements } from './shape-values.js';
import { dimOf, multipleOf, unknownDim } from './symbols.js';

/** A run of input axes that holds the same elements, in the same order, as a run of output axes. */
interface Block {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The sizes multiplied up so far on one side of a block. */
interface Extent {
  axes: number[];
  size: number;
  symbols: string[];
}

/**
 * Splits a reshape into the smallest blocks of axes that map onto one another, by multiplying sizes up from the left
 * until both sides agree. A symbol matches only itself. Undefined where the shapes cannot be aligned.
 */
function alignBlocks(from: Shape, to: Shape): readonly Block[] | undefined {
  const blocks: Block[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const left: Extent = { axes: [], size: 1, symbols: [] };
    const right: Extent = { axes: [], size: 1, symbols: [] };
    if (i < from.length) i = grow(left, from, i);
    if (j < to.length) j = grow(right, to, j);
    for (let order = compareExtents(left, right); order !== 0; order = compareExtents(left, right)) {
      if (order < 0 && i < from.length) i = grow(left, from, i);
      else if (order > 0 && j < to.length) j = grow(right, to, j);
      else return undefined;
    }
    blocks.push({ from: left.axes, to: right.axes });
  }
  return blocks;
}

function grow(extent: Extent, shape: Shape, axis: number): number {
  const dim = at(shape, axis);
  if (typeof dim === 'number') extent.size *= dim;
  else {
    const { factor, symbol } = multipleOf(dim);
    extent.size *= factor;
    extent.symbols.push(symbol);
  }
  extent.axes.push(axis);
  return axis + 1;
}

/** Negative: the left side must grow; positive: the right side; 0: they hold the same elements; NaN: they never will. */
function compareExtents(left: Extent, right: Extent): number {
  const symbols = left.symbols.length - right.symbols.length;
  if (symbols !== 0) return symbols;
  if (left.symbols.some((symbol, index) => symbol !== right.symbols[index])) return Number.NaN;
  return left.size - right.size;
}

/**
 * Relations of a reshape: single axes that survive are tied; axes that merge into one (flatten) or come out of one
 * (unflatten) are repeated in it. At most one axis of a merge can shrink, so all are offered as `repeat` of one port and
 * the unit groups choose the one that nothing else pins.
 */
function reshapeRelations(from: Shape | undefined, to: Shape | undefined): Relation[] {
  if (from === undefined || to === undefined) return [];
  return (alignBlocks(from, to) ?? []).flatMap((block) => {
    const [first] = block.from;
    const [target] = block.to;
    if (first === undefined || target === undefined) return [];
    if (block.from.length === 1 && block.to.length === 1) return [tie(input(0, first), output(target))];
    if (block.to.length === 1) return repeats(from, block.from, (axis) => input(0, axis), output(target));
    if (block.from.length === 1) return repeats(to, block.to, (axis) => output(axis), input(0, first));
    return [];
  });
}

function repeats(shape: Shape, axes: readonly number[], port: (axis: number) => Port, merged: Port): Relation[] {
  const sizes = axes.map((axis) => shape[axis]);
  return axes.flatMap((axis, position): Relation[] => {
    const outer = product(sizes.slice(0, position));
    const inner = product(sizes.slice(position + 1));
    if (outer === undefined || inner === undefined || shape[axis] === 1) return [];
    return [{ kind: 'repeat', from: port(axis), to: [merged], outer, inner, alternative: true }];
  });
}

function sameShapeIdentity(node: Node): Value | undefined {
  const x = node.input(0);
  return x.shape !== undefined && node.output.shape !== undefined && sameShape(x.shape, node.output.shape)
    ? x
    : undefined;
}

function product(sizes: readonly (Dim | undefined)[]): number | undefined {
  let result = 1;
  for (const size of sizes) {
    if (typeof size !== 'number') return undefined;
    result *= size;
  }
  return result;
}

/** ONNX Reshape to the shape of input 1, as far as it is known, where 0 keeps a size and -1 takes what is left. */
const reshape: Operator = {
  op: 'Reshape',
  domain: '',
  moves: true,
  reshapes: true,
  homogeneous: () => [0],
  inputs: [2, 2],
  infer: (node) => {
    const x = inputType(node, 0);
    const target = shapeElements(node.inputs[1]);
    if (x === undefined || target === undefined) return [undefined];
    return [withShape(x.type, reshapedShape(node, x.shape, target))];
  },
  flops: () => 0,
  identity: sameShapeIdentity,
  relations: (node) => reshapeRelations(node.input(0).shape, node.output.shape),
  bounds: (node, [x]) => followAxes(node, reshapeRelations(node.input(0).shape, node.output.shape), x),
  resize: resizeReshape,
};

function reshapedShape(node: Node, from: Shape, target: readonly Dim[]): Shape {
  const copied = target.map((dim, axis): Dim => (dim === 0 && node.int('allowzero', 0) === 0 ? at(from, axis) : dim));
  const free = copied.indexOf(-1);
  if (copied.some((dim, axis) => typeof dim === 'number' && dim < 0 && axis !== free)) {
    throw new ShapeError(`[${target.join(', ')}] is no shape`);
  }
  const others = copied.filter((_, axis) => axis !== free);
  // Symbols that stand on both sides cancel, so the rest can be computed even with a symbolic batch.
  const remaining = [...from];
  for (const dim of others) {
    const position = typeof dim === 'string' ? remaining.indexOf(dim) : -1;
    if (position >= 0) remaining.splice(position, 1);
  }
  const total = product(remaining);
  const known = product(others.filter((dim) => typeof dim === 'number' || !from.includes(dim)));
  if (free < 0) {
    const before = product(from);
    const after = product(copied);
    if (before !== undefined && after !== undefined && before !== after) {
      throw new ShapeError(`[${from.join(', ')}] cannot become [${target.join(', ')}]`);
    }
    return copied;
  }
  const symbols = remaining.filter((dim) => typeof dim === 'string');
  return copied.map((dim, axis) => {
    if (axis !== free) return dim;
    if (total !== undefined && known !== undefined && known > 0) {
      if (total % known !== 0) throw new ShapeError(`[${from.join(', ')}] cannot become [${target.join(', ')}]`);
      return total / known;
    }
    const sizes = product(remaining.filter((size) => typeof size === 'number'));
    const [symbol] = symbols;
    if (symbols.length !== 1 || symbol === undefined || sizes === undefined) return unknownDim(node, axis);
    const multiple = multipleOf(symbol);
    const factor = (multiple.factor * sizes) / (known ?? 0);
    return Number.isInteger(factor) && factor > 0 ? dimOf({ ...multiple, factor }) : unknownDim(node, axis);
  });
}

/**
 * An axis that shrank needs a new target shape; what is left over (-1) follows by itself. A copied size (0) is that of
 * the input axis at the same position, which need not be the one that the output's slots come from.
 */
function resizeReshape(node: Node, graph: Graph, sizes: Resized): void {
  const target = constantInts(node, 1);
  if (target === undefined) return;
  const resized = target.map((dim, axis) => {
    if (dim < 0) return dim;
    const count = sizes.kept(node.output, axis)?.length;
    if (dim > 0 || count !== undefined || sizes.kept(node.input(0), axis) === undefined) return count ?? dim;
    const before = node.output.shape?.[axis];
    return typeof before === 'number' ? before : dim;
  });
  if (resized.every((dim, axis) => dim === target[axis])) return;
  graph.setInput(node, 1, node.graph.addConstant(`${node.output.name}_shape`, Tensor.int64([resized.length], resized)));
}

/** ONNX Flatten: the axes before `axis` become one, the others another. */
const flatten: Operator = {
  op: 'Flatten',
  domain: '',
  moves: true,
  reshapes: true,
  homogeneous: () => [0],
  inputs: [1, 1],
  infer: (node) => {
    const x = inputType(node, 0);
    if (x === undefined) return [undefined];
    const axis = node.int('axis', 1) < 0 ? node.int('axis', 1) + x.shape.length : node.int('axis', 1);
    const merge = (dims: Shape, position: number): Dim =>
      dims.length === 1 ? at(dims, 0) : (product(dims) ?? unknownDim(node, position));
    return [withShape(x.type, [merge(x.shape.slice(0, axis), 0), merge(x.shape.slice(axis), 1)])];
  },
  flops: () => 0,
  identity: sameShapeIdentity,
  relations: (node) => reshapeRelations(node.input(0).shape, node.output.shape),
  bounds: (node, [x]) => followAxes(node, reshapeRelations(node.input(0).shape, node.output.shape), x),
};

/** ONNX Transpose: output axis i is input axis perm[i]; without `perm` the axes are reversed. */
const transpose: Operator = {
  op: 'Transpose',
  domain: '',
  moves: true,
  homogeneous: () => [0],
  inputs: [1, 1],
  infer: (node) => {
    const x = inputType(node, 0);
    return [
      x === undefined
        ? undefined
        : withShape(
            x.type,
            permutationOf(node).map((axis) => at(x.shape, axis)),
          ),
    ];
  },
  flops: () => 0,
  isTotal: (node) => rankOf(node.inputs[0]) === permutationOf(node).length,
  identity: (node) => {
    const isKnown = node.input(0).shape !== undefined || node.ints('perm') !== undefined;
    return isKnown && permutationOf(node).every((axis, position) => axis === position) ? node.input(0) : undefined;
  },
  relations: transposeRelations,
  bounds: (node, [x]) => followAxes(node, transposeRelations(node), x),
};

function transposeRelations(node: Node): Relation[] {
  return permutationOf(node).map((axis, position) => tie(input(0, axis), output(position)));
}

export function isTranspose(node: Node): boolean {
  return node.op === 'Transpose' && node.domain === '';
}

/** True for operators that lay the same elements out under another shape. */
export function isReshape(node: Node): boolean {
  return (node.op === 'Reshape' || node.op === 'Flatten') && node.domain === '';
}

/** The permutation of a Transpose node: output axis i is input axis perm[i]. */
export function permutationOf(node: Node): readonly number[] {
  const rank = rankOf(node.inputs[0]) ?? 0;
  return node.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

/** ONNX Unsqueeze: axes of size 1 inserted at the constant positions of input 1, counted in the output. */
const unsqueeze: Operator = {
  op: 'Unsqueeze',
  domain: '',
  moves: true,
  reshapes: true,
  homogeneous: () => [0],
  inputs: [2, 2],
  infer: (node) => {
    const x = inputType(node, 0);
    const added = insertedAxes(node);
    if (x === undefined || added === undefined) return [undefined];
    const shape: Dim[] = [...x.shape];
    for (const axis of added) shape.splice(axis, 0, 1);
    return [withShape(x.type, shape)];
  },
  flops: () => 0,
  relations: unsqueezeRelations,
  bounds: (node, [x]) => followAxes(node, unsqueezeRelations(node), x),
};

function unsqueezeRelations(node: Node): Relation[] {
  const added = insertedAxes(node);
  if (added === undefined) return [];
  return axesWithout(rankOf(node.output) ?? 0, added).map((axis, position) => tie(input(0, position), output(axis)));
}

/** Axes that an Unsqueeze inserts, counted in its output, ascending. */
export function insertedAxes(node: Node): readonly number[] | undefined {
  const rank = rankOf(node.inputs[0]);
  const axes = constantInts(node, 1);
  if (rank === undefined || axes === undefined) return undefined;
  return axes.map((axis) => normalizeAxis(axis, rank + axes.length)).toSorted((left, right) => left - right);
}

/** ONNX Squeeze: drops the axes of size 1 named by constant input 1, or all of them. */
const squeeze: Operator = {
  op: 'Squeeze',
  domain: '',
  moves: true,
  reshapes: true,
  homogeneous: () => [0],
  inputs: [1, 2],
  infer: (node) => {
    const x = inputType(node, 0);
    const dropped = droppedAxes(node);
    if (x === undefined || dropped === undefined) return [undefined];
    return [
      withShape(
        x.type,
        axesWithout(x.shape.length, dropped).map((axis) => at(x.shape, axis)),
      ),
    ];
  },
  flops: () => 0,
  // Without axes, another axis that shrinks to one slot would vanish too.
  relations: (node) => (node.inputs[1] === undefined ? [] : squeezeRelations(node)),
  bounds: (node, [x]) => followAxes(node, squeezeRelations(node), x),
};

function squeezeRelations(node: Node): Relation[] {
  const dropped = droppedAxes(node);
  if (dropped === undefined) return [];
  return axesWithout(rankOf(node.inputs[0]) ?? 0, dropped).map((axis, position) =>
    tie(input(0, axis), output(position)),
  );
}

function droppedAxes(node: Node): readonly number[] | undefined {
  const shape = node.inputs[0]?.shape;
  if (shape === undefined) return undefined;
  // A symbol may stand for 1, so without axes not even the rank of the output is known.
  if (node.inputs[1] === undefined && !isStatic(shape)) return undefined;
  if (node.inputs[1] === undefined) return shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  return constantInts(node, 1)?.map((axis) => normalizeAxis(axis, shape.length));
}

function axesWithout(rank: number, without: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !without.includes(axis));
}

export const reshapeOperators: readonly Operator[] = [reshape, flatten, transpose, unsqueeze, squeeze];

import type { Graph, Node } from '../ir/graph.js';
import { Tensor } from '../ir/tensor.js';
import { normalizeAxis } from '../ir/types.js';
import { at } from '../support/assert.js';
import { Bounds, type Interval, united } from './bounds.js';
import { constantInts, inputType, type Operator, type Padding, type Resized, rankOf, withShape } from './operator.js';
import { input, output, type Relation, tieAllAxes } from './relations.js';
import { unknownDim } from './symbols.js';

/**
 * ONNX Pad by the constant amounts of input 1 (begins, then ends). Axes that are not padded are tied. Along one that is
 * padded with a constant, the input is a run of slots of the output; where elements of the input are repeated, or left
 * out, it is pinned.
 */
export const pad: Operator = {
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
    const runs = padded.flatMap((axis): Relation[] => {
      const isStatic = typeof node.input(0).shape?.[axis] === 'number';
      if (!isStatic || !isFilled(node, axis)) return [];
      return [{ kind: 'slice', from: output(axis), to: input(0, axis), start: at(pads, axis) }];
    });
    return [...tieAllAxes(node, padded), ...runs];
  },
  // Zeros stay zeros only if there is nothing else around them.
  homogeneous: (node) => {
    const fill = node.inputs[2];
    const isCopied = node.string('mode', 'constant') !== 'constant';
    return isCopied || fill === undefined || fill.constant?.isFilledWith(0) === true ? [0] : [];
  },
  resize: resizePad,
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

/** True if the output is longer than the input along `axis`, by one number that is known. */
function isFilled(node: Node, axis: number): boolean {
  const pads = padsOf(node) ?? [];
  const isConstant = node.inputs[2] === undefined || node.inputs[2].constant !== undefined;
  const isPlain = node.string('mode', 'constant') === 'constant' && isConstant;
  return isPlain && (pads[axis] ?? -1) >= 0 && (pads[axis + pads.length / 2] ?? -1) >= 0;
}

/** Pads by as many slots as are left of the output before and behind those of the input. */
function resizePad(node: Node, graph: Graph, sizes: Resized): void {
  const pads = padsOf(node);
  const rank = rankOf(node.output) ?? 0;
  if (pads === undefined) return;
  const resized = [...pads];
  for (let axis = 0; axis < rank; axis++) {
    const kept = sizes.kept(node.output, axis);
    const before = sizes.sizeBefore(node.output, axis);
    if (kept === undefined || before === undefined || !isFilled(node, axis)) continue;
    const last = before - at(pads, axis + rank);
    resized[axis] = kept.filter((slot) => slot < at(pads, axis)).length;
    resized[axis + rank] = kept.filter((slot) => slot >= last).length;
  }
  if (resized.some((amount, side) => amount !== pads[side])) setPads(node, graph, resized);
}

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

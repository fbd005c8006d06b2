import type { Node, Value } from '../../ir/graph.js';
import { normalizeAxis } from '../../ir/types.js';
import { operatorOf } from '../../ops/index.js';
import { constantInts } from '../../ops/operator.js';

/** A step from a constant to what is made of it when the model is loaded, or of some of its slots at run time. */
export interface Cut {
  readonly node: Node;
  /**
   * `take`: slots along `axis`; `permute`: axes in another order; `silence`: some slots along another axis than that of the
   * channels become zero.
   */
  readonly kind: 'take' | 'permute' | 'silence';
  /** For `take` and `silence`. */
  readonly axis: number;
}

/** A value that is a constant, or cut from one. */
export interface CutConstant {
  readonly root: Value;
  /** From the constant on. */
  readonly cuts: readonly Cut[];
  /** Where the axis that was asked for lies in the constant. */
  readonly axis: number;
}

/**
 * What a value is cut from, with the axis of the constant that is `axis` of the value. Branches for some of a layer's units
 * read such weights. Undefined if it is made in any other way.
 */
export function cutConstant(value: Value, axis: number): CutConstant | undefined {
  const cuts: Cut[] = [];
  let current = value;
  let place = axis;
  while (current.constant === undefined) {
    const node = current.producer;
    const cut = node === undefined ? undefined : cutOf(node, place);
    if (node === undefined || cut === undefined) return undefined;
    cuts.unshift(cut);
    if (cut.kind === 'permute') place = node.ints('perm')?.[place] ?? place;
    current = node.input(0);
  }
  return current.constant.is('float32') ? { root: current, cuts, axis: place } : undefined;
}

function cutOf(node: Node, axis: number): Cut | undefined {
  const rank = node.inputs[0]?.shape?.length;
  if (rank === undefined || node.domain !== '') return undefined;
  if (node.op === 'Transpose' && node.ints('perm') !== undefined) return { node, kind: 'permute', axis };
  if (node.op === 'Gather' && node.inputs[1]?.shape?.length === 1) {
    return { node, kind: 'take', axis: normalizeAxis(node.int('axis', 0), rank) };
  }
  if (node.op === 'Slice') {
    const axes = node.inputs[3] === undefined ? [0] : constantInts(node, 3);
    const [only, ...others] = axes ?? [];
    const starts = node.input(1).shape;
    const isSingle = only !== undefined && others.length === 0 && starts?.[0] === 1 && node.inputs[4] === undefined;
    return isSingle ? { node, kind: 'take', axis: normalizeAxis(only, rank) } : undefined;
  }
  return silenceOf(node, axis);
}

/** A product with a constant of ones and zeros that varies along one axis only, which is not that of the channels. */
function silenceOf(node: Node, axis: number): Cut | undefined {
  const [data, factor] = [node.inputs[0], node.inputs[1]];
  const isScaling = operatorOf(node)?.homogeneous?.(node).length === 2 && node.op === 'Mul';
  const { constant } = factor ?? {};
  if (!isScaling || data?.shape === undefined || constant?.is('float32') !== true) return undefined;
  if (constant.dims.length !== data.shape.length || !constant.data.every((item) => item === 0 || item === 1)) {
    return undefined;
  }
  const varying = constant.dims.flatMap((dim, position) => (dim === 1 ? [] : [position]));
  const [only, ...others] = varying;
  return only !== undefined && others.length === 0 && only !== axis ? { node, kind: 'silence', axis: only } : undefined;
}

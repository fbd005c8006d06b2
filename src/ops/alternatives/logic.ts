import type { Builder } from '../../ir/builder.js';
import type { Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { normalizeAxis } from '../../ir/types.js';
import { at } from '../../support/assert.js';

/** Truth values and categories in operators that more devices have kernels for. */

/** Not neither. */
export function orByAnd(b: Builder, node: Node): Value {
  const [left, right] = [b.op('Not', [node.input(0)]), b.op('Not', [node.input(1)])];
  return b.op('Not', [b.op('And', [left, right])]);
}

/** Not equal, as numbers. */
export function xorByEqual(b: Builder, node: Node): Value {
  const [left, right] = [b.cast(node.input(0), 'int32'), b.cast(node.input(1), 'int32')];
  return b.op('Not', [b.op('Equal', [left, right])]);
}

/**
 * OneHot of int32 positions that is known but for them: each is compared with all. Those below zero count from the end;
 * undefined where depth or values are computed, or the positions are of another type.
 */
export function oneHotByEqual(b: Builder, node: Node): Value | undefined {
  const positions = node.input(0);
  const depth = node.input(1).constant?.numbers()[0];
  const values = node.input(2).constant;
  const rank = positions.shape?.length;
  if (positions.elementType !== 'int32' || depth === undefined || !values?.is('float32') || rank === undefined) {
    return undefined;
  }
  const axis = normalizeAxis(node.int('axis', -1), rank + 1);
  const int32 = (dims: readonly number[], numbers: readonly number[], name: string): Value =>
    b.constant(new Tensor('int32', dims, Int32Array.from(numbers)), name);
  const isNegative = b.op('Less', [positions, int32([], [0], 'zero')]);
  const fromEnd = b.op('Add', [positions, int32([], [depth], 'depth')]);
  const counted = b.unsqueeze(b.op('Where', [isNegative, fromEnd, positions]), [axis]);
  const dims = Array.from({ length: rank + 1 }, (_, index) => (index === axis ? depth : 1));
  const all = int32(
    dims,
    Array.from({ length: depth }, (_, index) => index),
    'categories',
  );
  const [off, on] = [b.scalar(at(values.floats(), 0), 'off'), b.scalar(at(values.floats(), 1), 'on')];
  return b.op('Where', [b.op('Equal', [counted, all]), on, off]);
}

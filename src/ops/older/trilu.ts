import { int } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Node, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { type ElementType, elementTypes } from '../../ir/types.js';

/**
 * Trilu before opset 14: a choice between the elements and zero, by whether the column less the row is at least, or at most,
 * that of the diagonal. Sizes and diagonal may be open. Truth values are kept where both hold.
 */
export function olderTrilu(b: Builder, node: Node): Value | undefined {
  const x = node.input(0);
  const type = x.elementType;
  if (type === undefined) return undefined;
  const positions = (axis: number): Value => {
    const known = x.shape?.at(axis);
    if (typeof known === 'number') return b.int64s(Array.from({ length: known }, (_, place) => place));
    const sizes = b.op('Shape', [x]);
    const size = b.gather(sizes, b.constant(Tensor.int64([], [axis]), 'axis'), 0);
    return b.op('Range', [b.constant(Tensor.int64([], [0])), size, b.constant(Tensor.int64([], [1]))]);
  };
  const rows = b.unsqueeze(positions(-2), [1]);
  const diagonal = node.inputs[1];
  const border = diagonal === undefined ? rows : b.op('Add', [rows, b.op('Reshape', [diagonal, b.int64s([1, 1])])]);
  const isUpper = node.int('upper', 1) === 1;
  const kept = b.op(isUpper ? 'GreaterOrEqual' : 'LessOrEqual', [b.unsqueeze(positions(-1), [0]), border]);
  if (type === 'bool') return b.op('And', [x, kept]);
  const zero = b.constant(new Tensor(type, [], new elementTypes[type].array(1)), 'zero');
  // Engines choose among few types; the widest of whole numbers and of floats hold all others.
  const wide = widened[type];
  if (wide === undefined) return b.op('Where', [kept, x, zero]);
  const chosen = b.op('Where', [kept, b.cast(x, wide), b.cast(zero, wide)]);
  return b.op('Cast', [chosen], { to: int(elementTypes[type].onnx) });
}

const widened: Readonly<Partial<Record<ElementType, ElementType>>> = {
  float16: 'float32',
  int8: 'int64',
  int16: 'int64',
  uint16: 'int64',
  uint32: 'int64',
};

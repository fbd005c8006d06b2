import { ints } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Node, Value } from '../../ir/graph.js';
import { normalizeAxis } from '../../ir/types.js';

/**
 * LayerNormalization before opset 17, written as its definition: (x − mean) / sqrt(mean((x − mean)²) + epsilon) · scale +
 * bias. In just these operators, because engines know the pattern and run it as one. The statistics of float16 are reckoned
 * in float32, as `stash_type` has it.
 */
export function olderLayerNormalization(b: Builder, node: Node): Value | undefined {
  const [x, scale, bias] = [node.input(0), node.input(1), node.inputs[2]];
  const rank = x.shape?.length;
  const isHalf = x.elementType === 'float16';
  if (rank === undefined || node.outputs.length > 1 || !(isHalf || x.elementType === 'float32')) return undefined;
  const first = normalizeAxis(node.int('axis', -1), rank);
  const axes = { axes: ints(Array.from({ length: rank - first }, (_, index) => first + index)) };
  const wide = isHalf ? b.cast(x, 'float32') : x;
  const deviation = b.op('Sub', [wide, b.op('ReduceMean', [wide], axes)]);
  const variance = b.op('ReduceMean', [b.op('Pow', [deviation, b.scalar(2)])], axes);
  const root = b.op('Sqrt', [b.op('Add', [variance, b.scalar(node.float('epsilon', 1e-5))])]);
  const normal = b.op('Div', [deviation, root]);
  const scaled = b.op('Mul', [isHalf ? b.cast(normal, 'float16') : normal, scale]);
  return bias === undefined ? scaled : b.op('Add', [scaled, bias]);
}

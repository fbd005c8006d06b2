import { float } from '../../ir/attribute.js';
import type { Builder } from '../../ir/builder.js';
import type { Node, Value } from '../../ir/graph.js';

/** Activations and roundings of float32 numbers in operators that more devices have kernels for. */

/** γ · elu(x), for Selu is that with an α of its own. */
export function scaledElu(b: Builder, node: Node): Value {
  const elu = b.op('Elu', [node.input(0)], { alpha: float(node.float('alpha', Math.fround(1.67326319))) });
  return b.op('Mul', [elu, b.scalar(node.float('gamma', Math.fround(1.05070102)), 'gamma')]);
}

/** x / (1 + |x|). */
export function softsignQuotient(b: Builder, node: Node): Value {
  const x = node.input(0);
  return b.op('Div', [x, b.op('Add', [b.op('Abs', [x]), b.scalar(1, 'one')])]);
}

/**
 * The whole number f below x, and one more where x is nearer to that, or as near and f is odd. What is left of x above f is
 * exact, and so is the number just below 1/2 that it is compared with where f is odd, so that nothing is decided by
 * rounding.
 */
export function roundedByFloor(b: Builder, node: Node): Value {
  const x = node.input(0);
  const below = b.op('Floor', [x]);
  const rest = b.op('Sub', [x, below]);
  const half = b.scalar(0.5, 'half');
  const halves = b.op('Mul', [below, half]);
  // 1/2 where f is odd, else 0.
  const odd = b.op('Sub', [halves, b.op('Floor', [halves])]);
  const limit = b.op('Sub', [half, b.op('Mul', [odd, b.scalar(2 ** -24, 'last_bit')])]);
  return b.op('Add', [below, b.cast(b.op('Greater', [rest, limit]), 'float32')]);
}

/** d − ln Σ e^d of what each element is above the greatest along the axis, d: no power overflows, and the sum is 1 or more. */
export function logOfSums(b: Builder, node: Node): Value {
  const x = node.input(0);
  const axes = b.int64s([node.int('axis', -1)], 'axes');
  const above = b.op('Sub', [x, b.op('ReduceMax', [x, axes])]);
  return b.op('Sub', [above, b.op('Log', [b.op('ReduceSum', [b.op('Exp', [above]), axes])])]);
}

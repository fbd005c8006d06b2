import type { Builder } from '../ir/builder.js';
import type { Value } from '../ir/graph.js';

/**
 * Constant weights times a constant vector along one axis, as operators that constant folding evaluates. The product
 * takes the weights' name, so that what users know as `conv1_kernel` is still called so when its scale is folded in.
 */
export function scaledAlong(builder: Builder, weights: Value, axis: number, factor: Value): Value {
  const shape = (weights.shape ?? []).map((_, position) => (position === axis ? -1 : 1));
  const product = builder.op('Mul', [weights, builder.reshape(factor, shape)]);
  builder.graph.swapNames(weights, product);
  return product;
}

import type { Graph, Value } from '../ir/graph.js';
import { Bounds } from '../ops/bounds.js';
import { operatorOf } from '../ops/index.js';

/**
 * Bounds of every value of a graph that operators can carry bounds to, for inputs whose elements lie in `inputRange`
 * (anything, if that is not given). Values within nested graphs are not bounded.
 */
export function boundsOf(graph: Graph, inputRange: readonly [number, number] | undefined): ReadonlyMap<Value, Bounds> {
  const bounds = new Map<Value, Bounds>();
  for (const value of graph.inputs) {
    if (inputRange !== undefined && value.elementType === 'float32') bounds.set(value, Bounds.uniform(...inputRange));
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : bounds.get(value)));
    const result = operatorOf(node)?.bounds?.(node, inputs);
    // The rounding is that of float32; whole numbers wrap around instead.
    const isFloat = node.outputs.length === 1 && node.output.elementType === 'float32';
    if (result !== undefined && isFloat) bounds.set(node.output, result);
  }
  return bounds;
}

import type { Graph, Node, Value } from '../ir/graph.js';
import { Bounds } from '../ops/bounds.js';
import { operatorOf } from '../ops/index.js';

/**
 * Bounds of the values `wanted` of a graph, as far as operators can carry bounds there, for inputs whose elements lie in
 * `inputRange` (anything, if that is not given). Values within nested graphs are not bounded. Every weight before the
 * wanted values takes a step, none behind them.
 */
export function boundsOf(
  graph: Graph,
  inputRange: readonly [number, number] | undefined,
  wanted: readonly Value[],
): ReadonlyMap<Value, Bounds> {
  const bounds = new Map<Value, Bounds>();
  for (const value of graph.inputs) {
    if (inputRange !== undefined && value.elementType === 'float32') bounds.set(value, Bounds.uniform(...inputRange));
  }
  const needed = producersOf(wanted);
  for (const node of graph.nodes) {
    if (!needed.has(node)) continue;
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : bounds.get(value)));
    const result = operatorOf(node)?.bounds?.(node, inputs);
    // The rounding is that of float32; whole numbers wrap around instead.
    const isFloat = node.outputs.length === 1 && node.output.elementType === 'float32';
    if (result !== undefined && isFloat) bounds.set(node.output, result);
  }
  return bounds;
}

/** The nodes that values are computed by, directly or not. */
function producersOf(values: readonly Value[]): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const pending = values.flatMap(({ producer }) => producer ?? []);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (nodes.has(node)) continue;
    nodes.add(node);
    pending.push(...node.inputs.flatMap((value) => value?.producer ?? []));
  }
  return nodes;
}

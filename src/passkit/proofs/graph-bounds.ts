import type { Graph, Node, Value } from '../../ir/graph.js';
import { type ElementType, elementTypes } from '../../ir/types.js';
import { Bounds } from '../../ops/bounds.js';
import { boundsOfNode } from '../../ops/index.js';

/**
 * What the elements of a graph's float32 inputs lie between: the same for all inputs, or by input name (an input that is
 * not named may hold anything); undefined: anything. Data are finite.
 */
export type InputRanges = readonly [number, number] | ReadonlyMap<string, readonly [number, number]> | undefined;

export type BoundsByValue = ReadonlyMap<Value, Bounds>;

/**
 * Bounds of the values `wanted` of a graph, or of one nested in it, and of all that they depend on, as far as operators
 * can carry bounds there. Every weight before the wanted values takes a step, none behind them. `known` holds bounds that
 * were found in other ways: values in it get no wider ones.
 */
export function boundsOf(
  graph: Graph,
  inputRanges: InputRanges,
  wanted: Iterable<Value>,
  known: BoundsByValue = new Map(),
): BoundsByValue {
  const bounds = new Map<Value, Bounds>();
  for (const value of graph.inputs) {
    const range = rangeOf(inputRanges, value.name);
    if (range !== undefined && value.elementType === 'float32') bounds.set(value, Bounds.uniform(...range));
  }
  boundNodes(graph, producersOf(wanted), bounds, known);
  return bounds;
}

function rangeOf(ranges: InputRanges, name: string): readonly [number, number] | undefined {
  return ranges !== undefined && 'get' in ranges ? ranges.get(name) : ranges;
}

/** Nested graphs before the nodes that hold them; the inputs of loop bodies may hold anything. */
function boundNodes(graph: Graph, needed: ReadonlySet<Node>, bounds: Map<Value, Bounds>, known: BoundsByValue): void {
  for (const node of graph.nodes) {
    for (const nested of node.subgraphs) boundNodes(nested, needed, bounds, known);
    if (!needed.has(node)) continue;
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : bounds.get(value)));
    const results = boundsOfNode(node, inputs, (value) => bounds.get(value));
    for (const [index, output] of node.outputs.entries()) {
      const found = results[index];
      const result = found !== undefined && holdsFor(output.elementType, found) ? found : undefined;
      const other = known.get(output);
      const best = result === undefined ? other : other === undefined ? result : narrower(result, other);
      if (best !== undefined) bounds.set(output, best);
    }
  }
}

/** The rounding is that of float32. Whole numbers wrap around where a result is beyond their type. */
function holdsFor(type: ElementType | undefined, bounds: Bounds): boolean {
  if (type === 'float32' || type === 'bool') return true;
  if (type === undefined || type.startsWith('float')) return false;
  const most = 2 ** (8 * elementTypes[type].bytes - 1) - 1;
  const { lows, highs } = bounds.overall();
  return (lows[0] ?? -Infinity) >= (type.startsWith('u') ? 0 : -most) && (highs[0] ?? Infinity) <= most;
}

/** What both say; `other` says more of single slots. */
function narrower(result: Bounds, other: Bounds): Bounds {
  const along = result.along(other.axis);
  return Bounds.of(
    other.axis,
    Array.from(other.lows, (low, slot) => [
      Math.max(low, along.low(slot)),
      Math.min(other.high(slot), along.high(slot)),
    ]),
  );
}

/** The nodes that values are computed by, directly or not, and all nodes in the graphs that these hold. */
function producersOf(values: Iterable<Value>): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const pending = Array.from(values, ({ producer }) => producer);
  while (pending.length > 0) {
    const node = pending.pop();
    if (node === undefined || nodes.has(node)) continue;
    nodes.add(node);
    pending.push(...node.inputs.map((value) => value?.producer));
    for (const nested of node.subgraphs) pending.push(...nested.nodes);
  }
  return nodes;
}

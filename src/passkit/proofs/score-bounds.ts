import type { Graph, Value } from '../../ir/graph.js';
import { gatesOf } from '../gates.js';
import { type BoundsByValue, boundsOf, type InputRanges } from './graph-bounds.js';
import { linearBounds } from './linear-bounds.js';

/**
 * As {@link boundsOf}; scores that intervals leave undecided are bounded by linear functions as well, and what follows from
 * those that this decides is bounded anew. The scores of all gates are among what is bounded.
 */
export function boundsWithScores(graph: Graph, inputRanges: InputRanges, wanted: Iterable<Value> = []): BoundsByValue {
  const gates = gatesOf(graph);
  const values = new Set([...wanted, ...gates.map(({ score }) => score)]);
  const bounds = boundsOf(graph, inputRanges, values);
  const undecided = gates.flatMap(({ score, axis, threshold, units }) => {
    const known = bounds.get(score)?.along(axis);
    const isOpen = (unit: number): boolean =>
      known === undefined || (known.low(unit) < threshold && known.high(unit) >= threshold);
    return axis > 0 && Array.from({ length: units }, (_, unit) => unit).some(isOpen)
      ? [{ score, axis, threshold }]
      : [];
  });
  const tighter = linearBounds(graph, bounds, undecided);
  return tighter.size === 0 ? bounds : boundsOf(graph, inputRanges, values, tighter);
}

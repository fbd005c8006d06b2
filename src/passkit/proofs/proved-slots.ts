import type { Graph, Node, Value } from '../../ir/graph.js';
import type { Bounds } from '../../ops/bounds.js';
import { inputRangesOf } from '../../runtime/profile/query.js';
import type { Profile } from '../../runtime/profile/types.js';
import { type Gate, gatesOf } from '../gates.js';
import { FixedSlots } from '../units/fixed-slots.js';
import type { InputRanges } from './graph-bounds.js';
import { boundsWithScores } from './score-bounds.js';

/** What bounds prove of a graph. */
interface Proofs {
  /**
   * Slots that hold one float32 number for every input; constants, which do so anyway, are left out. An off unit's slots
   * of its gate's output are among them.
   */
  readonly fixed: FixedSlots;
  /** Units of gates whose score is below the threshold for every input. */
  readonly off: ReadonlyMap<Node, readonly number[]>;
}

/** What bounds prove for inputs whose elements lie in `inputRanges` (anything finite, if that is not given). */
export function provedSlots(graph: Graph, inputRanges: InputRanges): Proofs {
  const gates = gatesOf(graph);
  const values = [...graph.allNodes()].flatMap(({ outputs }) => outputs);
  const bounds = boundsWithScores(graph, inputRanges, values);
  const fixed = new FixedSlots();
  for (const value of values) {
    const known = bounds.get(value);
    if (known !== undefined && value.elementType === 'float32') fixSlots(value, known, fixed);
  }
  const off = new Map<Node, readonly number[]>();
  for (const gate of gates) {
    const silent = silentUnits(gate, bounds.get(gate.score));
    if (silent.length > 0) off.set(gate.node, silent);
  }
  return { fixed, off };
}

/** Units whose score is below the threshold, whatever the input. */
export function silentUnits({ axis, units, threshold }: Gate, score: Bounds | undefined): number[] {
  const along = score?.along(axis);
  if (along === undefined) return [];
  return Array.from({ length: units }, (_, unit) => unit).filter((unit) => along.high(unit) < threshold);
}

/** Slots along the axis that the bounds tell apart, or along every axis but the batch where all elements are one number. */
function fixSlots(value: Value, bounds: Bounds, fixed: FixedSlots): void {
  if (bounds.isUniform && bounds.low(0) !== bounds.high(0)) return;
  for (const [axis, size] of (value.shape ?? []).entries()) {
    const isTold = bounds.isUniform ? axis > 0 : axis === bounds.axis;
    if (!isTold || typeof size !== 'number') continue;
    for (let slot = 0; slot < size; slot++) {
      const number = bounds.low(slot);
      if (number === bounds.high(slot) && Number.isFinite(number))
        fixed.set(value, axis, slot, Math.fround(number) + 0);
    }
  }
}

/**
 * How many of some units of gates would be proved to be off for inputs within the range that the profile observed, by gate:
 * what was merely observed of these rests on the range of the data alone.
 */
export function countProvedWithin(
  graph: Graph,
  profile: Profile,
  units: ReadonlyMap<Node, Iterable<number>>,
): ReadonlyMap<Node, number> {
  const bounds = boundsWithScores(graph, inputRangesOf(profile));
  const gates = gatesOf(graph).filter(({ node }) => units.has(node));
  return new Map(
    gates.map((gate) => {
      const silent = new Set(silentUnits(gate, bounds.get(gate.score)));
      return [gate.node, [...(units.get(gate.node) ?? [])].filter((unit) => silent.has(unit)).length];
    }),
  );
}

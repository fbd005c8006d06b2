import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { assert } from '../../../support/assert.js';
import { type Gate, gateOf, gatesOf } from '../../gates.js';
import { inBatches } from '../firing/activity.js';
import { type Region, RegionFinder, type RegionGate } from '../regions/region.js';
import type { PlanningContext } from '../strategy.js';
import { layRowsFirst } from './rows-first.js';
import type { ConstantSelection } from './selection.js';

/** The expected time over the numbers of units that fire; without a profile all are taken to. */
export function expectedGatherTime(own: RegionGate, { times, batch, activityOf }: PlanningContext): number {
  const activity = activityOf(own);
  const patterns = activity === undefined ? [] : inBatches(activity.patterns, batch);
  const overhead = 6 * times.costs.operator;
  if (patterns.length === 0) return overhead + times.runtime(new Map());
  return patterns.reduce(
    (sum, { units, weight }) => sum + weight * times.runtime(new Map([[own, Math.max(1, units.count)]])),
    overhead,
  );
}

/** The region once the weights that make its units lie in rows, which is how they are gathered fastest. */
export async function withRowsFirst({ graph, gates }: Region, context: PlanningContext): Promise<Region> {
  for (const { gate } of gates) await layRowsFirst(graph, gate, context);
  const region = await new RegionFinder(graph, gatesOf(graph)).find(
    gates.map(({ gate }) => gateOf(gate.node)),
    context,
  );
  assert(typeof region === 'object', 'a region stays one when its weights are laid out anew');
  return region;
}

/**
 * The numbers of the units that fire for some sample, and of the first unit in any case: int64 [count]. With `among`, only
 * these units are asked, and the numbers are places among them.
 */
export function activeUnits(gate: Gate, on: Value, builder: Builder, among?: ConstantSelection): Value {
  const axes = (gate.score.shape ?? []).flatMap((_, axis) => (axis === gate.axis ? [] : [axis]));
  const some = builder.op('ReduceMax', [on, builder.int64s(axes, 'axes')], { keepdims: int(0) });
  const asked = among === undefined ? some : builder.gather(some, among.index, 0);
  const count = among?.units.length ?? gate.units;
  const first = Tensor.floats(
    [count],
    Array.from({ length: count }, (_, unit) => (unit === 0 ? 1 : 0)),
  );
  const kept = builder.op('Max', [asked, builder.constant(first, 'first_unit')]);
  return builder.reshape(builder.op('NonZero', [kept]), [-1]);
}

import { int } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import type { Node, Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { inferTypes, operatorOf, relationsOf } from '../../../ops/index.js';
import { isReshape } from '../../../ops/reshape.js';
import { assert, at } from '../../../support/assert.js';
import { type Gate, gateOf, gatesOf } from '../../gates.js';
import { inBatches } from '../firing/activity.js';
import { firingNumbers, maskOf } from '../firing/firing.js';
import { type Region, RegionFinder, type RegionGate } from '../regions/region.js';
import { RegionCopy, replaceRegion } from '../rewriting/region-copy.js';
import { layRowsFirst } from '../rewriting/rows-first.js';
import type { ConstantSelection } from '../rewriting/selection.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';

/**
 * The numbers of the units that fire are found at run time; the weights that make and read them are gathered by these, so
 * that the operators between run on the active units alone. Exact for any gates and any batch: the units that fire for
 * *some* sample are computed, and each sample's own mask still multiplies them. The first unit is always among them, since
 * a convolution with run-time weights and no input channel never returns in ONNX Runtime.
 */
export const gather: Strategy = {
  name: 'gather',
  plans(region, context) {
    const [own] = region.gates;
    if (region.gates.length > 1 || own === undefined) return 'each gate of several in a row is gathered by itself';
    const fixed = fixedWidthOf(region);
    if (fixed !== undefined) return fixed;
    return [
      {
        name: 'gather',
        what: 'the weights of the units that fire are gathered at run time',
        predicted: expectedGatherTime(own, context),
        isNested: false,
        apply: () => apply(region, context),
      } satisfies Plan,
    ];
  },
};

/** Why a region cannot run on a number of units that is known at run time only. */
export function fixedWidthOf({ nodes, gates }: Region): string | undefined {
  const isUnitAxis = new Map<Value, readonly number[]>();
  for (const { value, axis, units } of gates.flatMap(({ axes }) => axes)) {
    if (value.constant !== undefined && units.some((unit, slot) => unit !== slot)) {
      return `the units of '${value.name}' are repeated`;
    }
    isUnitAxis.set(value, [...(isUnitAxis.get(value) ?? []), axis]);
  }
  const fixed = nodes.find((node) => {
    if (gates.some(({ gate }) => gate.node === node)) return false;
    const isOnUnits = [...node.inputs, ...node.outputs].some((value) => value !== undefined && isUnitAxis.has(value));
    return isOnUnits && (isReshape(node) || operatorOf(node)?.op === 'Gate' || hasFixedWidth(node));
  });
  return fixed === undefined ? undefined : `'${fixed.label}' (${fixed.op}) needs a fixed number of units`;
}

/** True for operators whose attributes fix their number of units, such as a depthwise convolution. */
function hasFixedWidth(node: Node): boolean {
  return relationsOf(node).some((relation) =>
    relation.kind === 'contract' ? relation.weight === undefined : relation.kind !== 'tie',
  );
}

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

async function apply(found: Region, context: PlanningContext): Promise<void> {
  const region = await withRowsFirst(found, context);
  const { graph } = region;
  const own = at(region.gates, 0);
  const { gate } = own;
  const builder = new Builder(graph, { origin: gate.node.origin });
  const score = gate.node.input(1);
  const mask = maskOf(gate, score, builder);
  const index = activeUnits(gate, firingNumbers(gate.node, score, builder), builder);
  const copy = new RegionCopy(region, graph, new Map([[own, { kind: 'runtime', index, mask }]]));
  for (const node of region.nodes) copy.add(node);
  replaceRegion(region, {
    outputs: region.outputs.map((value) => copy.output(value)),
    exits: region.exits.map((exit) => copy.exit(exit)),
  });
  inferTypes(graph);
}

/**
 * The numbers of the units that fire for some sample, and of the first unit in any case: int64 [count]. With `among`, only
 * these units are asked, and the numbers are places among them.
 */
export function activeUnits(gate: Gate, on: Value, builder: Builder, among?: ConstantSelection): Value {
  const axes = (gate.node.input(1).shape ?? []).flatMap((_, axis) => (axis === gate.axis ? [] : [axis]));
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

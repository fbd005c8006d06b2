import { int } from '../../../ir/attribute.js';
import { Builder } from '../../../ir/builder.js';
import type { Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { elementsPerSample } from '../../../ops/operator.js';
import { at, defined } from '../../../support/assert.js';
import { addBranch } from '../../branches/add-branch.js';
import { decisionOf } from '../firing/decision.js';
import { RegionTimes } from '../region-times.js';
import { inputsOf, type Region, resultsOf } from '../regions/region.js';
import { sampleCount, samplesMeet } from '../rewriting/batch.js';
import { copyRegion, replaceRegion } from '../rewriting/region-copy.js';
import { placesOf, unitsOf } from '../rewriting/selection.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';
import type { GateVariants } from '../variants/variant-sets.js';
import type { Variant } from '../variants/variants.js';

/**
 * The samples of a batch are grouped by the variant that serves each; every variant runs once, on the rows of its group,
 * and what comes of the groups is put back in order. A group that is empty runs nothing. Sound where every node computes a
 * sample's results from that sample alone. Right for any batch.
 */
export const grouping: Strategy = {
  name: 'grouping',
  needs: ['NonZero'],
  plans(region, context) {
    if (context.batch === 1) return 'it is planned for one sample';
    if (region.gates.length > 1) return 'samples are grouped by one gate at a time';
    const meet = samplesMeet(region);
    if (meet !== undefined) return meet;
    // One sample's choice does not depend on the others.
    const sets = context.variantsFor(1);
    if (typeof sets === 'string') return sets;
    const plans = sets.map((gates) => planOf(region, at(gates, 0), context));
    return plans.toSorted((left, right) => left.predicted - right.predicted);
  },
};

function planOf(region: Region, variants: GateVariants, context: PlanningContext): Plan {
  const count = variants.variants.length;
  const widths = variants.variants.map(({ units }) => units.length).join(', ');
  return {
    name: `grouping-${count}`,
    what: `the samples of each of ${count} variants, of ${widths} units, run together`,
    predicted: predicted(region, variants, context),
    isNested: true,
    apply: () => apply(region, variants),
  };
}

/** As if samples chose independently of one another. */
function predicted(region: Region, { own, expected }: GateVariants, { times, batch }: PlanningContext): number {
  const { operator, branch, element } = times.costs;
  const results = resultsOf(region);
  const given = inputsOf(region).length;
  // Choosing takes a few operators; results are joined and put in order.
  let time = 8 * operator;
  for (const { shape } of results) time += 2 * (operator + batch * elementsPerSample(shape) * element);
  for (const { variant, share } of expected) {
    const { units, match } = variant;
    const runs = 1 - (1 - share) ** batch;
    time += branch + 4 * operator;
    if (runs === 0) continue;
    const rows = new RegionTimes(region, times.costs, (batch * share) / runs);
    const saved = match === 'equals' ? rows.maskCost(own, units.length) : 0;
    time += runs * (rows.constant(new Map([[own, units.length]])) + given * operator - saved);
  }
  return time;
}

function apply(region: Region, { own, variants }: GateVariants): void {
  const { graph } = region;
  const { gate } = own;
  const builder = new Builder(graph, { origin: gate.node.origin });
  const { choice, mask } = decisionOf(gate, gate.score, variants, 'sample', builder);
  const groups = variants.map((variant, number) => {
    const isIn = builder.op('Equal', [choice, builder.constant(Tensor.int64([], [number]), 'variant')]);
    const rows = builder.reshape(builder.op('NonZero', [isIn]), [-1]);
    const results = runGroup(region, variant, rows, mask, builder);
    return { rows, results };
  });
  const join = (parts: readonly Value[]): Value => builder.op('Concat', parts, { axis: int(0) });
  const order = join(groups.map(({ rows }) => rows));
  const count = sampleCount(gate.score, builder);
  const places = placesOf(order, count, count, builder);
  replaceRegion(
    region,
    resultsOf(region).map((_, index) =>
      builder.gather(join(groups.map(({ results }) => at(results, index))), places, 0),
    ),
  );
}

/** What a variant gives for the samples in `rows`, none of which are none of its work. */
function runGroup(
  region: Region,
  variant: Variant,
  rows: Value,
  mask: Value | undefined,
  builder: Builder,
): readonly Value[] {
  const { graph, gates } = region;
  const own = at(gates, 0);
  const units = unitsOf(variant, own, graph);
  const needsMask = variant.match !== 'equals';
  const computed = (inner: Builder): readonly Value[] => {
    const values = new Map<Value, Value>();
    for (const value of inputsOf(region)) {
      // The gate itself reads its score no more.
      if (value === own.gate.score && value.uses.every(({ node }) => node === own.gate.node)) continue;
      values.set(value, inner.gather(value, rows, 0));
    }
    const masked = needsMask ? inner.gather(defined(mask, 'a mask'), rows, 0) : undefined;
    return copyRegion(region, inner.graph, new Map([[own, { ...units, mask: masked }]]), values);
  };
  const results = resultsOf(region);
  return addBranch(graph, {
    condition: builder.cast(builder.op('Size', [rows]), 'bool'),
    whenTrue: computed,
    whenFalse: (inner) => results.map((value) => noRows(value, inner)),
    names: results.map(({ name }) => name),
    origin: own.gate.node.origin,
  });
}

/** No rows of a value. */
function noRows({ elementType = 'float32', shape = [] }: Value, builder: Builder): Value {
  const none = builder.constant(Tensor.floats([0, ...shape.slice(1).map(Number)], []), 'no_rows');
  return elementType === 'float32' ? none : builder.cast(none, elementType);
}

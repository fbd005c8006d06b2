import type { Region } from '../regions/region.js';
import { withTail } from '../regions/region-tail.js';
import { addNestedBranches } from '../rewriting/nested-branches.js';
import { replaceRegion } from '../rewriting/region-copy.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';
import { expectedTime, type GateVariants } from '../variants/variant-sets.js';

/**
 * Branches of nested `If`s that are compact-dense for some set of units each, in a graph that holds the weights once. The
 * sets are merged from the patterns that the profile saw, for the least expected time; the last branch computes all units,
 * so the plan is exact for any gates and any batch. A modal gate gets one branch for each mode, without any mask.
 */
export const dispatch: Strategy = {
  name: 'dispatch',
  plans(region, context) {
    const sets = context.variantsFor(context.batch);
    if (typeof sets === 'string') return sets;
    return sets
      .map((gates) => planOf(region, gates, context))
      .toSorted((left, right) => left.predicted - right.predicted);
  },
};

function planOf(region: Region, gates: readonly GateVariants[], context: PlanningContext): Plan {
  const counts = gates.map(({ variants }) => variants.length).join('x');
  const widths = gates.map(({ variants }) => variants.map(({ units }) => units.length).join(', ')).join(' and of ');
  return {
    name: `dispatch-${counts}`,
    what: `${counts} variants of ${widths} units, chosen by the gates`,
    predicted: expectedTime(gates, context),
    isNested: true,
    apply: () => {
      const whole = withTail(region);
      replaceRegion(whole, addNestedBranches(whole.graph, whole, gates));
    },
  };
}

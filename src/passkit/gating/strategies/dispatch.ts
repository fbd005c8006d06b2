import type { Node } from '../../../ir/graph.js';
import { relationsOf } from '../../../ops/index.js';
import { BitSet } from '../../../support/bit-set.js';
import { type Activity, inBatches } from '../activity.js';
import { applyDispatch, type GateVariants } from '../dispatch.js';
import { type MergeOptions, mergeActivity } from '../merge-patterns.js';
import { modesOf } from '../modes.js';
import type { Region, RegionGate } from '../region.js';
import { withTail } from '../region-tail.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';
import { anyVariant, type Padding, sharesOf, sharpened, type Variant, variantOf } from '../variants.js';

/** Most variants of a gate, the one of all units included; of a modal gate it may be as many modes. */
const variantCounts = [2, 4, 8] as const;
const mostModes = 16;
/** Most branches in which the nodes behind the last of several gates are there. */
const mostBranches = 32;

/**
 * Branches of nested `If`s that are compact-dense for some set of units each, in a graph that holds the weights once. The
 * sets are merged from the patterns that the profile saw, for the least expected time; the last branch computes all units,
 * so the plan is exact for any gates and any batch. A modal gate gets one branch for each mode, without any mask.
 */
export const dispatch: Strategy = {
  name: 'dispatch',
  plans(region, context) {
    const sets = variantSets(region, context);
    if (typeof sets === 'string') return sets;
    return sets
      .map((gates) => planOf(region, gates, context))
      .toSorted((left, right) => left.predicted - right.predicted);
  },
};

/** Variants for all gates of a region together, of different numbers; or why there are none. */
export function variantSets(region: Region, context: PlanningContext): readonly (readonly GateVariants[])[] | string {
  const sets = new Map<string, readonly GateVariants[]>();
  for (const most of variantCounts) {
    const gates: GateVariants[] = [];
    for (const own of region.gates) {
      const found = variantsOf(own, most, region, context);
      if (found === undefined) return `nothing is known of which units of '${own.gate.name}' fire together`;
      gates.push(found);
    }
    const counts = gates.map(({ variants }) => variants.length);
    const branches = counts.reduce((product, count) => product * count, 1);
    const name = counts.join('x');
    if (counts.some((count) => count > 1) && branches <= mostBranches && !sets.has(name)) sets.set(name, gates);
  }
  return sets.size > 0 ? [...sets.values()] : 'no set of units that fire together is small enough';
}

function planOf(region: Region, gates: readonly GateVariants[], context: PlanningContext): Plan {
  const counts = gates.map(({ variants }) => variants.length).join('x');
  const widths = gates.map(({ variants }) => variants.map(({ units }) => units.length).join(', ')).join(' and of ');
  return {
    name: `dispatch-${counts}`,
    what: `${counts} variants of ${widths} units, chosen by the gates`,
    predicted: expectedTime(gates, context),
    isNested: true,
    apply: () => applyDispatch(withTail(region), gates),
  };
}

/** The variants of a gate; undefined where nothing is known of its units. */
function variantsOf(own: RegionGate, most: number, region: Region, context: PlanningContext): GateVariants | undefined {
  const activity = context.activityOf(own);
  if (activity === undefined) return undefined;
  const { units } = own.gate;
  const padding = { multiple: widthMultiple(region, context), canSilence: canSilence(region) };
  const modes = modesOf(own.gate);
  const modal = modes === undefined || modes.masks.length > mostModes ? undefined : modes.masks;
  const variants =
    modal === undefined
      ? mergedVariants(own, activity, most, padding, region, context)
      : modal.map((mask) => variantOf(mask, 'equals', padding));
  const all = [...variants, anyVariant(units)];
  return { own, variants: all, shares: sharesOf(all, inBatches(activity.heldOut, context.batch)) };
}

function mergedVariants(
  own: RegionGate,
  activity: Activity,
  most: number,
  padding: Padding,
  region: Region,
  context: PlanningContext,
): readonly Variant[] {
  const { units } = own.gate;
  const others = new Map(region.gates.filter((gate) => gate !== own).map((gate) => [gate, meanUnits(gate, context)]));
  const cost = (count: number): number => context.times.constant(new Map([...others, [own, Math.max(1, count)]]));
  const { costs } = context.times;
  const options: MergeOptions = {
    live: BitSet.full(units),
    mostVariants: most,
    cost: ({ count }) => cost(Math.min(units, Math.ceil(count / padding.multiple) * padding.multiple)),
    levelCost: costs.branch + costs.operator,
  };
  const batched = activityInBatches(activity, context.batch);
  const merged = mergeActivity(batched, options);
  const covering = merged.variants
    .slice(0, -1)
    .filter((set) => set.count < units)
    .map((set) => variantOf(set, 'covers', padding));
  const { maskCost } = context.times;
  const variantCosts = {
    cost: (set: BitSet) => cost(set.count),
    levelCost: options.levelCost,
    maskCost: (count: number) => maskCost(own, count),
  };
  return sharpened([...covering, anyVariant(units)], batched, variantCosts, padding).slice(0, -1);
}

function activityInBatches(activity: Activity, batch: number): Activity {
  if (batch === 1) return activity;
  const [patterns, fit, heldOut] = [activity.patterns, activity.fit, activity.heldOut].map((list) =>
    inBatches(list, batch),
  );
  return { ...activity, patterns: patterns ?? [], fit: fit ?? [], heldOut: heldOut ?? [] };
}

/** What widths are padded to: where convolutions compute channels in blocks, full blocks cost no more. */
export function widthMultiple({ nodes }: Region, { target }: PlanningContext): number {
  const { widths } = target;
  return widths !== undefined && nodes.some((node) => widths.isConvolution(node)) ? widths.block : 1;
}

/** True if units can be computed in vain: all that reads them does so with weights, which may be zero. */
function canSilence({ nodes, exits }: Region): boolean {
  const isPlainSum = (node: Node): boolean =>
    relationsOf(node).some((relation) => relation.kind === 'contract' && relation.weight === undefined);
  return exits.length === 0 && !nodes.some(isPlainSum);
}

function meanUnits(own: RegionGate, { activityOf }: PlanningContext): number {
  const { units } = own.gate;
  const activity = activityOf(own);
  if (activity === undefined) return units;
  return activity.patterns.reduce((sum, { units: on, weight }) => sum + on.count * weight, 0);
}

/** Over all combinations of variants, as if the gates of a region chose independently of one another. */
export function expectedTime(gates: readonly GateVariants[], { times }: PlanningContext): number {
  const { branch, operator } = times.costs;
  let combinations: { share: number; widths: Map<RegionGate, number>; extra: number }[] = [
    { share: 1, widths: new Map(), extra: 0 },
  ];
  for (const { own, variants, shares } of gates) {
    const levels = Math.log2(variants.length) * (branch + operator) + 5 * operator;
    combinations = combinations.flatMap(({ share, widths, extra }) =>
      variants.map(({ units, match }, index) => ({
        share: share * (shares[index] ?? 0),
        widths: new Map([...widths, [own, units.length]]),
        extra: extra + levels - (match === 'equals' ? times.maskCost(own, units.length) : 0),
      })),
    );
  }
  return combinations.reduce((sum, { share, widths, extra }) => sum + share * (times.constant(widths) + extra), 0);
}

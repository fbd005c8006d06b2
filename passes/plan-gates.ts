import { Builder } from '../src/ir/builder.js';
import type { Graph } from '../src/ir/graph.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { densityOf } from '../src/passkit/gating/firing/activity.js';
import {
  applyPlans,
  type Chosen,
  choose,
  excludes,
  gainOf,
  type PlannedRegion,
  plansOf,
} from '../src/passkit/gating/planner.js';
import { definePass, done, type Finding, type RegionPlans, skipped } from '../src/passkit/pass.js';
import { at } from '../src/support/assert.js';

/**
 * Skips the work of units that do not fire. Every gate's region, from the sums of products that make its units to those
 * that read them, is given the plan of which the least time is predicted, or which measuring chose; gates without a better
 * one keep their masks. `src/passkit/gating` has the regions and, one file each, the strategies.
 *
 * Exact for any gates and any batch: all units that fire for some sample are computed, every sample's own mask still
 * multiplies them unless just these units fire, and all readers see zero for the others.
 */
export const planGates = definePass({
  name: 'plan-gates',
  contract: 'exact',
  requires: ['gates', 'layout'],
  async run(graph, context) {
    const gates = gatesOf(graph);
    if (gates.length === 0) return { findings: [] };
    readOutputsThroughIdentity(graph, gates);
    const plans = await plansOf(graph, context);
    const wanted = choose(plans, context.plans);
    const applied = await applyPlans(graph, wanted, context);
    const outcome = { wanted, applied, isAsked: context.plans !== undefined };
    const densities = new Map(gates.map((gate) => [gate.name, densityOf(gate, context.profile)]));
    const regions = plans.regions.map((planned) => reportOf(planned, plans.regions, outcome, densities));
    const findings = [
      ...plans.refusals.map(({ gates: [gate], reason }) => skipped(gate?.name ?? '', `keeps its mask: ${reason}`)),
      ...plans.regions.flatMap((planned) => findingOf(planned, outcome)),
    ];
    return { findings, regions };
  },
});

/** What was to be applied, and what was. */
interface Outcome {
  readonly wanted: readonly Chosen[];
  readonly applied: readonly Chosen[];
  /** Plans were asked for by name. */
  readonly isAsked: boolean;
}

/** A gate that is an output of the model has no reader that zeros could be put in front of for units that are not computed. */
function readOutputsThroughIdentity(graph: Graph, gates: readonly Gate[]): void {
  for (const { node } of gates) {
    if (node.graph !== graph || !node.output.isGraphOutput) continue;
    const copy = new Builder(graph, { origin: node.origin }).op('Identity', [node.output]);
    graph.setType(copy, node.output.type);
    graph.setOutputs(graph.outputs.map((value) => (value === node.output ? copy : value)));
    graph.swapNames(node.output, copy);
  }
}

function reportOf(
  planned: PlannedRegion,
  all: readonly PlannedRegion[],
  outcome: Outcome,
  densities: ReadonlyMap<string, number | undefined>,
): RegionPlans {
  const { region, plans, refused } = planned;
  const names = region.gates.map(({ gate }) => gate.name);
  const known = names.flatMap((name) => densities.get(name) ?? []);
  const others = all.filter((other) => other !== planned);
  return {
    region: region.name,
    gates: names,
    density: known.length < names.length ? undefined : known.reduce((sum, density) => sum + density, 0) / known.length,
    considered: plans.map((plan) => ({
      plan: plan.name,
      what: plan.what,
      predicted: plan.predicted,
      excludes: others.flatMap((other) => excludedBy({ planned, plan }, other)),
    })),
    refused,
    chosen: planFor(planned, outcome)?.name ?? at(plans, 0).name,
    reason: planFor(planned, outcome) === undefined ? reasonOf(planned, outcome) : undefined,
  };
}

/** The plans of another region that a plan leaves no room for; masks take none. */
function excludedBy(own: Chosen, other: PlannedRegion): { readonly region: string; readonly plan: string }[] {
  if (own.plan === own.planned.plans[0]) return [];
  return other.plans
    .slice(1)
    .filter((plan) => excludes(own, { planned: other, plan }))
    .map((plan) => ({ region: other.region.name, plan: plan.name }));
}

function planFor(planned: PlannedRegion, { applied }: Outcome): Chosen['plan'] | undefined {
  const plan = applied.find((other) => other.planned === planned)?.plan;
  return plan === planned.plans[0] ? undefined : plan;
}

/** Why a region keeps its mask. */
function reasonOf(planned: PlannedRegion, { wanted, applied, isAsked }: Outcome): string {
  const gates = new Set(planned.region.gates.map(({ gate }) => gate));
  const same = applied.find((other) => other.planned.region.gates.some(({ gate }) => gates.has(gate)));
  if (same !== undefined) return `planned as region '${same.planned.region.name}'`;
  if (wanted.some((other) => other.planned === planned)) return 'what was planned before it left no room for its plan';
  if (isAsked) return 'no plan is wanted';
  const better = planned.plans.filter((plan) => gainOf(planned, plan) > 0);
  const winner = applied.find((other) => better.some((plan) => excludes(other, { planned, plan })));
  if (winner === undefined) return 'no plan is predicted to be faster by much';
  return `its plans save less than that of region '${winner.planned.region.name}', which needs the same operators`;
}

/** What became of a gate; of several together only where they were planned together. */
function findingOf(planned: PlannedRegion, outcome: Outcome): Finding[] {
  const { region, plans, refused } = planned;
  const plan = planFor(planned, outcome);
  const timeOf = ({ name, predicted }: Chosen['plan']): string => `${name} ${predicted.toFixed(0)} µs`;
  if (plan !== undefined) {
    return [done(region.name, `${plan.name}: ${plan.what}; predicted ${[plan, at(plans, 0)].map(timeOf).join(', ')}`)];
  }
  const isElsewhere = outcome.applied.some((other) =>
    other.planned.region.gates.some(({ gate }) => region.name === gate.name),
  );
  if (region.gates.length > 1 || isElsewhere) return [];
  const reasons = refused.map(({ strategy, reason }) => `; no ${strategy}: ${reason}`).join('');
  const times = plans.map(timeOf).join(', ');
  return [skipped(region.name, `keeps its mask: ${reasonOf(planned, outcome)}; predicted ${times}${reasons}`)];
}

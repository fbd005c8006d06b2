import { Builder } from '../src/ir/builder.js';
import type { Graph } from '../src/ir/graph.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { applyPlans, type Chosen, choose, type PlannedRegion, plansOf } from '../src/passkit/gating/planner.js';
import { definePass, done, type Finding, type PassContext, type RegionPlans, skipped } from '../src/passkit/pass.js';
import { firingFrequency, statisticsOf } from '../src/runtime/profile/query.js';
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
    const densities = new Map(gates.map((gate) => [gate.name, densityOf(gate, context)]));
    const chosen = await applyPlans(graph, choose(plans, context.plans), context);
    const regions = plans.regions.map((planned) => reportOf(planned, plans.regions, chosen, densities));
    const findings = [
      ...plans.refusals.map(({ gates: [gate], reason }) => skipped(gate?.name ?? '', `keeps its mask: ${reason}`)),
      ...plans.regions.flatMap((planned) => findingOf(planned, chosen)),
    ];
    return { findings, regions };
  },
});

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

/** The mean part of a gate's units that fire, by the profile. */
function densityOf({ name, sourceUnits, units }: Gate, { profile }: PassContext): number | undefined {
  const statistics = statisticsOf(profile, name);
  if (statistics === undefined) return undefined;
  return sourceUnits.reduce((sum, source) => sum + firingFrequency(statistics, source), 0) / units;
}

function reportOf(
  planned: PlannedRegion,
  all: readonly PlannedRegion[],
  chosen: readonly Chosen[],
  densities: ReadonlyMap<string, number | undefined>,
): RegionPlans {
  const { region, plans, refused } = planned;
  const names = region.gates.map(({ gate }) => gate.name);
  const known = names.flatMap((name) => densities.get(name) ?? []);
  return {
    region: region.name,
    gates: names,
    density: known.length < names.length ? undefined : known.reduce((sum, density) => sum + density, 0) / known.length,
    considered: plans.map(({ name, what, predicted, isNested }) => ({ plan: name, what, predicted, isNested })),
    overlaps: all.filter((other) => other !== planned && overlap(other, planned)).map((other) => other.region.name),
    refused,
    chosen: planFor(planned, chosen)?.name ?? 'mask',
  };
}

function overlap(left: PlannedRegion, right: PlannedRegion): boolean {
  const nodes = new Set(left.region.nodes);
  return right.region.nodes.some((node) => nodes.has(node));
}

function planFor(planned: PlannedRegion, chosen: readonly Chosen[]): Chosen['plan'] | undefined {
  return chosen.find((other) => other.planned === planned)?.plan;
}

/** What became of a gate; of several together only where they were planned together. */
function findingOf(planned: PlannedRegion, chosen: readonly Chosen[]): Finding[] {
  const { region, plans, refused } = planned;
  const plan = planFor(planned, chosen);
  const mask = at(plans, 0);
  const timeOf = (microseconds: number): string => `${microseconds.toFixed(0)} µs`;
  if (plan !== undefined && plan.name !== mask.name) {
    const times = `predicted ${timeOf(plan.predicted)}, mask ${timeOf(mask.predicted)}`;
    return [done(region.name, `${plan.name}: ${plan.what}; ${times}`)];
  }
  const isElsewhere = chosen.some(
    (other) => other.planned !== planned && other.planned.region.gates.some(({ gate }) => region.name === gate.name),
  );
  if (region.gates.length > 1 || isElsewhere) return [];
  const others = plans.slice(1).map(({ name, predicted }) => `${name} ${timeOf(predicted)}`);
  const times = [`mask ${timeOf(mask.predicted)}`, ...others].join(', ');
  const reasons = refused.map(({ strategy, reason }) => `; no ${strategy}: ${reason}`).join('');
  return [skipped(region.name, `keeps its mask, which is predicted to be faster: ${times}${reasons}`)];
}

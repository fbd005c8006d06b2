import type { Graph, Node } from '../../ir/graph.js';
import { at } from '../../support/assert.js';
import { type Gate, gatesOf } from '../gates.js';
import type { PassContext, RegionPlans } from '../pass.js';
import { bestSet } from './best-set.js';
import { activityOf } from './firing/activity.js';
import { RegionTimes } from './region-times.js';
import { type Region, RegionFinder } from './regions/region.js';
import { strategiesFor } from './strategies/index.js';
import type { Plan, PlanningContext, Strategy } from './strategy.js';
import { type VariantSets, variantSets } from './variants/variant-sets.js';

/** A region with all its plans, the mask first. */
export interface PlannedRegion {
  readonly region: Region;
  readonly plans: readonly Plan[];
  readonly refused: RegionPlans['refused'];
}

/** Why a gate, or several in a row, cannot be planned. */
interface Refusal {
  readonly gates: readonly Gate[];
  readonly reason: string;
}

export interface Plans {
  readonly regions: readonly PlannedRegion[];
  readonly refusals: readonly Refusal[];
}

/** The plans for every gate of a graph, and for gates in a row together, or for the regions that are named. Nothing is changed. */
export async function plansOf(graph: Graph, context: PassContext): Promise<Plans> {
  const gates = gatesOf(graph);
  const finder = new RegionFinder(graph, gates);
  const regions: PlannedRegion[] = [];
  const refusals: Refusal[] = [];
  const found: Region[] = [];
  for (const gate of gates) {
    const region = await finder.find([gate], context);
    if (typeof region === 'string') refusals.push({ gates: [gate], reason: region });
    else found.push(region);
  }
  for (const row of rowsOf(found.filter(({ off }) => off === undefined))) {
    const region = await finder.find(
      row.flatMap((part) => part.gates.map(({ gate }) => gate)),
      context,
    );
    if (typeof region === 'object') found.push(region);
  }
  const wanted = context.plans;
  for (const region of found) {
    // Where plans are asked for by name, no others are made: that takes long.
    if (wanted === undefined || wanted.has(region.name)) {
      regions.push(await plansFor(region, planningContext(region, context), wanted?.get(region.name)));
    } else if (!found.some((other) => wanted.has(other.name) && sharesGate(other, region))) {
      const [own, ...others] = region.gates;
      if (own !== undefined && others.length === 0) refusals.push({ gates: [own.gate], reason: 'no plan is wanted' });
    }
  }
  return { regions, refusals };
}

function sharesGate(left: Region, right: Region): boolean {
  return left.gates.some(({ gate }) => right.gates.some((other) => other.gate === gate));
}

/** The plans for a region, the mask first; besides it only those of the strategy that has plan `wanted`, if that is given. */
async function plansFor(region: Region, context: PlanningContext, wanted?: string): Promise<PlannedRegion> {
  const plans: Plan[] = [];
  const refused: { strategy: string; reason: string }[] = [];
  for (const [index, strategy] of strategiesFor(region).entries()) {
    // A plan's name begins with its strategy's.
    if (index > 0 && wanted?.startsWith(strategy.name) === false) continue;
    const found = obstacleOf(strategy, context) ?? (await strategy.plans(region, context));
    if (typeof found === 'string') refused.push({ strategy: strategy.name, reason: found });
    else plans.push(...found);
  }
  return { region, plans, refused };
}

/** Why a strategy has no plans for the target at all. */
function obstacleOf({ needs = [] }: Strategy, { target }: PlanningContext): string | undefined {
  const missing = needs.find((op) => !target.hasKernel(op));
  if (missing === undefined) return undefined;
  return `target ${target.name} has no kernel of ${missing}: values would be copied to the host and back`;
}

/** Most gates that are planned together. */
const longestRow = 3;

/** Regions that follow one another so closely that they share operators: two and three of them. */
function rowsOf(regions: readonly Region[]): Region[][] {
  const next = (region: Region): Region[] => {
    const nodes = new Set(region.nodes);
    const later = regions.slice(regions.indexOf(region) + 1);
    return later.filter((other) => other.nodes.some((node) => nodes.has(node)));
  };
  const rows: Region[][] = [];
  const extend = (row: readonly Region[]): void => {
    for (const other of next(at(row, -1))) {
      const longer = [...row, other];
      rows.push(longer);
      if (longer.length < longestRow) extend(longer);
    }
  };
  for (const region of regions) extend([region]);
  return rows;
}

/** A plan of a region. */
export interface Chosen {
  readonly planned: PlannedRegion;
  readonly plan: Plan;
}

/**
 * The plans that were asked for by name, and else those that are predicted to save most together: one for each gate, of which
 * none excludes another; in the order in which they are to be applied.
 */
export function choose({ regions }: Plans, wanted: ReadonlyMap<string, string> | undefined): Chosen[] {
  const candidates = regions.flatMap((planned) => {
    const name = wanted?.get(planned.region.name);
    const plans = wanted === undefined ? planned.plans : planned.plans.filter((plan) => plan.name === name);
    return plans.map((plan) => ({ planned, plan, weight: wanted === undefined ? gainOf(planned, plan) : 1 }));
  });
  const chosen = bestSet(candidates, excludes);
  // In execution order: gates in a row are gathered one after another. Blocks come last, those within others first.
  const blockSize = ({ planned: { region } }: Chosen): number => (region.off === undefined ? 0 : region.nodes.length);
  const place = ({ planned }: Chosen): number => regions.indexOf(planned);
  return chosen.toSorted((left, right) => blockSize(left) - blockSize(right) || place(left) - place(right));
}

/** Less than this part of the mask's time must be predicted for a plan: predictions err. */
const leastGain = 0.05;

/** What a plan is predicted to save, in microseconds. */
export function gainOf({ plans }: PlannedRegion, plan: Plan): number {
  return at(plans, 0).predicted * (1 - leastGain) - plan.predicted;
}

/**
 * True if not both plans can be had: they are for the same gate, or one moves operators into branches that the other needs,
 * unless it takes the other's region along as a whole.
 */
export function excludes(left: Chosen, right: Chosen): boolean {
  const gates = new Set(left.planned.region.gates.map(({ gate }) => gate));
  if (right.planned.region.gates.some(({ gate }) => gates.has(gate))) return true;
  if (!left.plan.isNested && !right.plan.isNested) return false;
  if (holds(left, right) || holds(right, left)) return false;
  const nodes = new Set<Node>(left.planned.region.nodes);
  return right.planned.region.nodes.some((node) => nodes.has(node));
}

/** True for a block with the other's region before its gate: that is planned first, and what comes of it moves with the block. */
function holds({ planned: { region }, plan }: Chosen, other: Chosen): boolean {
  const own = new Set(region.gates.map(({ gate }) => gate.node));
  const nodes = new Set(region.nodes.filter((node) => !own.has(node)));
  return plan.holdsOthers === true && other.planned.region.nodes.every((node) => nodes.has(node));
}

/**
 * Rewrites the graph by the chosen plans, and returns those that were applied. Each changes the graph, so the next region is
 * looked for anew, by the names of its gates; where it is none any more, its gates keep their masks.
 */
export async function applyPlans(graph: Graph, chosen: readonly Chosen[], context: PassContext): Promise<Chosen[]> {
  const applied: Chosen[] = [];
  for (const next of chosen) {
    const plan = applied.length === 0 ? next.plan : await foundAgain(graph, next, context);
    if (plan === undefined) continue;
    await plan.apply();
    applied.push(next);
  }
  return applied;
}

async function foundAgain(graph: Graph, { planned, plan }: Chosen, context: PassContext): Promise<Plan | undefined> {
  const gates = gatesOf(graph);
  const own = planned.region.gates.map(({ gate }) => gates.find(({ name }) => name === gate.name));
  const present = own.filter((gate) => gate !== undefined);
  if (present.length < own.length) return undefined;
  const region = await new RegionFinder(graph, gates).find(present, context);
  if (typeof region === 'string') return undefined;
  const { plans } = await plansFor(region, planningContext(region, context), plan.name);
  return plans.find((other) => other.name === plan.name);
}

function planningContext(region: Region, context: PassContext): PlanningContext {
  const { target, evaluate, profile, batch = 1 } = context;
  const activities = new Map(region.gates.map(({ gate }) => [gate, activityOf(gate, profile)]));
  const variants = new Map<number, VariantSets>();
  const contextFor = (samples: number): PlanningContext => ({
    target,
    evaluate,
    batch: samples,
    times: new RegionTimes(region, target.costs, samples),
    activityOf: ({ gate }) => activities.get(gate),
    variantsFor: (count) => {
      const known = variants.get(count) ?? variantSets(region, contextFor(count));
      variants.set(count, known);
      return known;
    },
  });
  return contextFor(batch);
}

import { bestSet } from '../../passkit/gating/best-set.js';
import type { ConsideredPlan, RegionPlans } from '../../passkit/pass.js';
import { at } from '../../support/assert.js';
import type { Paired } from './paired.js';

/** Plans by the names of their regions; regions without one keep their masks. */
export type PlanNames = ReadonlyMap<string, string>;

/** Measures whole graphs. */
export interface PlanTrials {
  /** Each of `others` against `base`, in turns. */
  compare(base: PlanNames, others: readonly PlanNames[]): Promise<readonly Paired[]>;
}

/** What a search found. */
export interface PlanSearch {
  /** The plans that were fastest together; empty if none was faster than all masks. */
  readonly plans: PlanNames;
  /** By region and plan: the whole graph with this plan alone against the one with masks only. */
  readonly measured: ReadonlyMap<string, ReadonlyMap<string, Paired>>;
}

/** Plans measured for a region, for all regions together, and combinations that are tried around the best. */
const mostPlans = 5;
const mostTrials = 120;
const mostNeighbours = 12;
const mostRounds = 4;
/** What is predicted to take so many times as long as the best, or as the mask, is not measured: predictions do not err that much. */
const farFromBest = 2.5;
const farFromMask = 1.3;

/** The plans of each region that are worth measuring, the least predicted first; the mask is not among them. */
export function candidatesOf(regions: readonly RegionPlans[]): ReadonlyMap<string, readonly ConsideredPlan[]> {
  const most = Math.max(1, Math.min(mostPlans, Math.floor(mostTrials / regions.length)));
  return new Map(
    regions.map(({ region, considered }) => {
      const [mask, ...others] = considered;
      const least = Math.min(...considered.map(({ predicted }) => predicted));
      const limit = Math.min(farFromBest * least, farFromMask * (mask?.predicted ?? 0));
      const near = others.filter(({ predicted }) => predicted <= limit);
      return [region, near.toSorted((left, right) => left.predicted - right.predicted).slice(0, most)];
    }),
  );
}

/** A plan of a region that was measured to be faster than the mask. */
interface Winner {
  readonly region: RegionPlans;
  readonly plan: ConsideredPlan;
  /** The part of the time of the graph with masks only that it saves. */
  readonly weight: number;
}

/**
 * Finds the plans that are fastest together. First every plan alone is measured against masks only, in the whole graph. Of
 * those that are faster the set that saves most in sum and fits together is taken; then plans are left out, exchanged and
 * put in one at a time, for plans of regions in a row share work, and their savings do not add up.
 */
export async function searchPlans(regions: readonly RegionPlans[], trials: PlanTrials): Promise<PlanSearch> {
  const measured = new Map<string, Map<string, Paired>>();
  const winners: Winner[] = [];
  const candidates = candidatesOf(regions);
  for (const region of regions) {
    const plans = candidates.get(region.region) ?? [];
    if (plans.length === 0) continue;
    const times = await trials.compare(
      new Map(),
      plans.map(({ plan }) => new Map([[region.region, plan]])),
    );
    measured.set(region.region, new Map(plans.map(({ plan }, index) => [plan, at(times, index)])));
    for (const [index, plan] of plans.entries()) {
      const { ratio, upper } = at(times, index);
      if (upper < 1) winners.push({ region, plan, weight: 1 - ratio });
    }
  }
  const best = await improved(bestSet(winners, excludes), winners, trials);
  return { plans: namesOf(await notWorseThanOne(best, winners, trials)), measured };
}

/** Plans that are fine alone may hinder one another: then the one that saves most is taken alone, or masks are kept. */
async function notWorseThanOne(
  best: readonly Winner[],
  winners: readonly Winner[],
  trials: PlanTrials,
): Promise<readonly Winner[]> {
  const [strongest] = winners.toSorted((left, right) => right.weight - left.weight);
  if (best.length < 2 || strongest === undefined) return best;
  const choices = [best, [strongest]];
  const times = await trials.compare(new Map(), choices.map(namesOf));
  const faster = choices
    .map((choice, index) => ({ choice, ...at(times, index) }))
    .filter(({ upper }) => upper < 1)
    .toSorted((left, right) => left.ratio - right.ratio);
  return faster[0]?.choice ?? [];
}

/** The fastest combination around a first one, which differs in one plan at a time. */
async function improved(
  first: readonly Winner[],
  winners: readonly Winner[],
  trials: PlanTrials,
): Promise<readonly Winner[]> {
  let best = first;
  if (winners.length < 2) return best;
  for (let round = 0; round < mostRounds; round++) {
    const others = neighbours(best, winners).slice(0, mostNeighbours);
    const times = await trials.compare(namesOf(best), others.map(namesOf));
    const faster = others
      .map((combination, index) => ({ combination, ...at(times, index) }))
      .filter(({ upper }) => upper < 1)
      .toSorted((left, right) => left.ratio - right.ratio);
    const [fastest] = faster;
    if (fastest === undefined) return best;
    best = fastest.combination;
  }
  return best;
}

/** Combinations with one plan put in, in place of those that it excludes, or left out: those that cost least alone first. */
function neighbours(current: readonly Winner[], winners: readonly Winner[]): readonly (readonly Winner[])[] {
  const changes = winners.map((winner) => {
    if (current.includes(winner)) {
      return { combination: current.filter((other) => other !== winner), loss: winner.weight };
    }
    const kept = current.filter((other) => !excludes(other, winner));
    const gone = current.filter((other) => !kept.includes(other));
    const loss = gone.reduce((sum, { weight }) => sum + weight, -winner.weight);
    return { combination: [...kept, winner], loss };
  });
  return changes
    .filter(({ combination }) => combination.length > 0)
    .toSorted((left, right) => left.loss - right.loss)
    .map(({ combination }) => combination);
}

/** True if not both plans can be had. */
function excludes(one: Winner, other: Winner): boolean {
  const { region } = other.region;
  return (
    one.region.region === region ||
    one.plan.excludes.some((own) => own.region === region && own.plan === other.plan.plan)
  );
}

function namesOf(winners: readonly Winner[]): PlanNames {
  return new Map(winners.map(({ region, plan }) => [region.region, plan.plan]));
}

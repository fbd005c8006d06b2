import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import type { WeightedPattern } from '../firing/activity.js';
import type { MergeOptions } from './merge-patterns.js';

/** Weighted patterns with the lists that chains of variants walk: the patterns of each unit, and the reverse. */
export class MergeProblem {
  readonly patterns: readonly BitSet[];
  readonly weights: Float64Array;
  readonly live: BitSet;
  readonly levelCost: number;
  readonly mostVariants: number;
  readonly cost: (units: BitSet) => number;
  /** What a variant of each pattern alone would cost. */
  readonly ownCosts: Float64Array;
  /** The members of each pattern. */
  readonly unitsOf: readonly Int32Array[];
  /** How many these are in all: what a step of the search takes time for. */
  readonly memberCount: number;
  /** The patterns that each unit is in. */
  readonly patternsOf: readonly Int32Array[];

  constructor(patterns: readonly WeightedPattern[], options: MergeOptions) {
    this.patterns = patterns.map(({ units }) => units);
    this.weights = Float64Array.from(patterns, ({ weight }) => weight);
    this.live = options.live;
    this.levelCost = options.levelCost;
    this.mostVariants = options.mostVariants;
    this.cost = (units) => options.cost(units);
    this.ownCosts = Float64Array.from(this.patterns, this.cost);
    this.unitsOf = this.patterns.map((units) => Int32Array.from(units.members()));
    this.memberCount = this.unitsOf.reduce((sum, { length }) => sum + length, 0);
    const lists: number[][] = Array.from({ length: options.live.universe }, () => []);
    for (const [pattern, units] of this.unitsOf.entries()) for (const unit of units) at(lists, unit).push(pattern);
    this.patternsOf = lists.map((list) => Int32Array.from(list));
  }
}

/** Variants without the last one, in the order they are tried, with what follows from it. */
export interface Solution {
  readonly variants: readonly BitSet[];
  /** What each variant costs with the Ifs before it; at the end the one of all live units. */
  readonly costs: readonly number[];
  /** The variant that serves each pattern. */
  readonly served: Int32Array;
  /** The expected cost, times the total weight. */
  readonly total: number;
}

/** Who serves whom, and what that costs, if variants are tried in this order. */
export function evaluated(problem: MergeProblem, variants: readonly BitSet[]): Solution {
  const { patterns, weights, cost, live, levelCost } = problem;
  const levels = variants.length;
  const costs = variants.map((units, index) => cost(units) + levelCost * (index + 1));
  costs.push(cost(live) + levelCost * levels);
  const served = new Int32Array(patterns.length).fill(levels);
  let total = 0;
  for (const [index, pattern] of patterns.entries()) {
    for (const [place, variant] of variants.entries()) {
      if (!pattern.isSubsetOf(variant)) continue;
      served[index] = place;
      break;
    }
    total += at(weights, index) * at(costs, at(served, index));
  }
  return { variants, costs, served, total };
}

/** Distinct variants that are cheaper than the live one, the cheapest first; among equally dear ones in a fixed order. */
export function inOrder({ cost, live }: MergeProblem, variants: readonly BitSet[]): BitSet[] {
  const most = cost(live);
  return [...new Map(variants.map((units) => [units.key, { units, key: units.key, cost: cost(units) }])).values()]
    .filter((entry) => entry.cost < most)
    .sort((left, right) => left.cost - right.cost || (left.key < right.key ? -1 : 1))
    .map(({ units }) => units);
}

/** The patterns that a variant serves. */
export function patternsServed({ served }: Solution, variant: number): number[] {
  const list: number[] = [];
  for (let index = 0; index < served.length; index++) if (served[index] === variant) list.push(index);
  return list;
}

/**
 * The best on a way of smaller and smaller variants that starts at `base`: units go whose patterns together weigh least,
 * and a pattern without its units pays `fallback` instead of the variant's cost. Undefined where no step pays.
 */
export function shrunk(
  problem: MergeProblem,
  base: BitSet,
  members: readonly number[],
  fallback: (pattern: number) => number,
  before: number,
): BitSet | undefined {
  const { weights, cost } = problem;
  const mass = new Float64Array(base.universe);
  /** In how many held patterns each unit is: sums of weights that are left of nothing are rounding. */
  const counts = new Int32Array(base.universe);
  const isHeld = new Uint8Array(weights.length);
  let kept = 0;
  for (const pattern of members) {
    isHeld[pattern] = 1;
    kept += at(weights, pattern);
    addTo(mass, problem.unitsOf[pattern], at(weights, pattern));
    addTo(counts, problem.unitsOf[pattern], 1);
  }
  const units = Int32Array.from(base.members());
  let [size, held, paid] = [units.length, members.length, 0];
  let variant = base;
  const lowest = members.reduce((cost, pattern) => Math.min(cost, at(problem.ownCosts, pattern)), Infinity);
  let [best, least] = [undefined as BitSet | undefined, before];
  // No variant that serves some of the members costs less than the cheapest of them.
  while (held > 0 && paid + kept * lowest < least) {
    // Units of no pattern that is left go at once.
    const { left, gone, rarest } = dropUnused(units, size, mass, counts);
    size = left;
    if (gone.length > 0) variant = variant.difference(BitSet.of(base.universe, gone));
    const total = kept * cost(variant) + paid;
    if (total < least * (1 - 1e-12)) [best, least] = [variant, total];
    if (rarest === undefined) break;
    for (const pattern of at(problem.patternsOf, rarest)) {
      if (isHeld[pattern] !== 1) continue;
      const weight = at(weights, pattern);
      isHeld[pattern] = 0;
      held--;
      kept -= weight;
      paid += weight * fallback(pattern);
      addTo(mass, problem.unitsOf[pattern], -weight);
      addTo(counts, problem.unitsOf[pattern], -1);
    }
  }
  return best;
}

/** Moves the first `size` units that are in some pattern to the front: how many, which are in none, and the one of least mass. */
function dropUnused(
  units: Int32Array,
  size: number,
  mass: Float64Array,
  counts: Int32Array,
): { left: number; gone: number[]; rarest: number | undefined } {
  const gone: number[] = [];
  let left = 0;
  let rarest: number | undefined;
  let least = Infinity;
  for (let index = 0; index < size; index++) {
    const unit = units[index] ?? 0;
    const own = mass[unit] ?? 0;
    if (counts[unit] === 0) {
      gone.push(unit);
      continue;
    }
    units[left++] = unit;
    if (own < least) {
      least = own;
      rarest = unit;
    }
  }
  return { left, gone, rarest };
}

// The loops here are all the time that a search takes: no checks of every access.
function addTo(sums: Float64Array | Int32Array, places: Int32Array | undefined, amount: number): void {
  if (places === undefined) return;
  for (let index = 0; index < places.length; index++) {
    const place = places[index] ?? 0;
    sums[place] = (sums[place] ?? 0) + amount;
  }
}

/**
 * The best on a way of larger and larger variants that starts at `base`, which serves `weight` of the patterns: next comes
 * the pattern that saves most for each unit that it adds. `present` is what the `others` pay now. Undefined where no step
 * pays.
 */
export function grown(
  problem: MergeProblem,
  base: BitSet,
  weight: number,
  others: readonly number[],
  present: (pattern: number) => number,
): BitSet | undefined {
  const { unitsOf, patternsOf, weights, cost } = problem;
  const missing = new Int32Array(weights.length);
  let variant = base;
  let own = cost(base);
  let [served, unpaid] = [weight, 0];
  let open = others;
  for (const pattern of open) {
    unpaid += at(weights, pattern) * present(pattern);
    missing[pattern] = at(problem.patterns, pattern).count - at(problem.patterns, pattern).intersectionCount(base);
  }
  let [best, least] = [undefined as BitSet | undefined, served * own + unpaid];
  while (open.length > 0) {
    let [next, gain] = [-1, 0];
    // The variant never gets cheaper, so this is the least that can still be reached.
    let bound = served * own;
    for (const pattern of open) {
      const weight = weights[pattern] ?? 0;
      const saved = present(pattern) - own;
      bound += weight * (saved > 0 ? own : saved + own);
      const rate = (weight * saved) / ((missing[pattern] ?? 0) + 1e-6);
      if (rate > gain) {
        gain = rate;
        next = pattern;
      }
    }
    if (next < 0 || bound >= least) break;
    for (const unit of at(unitsOf, next)) if (!variant.has(unit)) addTo(missing, patternsOf[unit], -1);
    variant = variant.union(at(problem.patterns, next));
    own = cost(variant);
    // What is covered now comes along.
    open = open.filter((pattern) => {
      if ((missing[pattern] ?? 0) > 0) return true;
      served += at(weights, pattern);
      unpaid -= at(weights, pattern) * present(pattern);
      return false;
    });
    const total = served * own + unpaid;
    if (total < least * (1 - 1e-12)) [best, least] = [variant, total];
  }
  return best;
}

import { assert } from '../../../support/assert.js';
import type { BitSet } from '../../../support/bit-set.js';
import { distinct, type WeightedPattern } from '../firing/activity.js';
import { exactVariants, mostExactPatterns } from './merge-exact.js';
import { searchVariants } from './merge-search.js';

/** What variants may be, and what they cost. */
export interface MergeOptions {
  /** The units that may fire at all: what the last variant holds. All patterns are within. */
  readonly live: BitSet;
  /** Most variants, the last one included. */
  readonly mostVariants: number;
  /**
   * What a run of a variant of these units costs, padding of its width included. It goes by their number alone, and is
   * never less for more units.
   */
  cost(units: BitSet): number;
  /** What each `If` on the way to a variant costs, in the same unit. */
  readonly levelCost: number;
}

/** Variants, in the order in which they are to be tried: an event belongs to the first that covers it. */
export interface Variants {
  readonly variants: readonly BitSet[];
  /** The expected cost of an event, in the unit of the costs given. */
  readonly expectedCost: number;
}

/**
 * Merges the branches of a dispatch. Each firing pattern would be a branch, and there are up to 2^n of them. A *variant*
 * computes a set of units and serves every event whose firing units are among them; variants are tried in order, and the
 * last holds all live units, so that every event is served. Wanted are the variants of least expected cost:
 *
 *     sum over patterns p of weight(p) · (cost(variant of p) + levelCost · Ifs passed on the way to it)
 *
 * Entry i is the best of at most i + 1 variants, up to as many as are allowed. The best is exact for few patterns
 * (merge-exact.ts), and for more what a search finds (merge-search.ts).
 */
export function mergePatternsEach(patterns: readonly WeightedPattern[], options: MergeOptions): Variants[] {
  const { live, mostVariants } = options;
  assert(mostVariants >= 1, 'no variant is allowed');
  assert(
    patterns.every(({ units }) => units.isSubsetOf(live)),
    'a pattern has units that are not live',
  );
  const weighted = distinct(patterns.filter(({ weight }) => weight > 0));
  const problem = { ...options, cost: remembered((units) => options.cost(units)) };
  const merge = weighted.length <= mostExactPatterns ? exactVariants : searchVariants;
  return merge(weighted, problem).map((variants) => ({
    variants,
    expectedCost: expectedCost(variants, weighted, problem),
  }));
}

/** Asks for the cost of each number of units once: a search asks very often. */
function remembered(cost: (units: BitSet) => number): (units: BitSet) => number {
  const known: (number | undefined)[] = [];
  return (units) => {
    const { count } = units;
    const found = known[count] ?? cost(units);
    known[count] = found;
    return found;
  };
}

/** The variants of least expected cost for weighted patterns; of equally good ones the fewest. */
export function mergePatterns(patterns: readonly WeightedPattern[], options: MergeOptions): Variants {
  return leastBy(mergePatternsEach(patterns, options), ({ expectedCost: cost }) => cost);
}

/** What an event costs on average if it belongs to the first variant that covers it; the last one covers all. */
export function expectedCost(
  variants: readonly BitSet[],
  patterns: readonly WeightedPattern[],
  { cost, levelCost }: Pick<MergeOptions, 'cost' | 'levelCost'>,
): number {
  const last = variants.length - 1;
  const costs = variants.map((units, index) => cost(units) + levelCost * Math.min(index + 1, last));
  let [sum, total] = [0, 0];
  for (const { units, weight } of patterns) {
    const index = variants.findIndex((variant, place) => place === last || units.isSubsetOf(variant));
    sum += weight * (costs[index] ?? 0);
    total += weight;
  }
  return total === 0 ? (costs[last] ?? 0) : sum / total;
}

/** The first of the elements with the least value, up to rounding. */
function leastBy<T>(elements: readonly T[], value: (element: T) => number): T {
  const [first, ...others] = elements;
  assert(first !== undefined, 'nothing to choose from');
  return others.reduce((best, next) => (value(next) < value(best) * (1 - 1e-12) ? next : best), first);
}

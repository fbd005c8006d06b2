import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import type { WeightedPattern } from '../firing/activity.js';
import type { MergeOptions } from './merge-patterns.js';

/** Patterns up to which the best variants are found by dynamic programming: 3^12 steps for each variant. */
export const mostExactPatterns = 12;

/**
 * The best variants for each number of them, from one on.
 *
 * Let S be the patterns that no variant has served yet, and k how many variants are left. The next variant serves some T
 * of S. It need hold no more units than those of T: any other unit costs, and serves nobody. It serves every pattern of S
 * within these, so T holds them all. Everything in S passes one If, so that
 *
 *     best(k, S) = min over such T of  levelCost · w(S) + cost(units of T) · w(T) + best(k - 1, S \ T)
 *     best(1, S) = cost(live) · w(S)
 *
 * Any variants, in any order, are one way through these choices or no better than one. A set of patterns is a number, with
 * a bit for each.
 */
export function exactVariants(patterns: readonly WeightedPattern[], options: MergeOptions): BitSet[][] {
  const { live, mostVariants, levelCost } = options;
  const tables = subsetTables(patterns, options);
  const all = tables.weights.length - 1;
  const liveCost = options.cost(live);
  let best = tables.weights.map((weight) => weight * liveCost);
  /** By variants left, less two: for each S the chosen T; 0 where the rest is left to the live variant. */
  const choices: Int32Array[] = [];
  const results: BitSet[][] = [[live]];
  for (let left = 2; left <= mostVariants; left++) {
    const next = best.slice();
    const chosen = new Int32Array(all + 1);
    for (let open = 1; open <= all; open++) {
      const passed = levelCost * at(tables.weights, open);
      // All subsets of the open patterns but the empty one, from the largest down.
      for (let served = open; served > 0; served = (served - 1) & open) {
        if ((at(tables.covered, served) & open) !== served) continue;
        const total = passed + at(tables.costs, served) + at(best, open & ~served);
        if (total < at(next, open) * (1 - 1e-13)) {
          next[open] = total;
          chosen[open] = served;
        }
      }
    }
    best = next;
    choices.push(chosen);
    results.push(variantsOf(choices, all, tables.units, live));
  }
  return results;
}

/** Follows the choices from all patterns on. Fewer variants than allowed are left where more do not help. */
function variantsOf(choices: readonly Int32Array[], all: number, units: readonly BitSet[], live: BitSet): BitSet[] {
  const variants: BitSet[] = [];
  let open = all;
  for (const chosen of choices.toReversed()) {
    const served = at(chosen, open);
    if (served === 0) {
      // The same choice was best with fewer variants left, or the live variant is.
      continue;
    }
    variants.push(at(units, served));
    open &= ~served;
  }
  return [...variants, live];
}

/** For every set of patterns: their weight, their units, what these cost times the weight, and all patterns within. */
function subsetTables(patterns: readonly WeightedPattern[], { live, cost }: MergeOptions) {
  const sets = 2 ** patterns.length;
  const weights = new Float64Array(sets);
  const costs = new Float64Array(sets);
  const covered = new Int32Array(sets);
  const units: BitSet[] = [BitSet.of(live.universe)];
  for (let set = 1; set < sets; set++) {
    const lowest = 31 - Math.clz32(set & -set);
    const rest = set & (set - 1);
    const pattern = at(patterns, lowest);
    const union = at(units, rest).union(pattern.units);
    units.push(union);
    weights[set] = at(weights, rest) + pattern.weight;
    costs[set] = at(weights, set) * cost(union);
    for (const [index, other] of patterns.entries()) {
      if (other.units.isSubsetOf(union)) covered[set] = at(covered, set) | (1 << index);
    }
  }
  return { weights, units, costs, covered };
}

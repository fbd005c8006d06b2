import type { WeightedPattern } from '../../src/passkit/gating/firing/activity.js';
import { mostExactPatterns } from '../../src/passkit/gating/variants/merge-exact.js';
import { expectedCost, type MergeOptions, mergePatterns } from '../../src/passkit/gating/variants/merge-patterns.js';
import { searchVariants } from '../../src/passkit/gating/variants/merge-search.js';
import { at } from '../../src/support/assert.js';
import { BitSet } from '../../src/support/bit-set.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { printTable } from '../table.js';
import { printAims } from './aims.js';

const problems = 100;
const patternCounts = [4, 6, 8, mostExactPatterns] as const;
/** Beyond, trying all ways takes minutes a problem; there the exact way is the measure, which is compared with them below. */
const mostTried = 8;
/** Variants at most, and more where all orders of so few patterns can be tried. */
const mostVariants = 4;
const mostExcess = 1.05;

/** Merging patterns into variants, beside the best of all ways to merge them, or what the exact way finds. */
export async function benchMerging(): Promise<void> {
  const random = seededRandom(5);
  const rows = patternCounts.map((count) => {
    const results = Array.from({ length: problems }, () => solveBoth(count, random));
    const mean = (of: (result: (typeof results)[number]) => number): number =>
      results.reduce((sum, result) => sum + of(result), 0) / results.length;
    return {
      count,
      isTried: count <= mostTried,
      chosen: mean(({ chosen }) => chosen),
      search: mean(({ search }) => search),
      chosenWorst: Math.max(...results.map(({ chosen }) => chosen)),
      searchWorst: Math.max(...results.map(({ search }) => search)),
    };
  });
  console.log(
    `${problems} random problems of merging patterns into at most ${mostVariants} variants: cost over the least`,
  );
  printTable(
    ['patterns', 'least by', 'as chosen, mean', 'worst', 'by search alone, mean', 'worst'],
    rows.map(({ count, isTried, chosen, chosenWorst, search, searchWorst }) => [
      String(count),
      isTried ? 'brute force' : 'the exact way',
      ...[chosen, chosenWorst, search, searchWorst].map((ratio) => ratio.toFixed(4)),
    ]),
  );
  console.log();
  printAims([
    {
      what: 'merged/brute force, worst',
      value: Math.max(...rows.filter(({ isTried }) => isTried).map(({ chosenWorst }) => chosenWorst)),
      atMost: mostExcess,
    },
    {
      what: 'merged by search/least, worst',
      value: Math.max(...rows.map(({ searchWorst }) => searchWorst)),
      atMost: mostExcess,
    },
  ]);
}

/** Costs over that of the best of all ways. */
function solveBoth(count: number, random: Random): { readonly chosen: number; readonly search: number } {
  const { patterns, options } = randomProblem(count, random);
  const chosen = mergePatterns(patterns, options).expectedCost;
  const best = count <= mostTried ? bruteForce(patterns, options) : chosen;
  const found = searchVariants(patterns, options).map((variants) => expectedCost(variants, patterns, options));
  return {
    chosen: chosen / best,
    search: Math.min(...found) / best,
  };
}

/** Patterns of 64 units that share parts of one another, of uneven weights. */
function randomProblem(count: number, random: Random): { patterns: WeightedPattern[]; options: MergeOptions } {
  const units = 64;
  const parts = Array.from({ length: 5 }, () => randomSet(units, 0.05 + 0.3 * random.uniform(), random));
  const raw = Array.from({ length: count }, () => {
    const own = randomSet(units, 0.02 + 0.1 * random.uniform(), random);
    const shared = parts.filter(() => random.uniform() < 0.4);
    return { units: shared.reduce((sum, part) => sum.union(part), own), weight: random.uniform() ** 3 + 0.001 };
  });
  const total = raw.reduce((sum, { weight }) => sum + weight, 0);
  const patterns = raw.map((pattern) => ({ ...pattern, weight: pattern.weight / total }));
  const multiple = at([1, 4, 16], random.integer(3));
  const fixed = 10 * random.uniform();
  const cost = (set: BitSet): number => fixed + Math.min(units, Math.ceil(set.count / multiple) * multiple);
  return { patterns, options: { live: BitSet.full(units), mostVariants, cost, levelCost: random.uniform() } };
}

function randomSet(units: number, density: number, random: Random): BitSet {
  return BitSet.of(
    units,
    Array.from({ length: units }, (_, unit) => unit).filter(() => random.uniform() < density),
  );
}

/**
 * The least cost over all ways to divide the patterns into those that the last variant serves and groups with a variant
 * each, the union of its patterns, in all orders. No other variants are better: one that holds more than what it serves
 * costs no less.
 */
function bruteForce(patterns: readonly WeightedPattern[], options: MergeOptions): number {
  let best = Number.POSITIVE_INFINITY;
  const divide = (next: number, groups: readonly BitSet[]): void => {
    const pattern = patterns[next];
    if (pattern === undefined) {
      for (const order of ordersOf(groups)) {
        best = Math.min(best, expectedCost([...order, options.live], patterns, options));
      }
      return;
    }
    divide(next + 1, groups);
    for (const index of groups.keys()) {
      divide(
        next + 1,
        groups.map((group, other) => (other === index ? group.union(pattern.units) : group)),
      );
    }
    if (groups.length < options.mostVariants - 1) divide(next + 1, [...groups, pattern.units]);
  };
  divide(0, []);
  return best;
}

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) => ordersOf(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

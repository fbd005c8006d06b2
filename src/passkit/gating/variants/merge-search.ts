import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import { seededRandom } from '../../../support/random.js';
import type { WeightedPattern } from '../firing/activity.js';
import type { MergeOptions } from './merge-patterns.js';
import { evaluated, grown, inOrder, MergeProblem, patternsServed, type Solution, shrunk } from './merge-problem.js';
import { agglomerated, frequencyChain } from './merge-starts.js';

/**
 * Good variants for each number of them, from one on, where there are too many patterns for the best: a local search from
 * several starts (splitting the live variant, merging patterns, frequent units, patterns drawn by a seeded choice), then
 * downwards by taking a variant out or merging two. The same patterns always give the same variants.
 */
export function searchVariants(patterns: readonly WeightedPattern[], options: MergeOptions): BitSet[][] {
  const problem = new MergeProblem(patterns, options);
  const parts = new Parts(problem);
  const most = options.mostVariants - 1;
  /** The best with so many variants beside the live one, or fewer. */
  const best: Solution[] = [evaluated(problem, [])];
  const note = (found: Solution): void => {
    const solution = reordered(problem, found);
    for (let count = solution.variants.length; count <= most; count++) {
      const known = best[count];
      if (known === undefined || isBetter(solution.total, known.total)) best[count] = solution;
    }
  };
  note(at(best, 0));
  // Where that is quick, each number of variants gets starts of its own.
  const isSmall = problem.patterns.length <= veryFewPatterns;
  for (let count = isSmall ? 1 : most; count <= most; count++) {
    for (const start of startsFor(problem, count)) {
      note(improved(problem, parts, evaluated(problem, inOrder(problem, start)), count));
    }
  }
  for (let count = most; count > 1; count--) {
    const fewer = fewest(problem, at(best, count));
    if (fewer !== undefined) note(improved(problem, parts, fewer, count - 1));
  }
  return best.map(({ variants }) => [...variants, options.live]);
}

function startsFor(problem: MergeProblem, most: number): BitSet[][] {
  if (most === 0) return [];
  const random = seededRandom(problem.patterns.length);
  const draws = problem.memberCount > manyMembers ? 0 : problem.patterns.length > fewPatterns ? 1 : 6;
  const drawn = Array.from({ length: draws }, () =>
    Array.from({ length: most }, () => at(problem.patterns, random.integer(problem.patterns.length))),
  );
  return [[], agglomerated(problem, most), frequencyChain(problem, most), ...drawn];
}

/** Up to so many patterns everything is tried that may help a little. */
const veryFewPatterns = 16;
/** Up to so many, more starts and single moves of patterns are tried. */
const fewPatterns = 48;
/** Members of all patterns together, beyond which the search is cut short. */
const manyMembers = 100_000;

/** Applies what pays until nothing does: see the functions that offer candidates. */
function improved(problem: MergeProblem, parts: Parts, start: Solution, most: number): Solution {
  let best = start;
  const take = (variants: readonly BitSet[]): boolean => {
    const sorted = evaluated(problem, inOrder(problem, variants));
    // Another order saves no more than all Ifs.
    const mayGain = isBetter(sorted.total - problem.levelCost * variants.length, best.total);
    const next = mayGain && problem.patterns.length <= veryFewPatterns ? reordered(problem, sorted) : sorted;
    const isTaken = isBetter(next.total, best.total);
    if (isTaken) best = next;
    return isTaken;
  };
  const mostRounds = problem.memberCount > 4 * manyMembers ? 1 : problem.memberCount > manyMembers ? 2 : 6;
  for (let round = 0; round < mostRounds; round++) {
    const before = best.total;
    best = filled(problem, parts, best, most);
    for (let index = 0; index < best.variants.length; index++) {
      const smaller = smallerVariant(problem, best, index);
      if (smaller !== undefined) take(best.variants.with(index, smaller));
    }
    for (let index = 0; index < best.variants.length; index++) {
      const larger = largerVariant(problem, best, index);
      if (larger !== undefined) take(best.variants.with(index, larger));
    }
    if (problem.patterns.length <= fewPatterns) moveEach(problem, () => best, take);
    const fewer = best.variants.length === most ? fewest(problem, best) : undefined;
    if (fewer !== undefined) take(filled(problem, parts, fewer, most).variants);
    if (!isBetter(best.total, before)) break;
  }
  return best;
}

/** What is best split from a variant that serves certain patterns: asked for the same ones again and again. */
class Parts {
  readonly #problem: MergeProblem;
  readonly #known = new Map<string, { readonly members: readonly number[]; readonly part: BitSet | undefined }>();

  constructor(problem: MergeProblem) {
    this.#problem = problem;
  }

  of(base: BitSet, members: readonly number[]): BitSet | undefined {
    const known = this.#known.get(base.key);
    const isKnown =
      known?.members.length === members.length && members.every((member, index) => known.members[index] === member);
    if (known !== undefined && isKnown) return known.part;
    const cost = this.#problem.cost(base);
    const part = shrunk(this.#problem, base, members, () => cost, Infinity);
    this.#known.set(base.key, { members, part });
    return part;
  }
}

/** Splits variants as long as that pays and more are allowed: part of what one serves gets a variant of its own. */
function filled(problem: MergeProblem, parts: Parts, start: Solution, most: number): Solution {
  let best = start;
  while (best.variants.length < most) {
    const current = best;
    for (let index = 0; index <= current.variants.length; index++) {
      const part = parts.of(current.variants[index] ?? problem.live, patternsServed(current, index));
      if (part === undefined) continue;
      const next = evaluated(problem, inOrder(problem, [...current.variants, part]));
      if (isBetter(next.total, best.total)) best = next;
    }
    if (best === current) break;
  }
  return best;
}

/** A variant without units whose patterns pay less elsewhere. */
function smallerVariant(problem: MergeProblem, solution: Solution, index: number): BitSet | undefined {
  const members = patternsServed(solution, index);
  const { variants, costs } = solution;
  const levels = problem.levelCost * (index + 1);
  const elsewhere = (pattern: number): number => {
    const units = at(problem.patterns, pattern);
    const next = variants.findIndex((variant, place) => place > index && units.isSubsetOf(variant));
    return at(costs, next) - levels;
  };
  const before =
    members.reduce((sum, pattern) => sum + at(problem.weights, pattern), 0) * problem.cost(at(variants, index));
  return shrunk(problem, at(variants, index), members, elsewhere, before);
}

/** A variant that also serves patterns of others. */
function largerVariant(problem: MergeProblem, solution: Solution, index: number): BitSet | undefined {
  const base = at(solution.variants, index);
  const levels = problem.levelCost * (index + 1);
  const others: number[] = [];
  let weight = 0;
  for (let pattern = 0; pattern < solution.served.length; pattern++) {
    const place = at(solution.served, pattern);
    if (place === index) weight += at(problem.weights, pattern);
    else if (place > index) others.push(pattern);
  }
  return grown(problem, base, weight, others, (pattern) => at(solution.costs, at(solution.served, pattern)) - levels);
}

/** Lets each pattern go from its variant to each other one. */
function moveEach(problem: MergeProblem, best: () => Solution, take: (variants: readonly BitSet[]) => boolean): void {
  const { patterns, live } = problem;
  for (const [index, pattern] of patterns.entries()) {
    const { variants, served } = best();
    const from = at(served, index);
    const rest = patternsServed(best(), from).filter((other) => other !== index);
    const left = BitSet.unionOf(
      live.universe,
      rest.map((other) => at(patterns, other)),
    );
    const without = from < variants.length ? variants.with(from, left) : variants;
    for (let to = 0; to <= variants.length; to++) {
      if (to === from) continue;
      const target = variants[to];
      if (take(target === undefined ? without : without.with(to, target.union(pattern)))) break;
    }
  }
}

/** The best with one variant less: one taken out, or two merged. Undefined where there is none to spare. */
function fewest(problem: MergeProblem, { variants }: Solution): Solution | undefined {
  let best: Solution | undefined;
  const offer = (candidate: readonly BitSet[]): void => {
    const next = evaluated(problem, inOrder(problem, candidate));
    if (best === undefined || isBetter(next.total, best.total)) best = next;
  };
  for (const [index, units] of variants.entries()) {
    offer(variants.toSpliced(index, 1));
    for (let other = index + 1; other < variants.length; other++) {
      offer([...variants.toSpliced(other, 1).toSpliced(index, 1), units.union(at(variants, other))]);
    }
  }
  return best;
}

/** Neighbours change places where that pays: a frequent variant may come before a cheaper one if Ifs cost much. */
function reordered(problem: MergeProblem, start: Solution): Solution {
  let best = start;
  if (problem.levelCost === 0) return best;
  for (let index = 0; index + 1 < best.variants.length; ) {
    const [left, right] = [at(best.variants, index), at(best.variants, index + 1)];
    const next = evaluated(problem, best.variants.toSpliced(index, 2, right, left));
    if (isBetter(next.total, best.total)) {
      best = next;
      index = Math.max(0, index - 1);
    } else index++;
  }
  return best;
}

function isBetter(total: number, than: number): boolean {
  return total < than - 1e-12 * Math.abs(than);
}

import { at } from '../../support/assert.js';

/** Something that can be chosen with others, unless they exclude each other. */
export interface Weighted {
  readonly weight: number;
}

/** Steps of the exact search; behind them the best set found so far is taken. */
const mostSteps = 50_000;

/**
 * The set of items of greatest total weight in which none excludes another: by branch and bound, heaviest items first, so
 * that the first set found is the greedy one. Weights are positive. `excludes` is symmetric.
 */
export function bestSet<T extends Weighted>(
  items: readonly T[],
  excludes: (left: T, right: T) => boolean,
): readonly T[] {
  const sorted = items.filter(({ weight }) => weight > 0).toSorted((left, right) => right.weight - left.weight);
  let best: readonly T[] = [];
  let most = 0;
  let steps = 0;
  const search = (open: readonly T[], taken: readonly T[], weight: number): void => {
    if (weight > most) [best, most] = [taken, weight];
    const bound = open.reduce((sum, item) => sum + item.weight, weight);
    if (open.length === 0 || bound <= most || steps++ > mostSteps) return;
    const [first, rest] = [at(open, 0), open.slice(1)];
    search(
      rest.filter((item) => !excludes(first, item)),
      [...taken, first],
      weight + first.weight,
    );
    // To leave out what excludes nothing else gains nothing.
    if (rest.some((item) => excludes(first, item))) search(rest, taken, weight);
  };
  search(sorted, [], 0);
  return best;
}

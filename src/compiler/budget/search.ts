import { at } from '../../support/assert.js';

interface SearchOptions {
  /** What is reached when so many items are taken, from none to all: never falling. */
  readonly reached: readonly number[];
  /** Parts of all that can be reached at which the search begins. */
  readonly grid: readonly number[];
  /** Most trials in all. */
  readonly trials: number;
  /** Takes so many items and tells whether that keeps within the budget. */
  readonly attempt: (count: number) => Promise<boolean>;
}

/**
 * Looks for the most items that may be taken: on a grid first, which also shows how the loss goes, then by halving the
 * gap above the best that kept within the budget. That losses rise with the number of items is not relied on: what is
 * returned was tried, and kept within. Undefined if nothing that was tried did.
 */
export async function searchMost({ reached, grid, trials, attempt }: SearchOptions): Promise<number | undefined> {
  const tried = new Map<number, boolean>();
  const isWithin = async (count: number): Promise<void> => {
    if (!tried.has(count) && tried.size < trials) tried.set(count, await attempt(count));
  };
  const all = at(reached, -1);
  await isWithin(0);
  for (const part of grid) await isWithin(countReaching(reached, part * all));
  while (tried.size < trials) {
    const best = bestOf(tried) ?? 0;
    const above = Math.min(reached.length, ...[...tried.keys()].filter((count) => count > best));
    const middle = countReaching(reached, (at(reached, best) + at(reached, Math.min(above, reached.length - 1))) / 2);
    const next = Math.min(Math.max(middle, best + 1), above - 1);
    const gap = at(reached, Math.min(above, reached.length - 1)) - at(reached, best);
    if (next <= best || tried.has(next) || gap < finest * all) break;
    await isWithin(next);
  }
  return bestOf(tried);
}

/** Part of all that can be reached below which it is not worth while to look further. */
const finest = 0.01;

function bestOf(tried: ReadonlyMap<number, boolean>): number | undefined {
  const within = [...tried].filter(([, isWithin]) => isWithin).map(([count]) => count);
  return within.length === 0 ? undefined : Math.max(...within);
}

/** The fewest items that reach `wanted`. */
function countReaching(reached: readonly number[], wanted: number): number {
  const count = reached.findIndex((value) => value >= wanted);
  return count < 0 ? reached.length - 1 : count;
}

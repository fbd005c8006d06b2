import type { Recipe, Step } from './graph.js';

/**
 * The smallest recipe found that still fails: steps are left out, many at a time first, and planted units are taken back
 * as long as `fails` holds. Greedy, so no single further step can be left out of the result.
 */
export async function shrink(recipe: Recipe, fails: (recipe: Recipe) => Promise<boolean>): Promise<Recipe> {
  let best = recipe;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    const candidate = { ...best, steps };
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; ) {
    let isSmaller = false;
    for (let start = best.steps.length - size; start > -size; start -= size) {
      isSmaller = (await attempt(best.steps.toSpliced(Math.max(0, start), size))) || isSmaller;
    }
    if (size > 1) size = Math.floor(size / 2);
    else if (!isSmaller) break;
  }
  for (const { id } of best.steps) {
    await attempt(best.steps.map((step) => (step.id === id ? { ...step, isLive: true } : step)));
  }
  return best;
}

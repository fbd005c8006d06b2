/** What is being visited, and which of the items it needs are still to be. */
interface Visit<T> {
  readonly item: T;
  readonly pending: T[];
}

/**
 * The items with everything that an item needs before it, in their given order as far as that allows. Depth first with a
 * stack of its own: a chain of a hundred thousand items must not overflow the call stack.
 * @throws Error if items need one another in a circle.
 */
export function topologicalOrder<T>(items: readonly T[], needs: (item: T) => T[]): T[] {
  const order: T[] = [];
  const state = new Map<T, 'open' | 'done'>();
  const stack: Visit<T>[] = [];
  const enter = (item: T): void => {
    if (state.get(item) === 'open') throw new Error('internal error: a cycle in the graph');
    if (state.has(item)) return;
    state.set(item, 'open');
    stack.push({ item, pending: needs(item) });
  };
  for (const root of items) {
    enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.pending.shift();
      if (next !== undefined) {
        enter(next);
        continue;
      }
      state.set(top.item, 'done');
      order.push(top.item);
      stack.pop();
    }
  }
  return order;
}

import type { Random } from '../../src/support/random.js';

/** One of the items, all as likely. @throws RangeError without items. */
export function pick<T>(random: Random, items: readonly T[]): T {
  if (items.length === 0) throw new RangeError('nothing to pick from');
  for (const item of items.slice(random.integer(items.length))) return item;
  throw new RangeError('nothing to pick from');
}

/** A new seed. */
export function nextSeed(random: Random): number {
  return random.integer(2 ** 32);
}

/** True in one of `times` cases. */
export function rarely(random: Random, times: number): boolean {
  return random.integer(times) === 0;
}

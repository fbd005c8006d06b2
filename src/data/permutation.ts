import { SwancError } from '../support/errors.js';
import { seededRandom } from '../support/random.js';

/** Orders are held in memory: four bytes a sample. */
const mostSamples = 2 ** 28;

/**
 * A seeded order of `count` samples: the shuffle of Fisher and Yates (Knuth, algorithm P), from the end, with the numbers of
 * {@link seededRandom}. Whole-number arithmetic and exact floats only: the same on every machine.
 */
export function shuffled(count: number, seed: number): Uint32Array {
  if (count > mostSamples)
    throw new SwancError('SWC2002', `${count} samples are too many to be shuffled: at most ${mostSamples}`);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const random = seededRandom(seed);
  for (let last = count - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}

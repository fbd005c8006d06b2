import { distinct, type WeightedPattern } from '../../../src/passkit/gating/firing/activity.js';
import { at } from '../../../src/support/assert.js';
import { BitSet } from '../../../src/support/bit-set.js';
import { seededRandom } from '../../../src/support/random.js';

export interface PatternOptions {
  readonly seed: number;
  readonly events: number;
  readonly units: number;
  /** Modes that events are of; 0: every unit fires on its own. */
  readonly modes: number;
  /** How likely a unit is to differ from its mode. */
  readonly noise: number;
  readonly density: number;
}

/** Firing patterns of events of uneven weights. */
export function randomPatterns({ seed, events, units, modes, noise, density }: PatternOptions): WeightedPattern[] {
  const random = seededRandom(seed);
  const each = <T>(make: (unit: number) => T): T[] => Array.from({ length: units }, (_, unit) => make(unit));
  const masks = Array.from({ length: modes }, () => each(() => random.uniform() < density));
  // Some units fire often and most seldom, with the density as their mean.
  const frequencies = each(() => random.uniform() ** (1 / density - 1));
  const probability = (mask: readonly boolean[] | undefined, unit: number): number => {
    if (mask === undefined) return at(frequencies, unit);
    return at(mask, unit) ? 1 - noise : noise * density;
  };
  return distinct(
    Array.from({ length: events }, () => {
      const mask = modes === 0 ? undefined : at(masks, random.integer(modes));
      const firing = each((unit) => unit).filter((unit) => random.uniform() < probability(mask, unit));
      return { units: BitSet.of(units, firing), weight: 0.1 + random.uniform() ** 2 };
    }),
  );
}

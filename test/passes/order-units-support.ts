import type { Graph } from '../../src/ir/graph.js';
import { gatesOf } from '../../src/passkit/gates.js';
import type { Profile } from '../../src/runtime/profile/types.js';
import { at } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { profileOfPatterns } from './support.js';

/** Each gate of a graph as if it had three modes, at random, so that its units are to be put in quite another order. */
export function modalProfile(graph: Graph, seed: number): Profile {
  const random = seededRandom(seed);
  return profileOfPatterns(
    Object.fromEntries(
      gatesOf(graph).map(({ name, sourceUnits }) => {
        const units = Math.max(0, ...sourceUnits) + 1;
        const modes = Array.from({ length: units }, () => random.integer(3));
        const firing = (mode: number): number[] => [...modes.keys()].filter((unit) => at(modes, unit) === mode);
        return [name, { units, patterns: [0, 1, 2].map(firing) }];
      }),
    ),
  );
}

import type { Graph } from '../../src/ir/graph.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { patternOf } from '../../src/runtime/profile/patterns.js';
import type { Profile } from '../../src/runtime/profile/types.js';
import { at } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { fakeProfile } from './support.js';

/** A profile in which the patterns given, by gate, have each been observed once. */
export function patternProfile(
  gates: Readonly<Record<string, { readonly units: number; readonly patterns: readonly (readonly number[])[] }>>,
): Profile {
  const fired = ([name, { units, patterns }]: [string, (typeof gates)[string]]): [string, number[]] => [
    name,
    Array.from({ length: units }, (_, unit) => patterns.filter((pattern) => pattern.includes(unit)).length),
  ];
  const most = Math.max(1, ...Object.values(gates).map(({ patterns }) => patterns.length));
  const profile = fakeProfile(Object.fromEntries(Object.entries(gates).map(fired)), most);
  return {
    ...profile,
    gates: profile.gates.map((gate) => ({
      ...gate,
      patternsComplete: true,
      patterns: (gates[gate.name]?.patterns ?? []).map((pattern) => [patternOf(gate.units, pattern), 1]),
    })),
  };
}

/** Each gate of a graph as if it had three modes, at random, so that its units are to be put in quite another order. */
export function modalProfile(graph: Graph, seed: number): Profile {
  const random = seededRandom(seed);
  return patternProfile(
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

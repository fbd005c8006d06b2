import type { Value } from '../../src/ir/graph.js';
import type { RemovalBasis } from '../../src/passkit/pass.js';
import { assert } from '../../src/support/assert.js';
import type { Random } from '../../src/support/random.js';

/**
 * What the builders of networks say of units. A network is built in one of three forms from the same random weights:
 *
 * - `gated`: all units, and a gate behind every planned layer that never lets the planted ones through;
 * - `cut`: the same built by hand with the live units only, whose gates it keeps;
 * - `marked`: all units and no gates; the weights that make planted units are zero, so that these always are zero;
 * - `zeroed`: the same, and what reads them through a BatchNormalization of its own gets zeros, too.
 */
export type NetworkForm = 'gated' | 'cut' | 'marked' | 'zeroed';

/** The units of a layer, and which of them are planted dead: by weights that prove it, or so that data show it. */
export interface Plan {
  readonly size: number;
  readonly dead: ReadonlyMap<number, RemovalBasis>;
}

/** A value with an axis of units. */
export interface Features {
  readonly value: Value;
  /** Which axis of the value the units lie along. */
  readonly axis: number;
  readonly rank: number;
  /** Number of units in the whole network, those that a cut network lacks included. */
  readonly size: number;
  /** Dead units, and the number each of them is in all elements; undefined before a gate has decided it. */
  readonly dead: ReadonlyMap<number, number | undefined>;
  /** Part of the live units that are not zero for an input, on average: what weights behind them are scaled for. */
  readonly density: number;
}

/** A layer without dead units. */
export const allLive = (size: number): Plan => ({ size, dead: new Map() });

/** Plants 30 to 70 % of `size` units dead, at random places, half of them provably; one unit or more stays live. */
export function plant(size: number, random: Random): Plan {
  const count = Math.min(size - 1, Math.round(size * (0.3 + 0.4 * random.uniform())));
  const places = Array.from({ length: size }, (_, unit) => ({ unit, key: random.uniform() }));
  const chosen = places.toSorted((left, right) => left.key - right.key).slice(0, count);
  const dead = chosen.map(({ unit }) => [unit, random.uniform() < 0.5 ? 'proved' : 'observed'] as const);
  return { size, dead: new Map(dead.toSorted(([left], [right]) => left - right)) };
}

/** The numbers of the units that are not dead, in order. */
export function liveUnits({ size, dead }: { readonly size: number; readonly dead: ReadonlyMap<number, unknown> }) {
  return Array.from({ length: size }, (_, unit) => unit).filter((unit) => !dead.has(unit));
}

/** Each unit `times` units in a row: heads as the features that they consist of. */
export function spreadPlan({ size, dead }: Plan, times: number): Plan {
  const spread = [...dead].flatMap(([unit, basis]) =>
    Array.from({ length: times }, (_, part) => [unit * times + part, basis] as const),
  );
  return { size: size * times, dead: new Map(spread) };
}

/** The dead units of a layer before its gate. */
export const undecided = ({ dead }: Plan): Features['dead'] =>
  new Map([...dead.keys()].map((unit) => [unit, undefined]));

/** How many inputs of a sum are not zero, on average. */
export const fanIn = ({ size, dead, density }: Features): number => (size - dead.size) * density;

/** What an elementwise function makes of the numbers that dead units hold. */
export function mapDead(x: Features, of: (number: number, unit: number) => number): Features {
  const dead = [...x.dead].map(
    ([unit, number]) => [unit, number === undefined ? undefined : of(number, unit)] as const,
  );
  return { ...x, dead: new Map(dead) };
}

/** The same for a function of two values, which have the same dead units. */
export function joinDead(
  left: Features,
  right: Features,
  join: (left: number | undefined, right: number | undefined) => number | undefined,
): Features['dead'] {
  const isSame = left.dead.size === right.dead.size && [...left.dead.keys()].every((unit) => right.dead.has(unit));
  assert(isSame, 'what is joined has the same dead units');
  return new Map([...left.dead].map(([unit, number]) => [unit, join(number, right.dead.get(unit))]));
}

/** With zeros around, other constants than zero add a map that depends on the position: not built by hand. */
export function requireZero({ dead }: Features): void {
  assert(
    [...dead.values()].every((number) => number === 0 || number === undefined),
    'constant units behind which zeros are padded must be zero',
  );
}

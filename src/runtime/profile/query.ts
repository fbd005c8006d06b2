import { pairIndex } from './co-firing.js';
import { patternUnits } from './patterns.js';
import type { GateProfile, Profile } from './schema.js';
import { meanOf } from './sums.js';

/** Questions to a gate's profile. Frequencies are of events; a gate without events never fired. */

/** The statistics of the gate of this name, if there is a profile and it has some. */
export function statisticsOf(profile: Profile | undefined, gate: string): GateProfile | undefined {
  return profile?.gates.find(({ name }) => name === gate);
}

/** What the elements of the inputs lay between, by input name; inputs of which that is not known are left out. */
export function inputRangesOf({ inputs, inputRanges }: Profile): ReadonlyMap<string, readonly [number, number]> {
  return new Map(
    inputs.flatMap((name, index) => {
      const range = inputRanges[index] ?? null;
      return range === null ? [] : [[name, range] as const];
    }),
  );
}

/** Fraction of the events in which `unit` fired. */
export function firingFrequency(gate: GateProfile, unit: number): number {
  return gate.events === 0 ? 0 : (gate.fired[unit] ?? 0) / gate.events;
}

/** Mean fraction of units that fire. */
export function meanDensity(gate: GateProfile): number {
  const fired = gate.fired.reduce((sum, count) => sum + count, 0);
  return gate.events === 0 ? 0 : fired / (gate.events * gate.units);
}

/** Mean score of `unit`, undefined without events. */
export function meanScore(gate: GateProfile, unit: number): number | undefined {
  return gate.events === 0 ? undefined : meanOf(BigInt(gate.scoreSum[unit] ?? 0), gate.events);
}

/** Events in which both units fired; undefined when the gate has too many units for pairs to be counted. */
export function coFired(gate: GateProfile, one: number, other: number): number | undefined {
  if (one === other) return gate.fired[one];
  return gate.coFiring?.[pairIndex(gate.units, one, other)];
}

/** The units that fired together, ascending, and in how many events just these did. */
interface FiringPattern {
  readonly units: readonly number[];
  readonly events: number;
}

/** All distinct firing patterns, the most frequent first; undefined if there were too many to keep. */
export function firingPatterns(gate: GateProfile): FiringPattern[] | undefined {
  if (!gate.patternsComplete) return undefined;
  return gate.patterns.map(([pattern, events]) => ({ units: patternUnits(pattern), events }));
}

/**
 * Firing patterns of a uniform sample of the distinct events. An event is in the same `half` of all events in whatever
 * profile it is met, by its hash: what is fitted to one half can be judged on the other.
 */
export function firingTraces(gate: GateProfile): (FiringPattern & { readonly half: 0 | 1 })[] {
  return gate.traces.map(([hash, pattern, events]) => ({
    units: patternUnits(pattern),
    events,
    half: hash % 2 === 0 ? 0 : 1,
  }));
}

/** Units that fired in no event; all of them without events. */
export function neverFired(gate: GateProfile): number[] {
  return unitsWhere(gate, (count) => count === 0);
}

/** Units that fired in every event; none without events. */
export function alwaysFired(gate: GateProfile): number[] {
  return gate.events === 0 ? [] : unitsWhere(gate, (count) => count === gate.events);
}

/**
 * Upper bound, at 95 %, of the probability that a unit fires which fired in none of `samples` independent samples: the
 * exact form 1 - 0.05^(1/n) of the rule of three. Use samples here, not events: the positions of one sample are not
 * independent.
 */
export function neverFiredBound(samples: number): number {
  return samples === 0 ? 1 : -Math.expm1(Math.log(0.05) / samples);
}

function unitsWhere(gate: GateProfile, test: (count: number) => boolean): number[] {
  return gate.fired.flatMap((count, unit) => (test(count) ? [unit] : []));
}

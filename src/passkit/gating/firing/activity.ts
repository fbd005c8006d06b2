import { firingFrequency, firingPatterns, firingTraces, statisticsOf } from '../../../runtime/profile/query.js';
import type { Profile } from '../../../runtime/profile/types.js';
import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import { seededRandom } from '../../../support/random.js';
import type { Gate } from '../../gates.js';
import { modesOf } from './modes.js';

/** Units that fire together, and how often: the weights of a list of patterns add up to 1. */
export interface WeightedPattern {
  readonly units: BitSet;
  readonly weight: number;
}

/** Which of a gate's units fire together, by the numbers that they have in the graph now. */
export interface Activity {
  readonly units: number;
  /** Distinct, the heaviest first; those that can occur and did not have weight 0. */
  readonly patterns: readonly WeightedPattern[];
  /**
   * The patterns of two halves of the sampled events: what is fitted to `fit` alone meets in `heldOut` events it was not
   * fitted to. Gates whose units fire on their own may show a new pattern in every event. Both are all patterns where no
   * other can occur, or where there are no samples of both.
   */
  readonly fit: readonly WeightedPattern[];
  readonly heldOut: readonly WeightedPattern[];
  /** The fraction of all events in which a unit fires. */
  frequency(unit: number): number;
}

/**
 * What the profile tells of a gate, or of a modal gate the masks it chooses among: these are taken to be equally frequent
 * where nothing was observed. Undefined if nothing is known.
 */
export function activityOf(gate: Gate, profile: Profile | undefined): Activity | undefined {
  const masks = modesOf(gate)?.masks;
  const statistics = statisticsOf(profile, gate.name);
  if (statistics === undefined || statistics.events === 0) {
    return masks === undefined ? undefined : modalActivity(gate.units, masks, []);
  }
  const present = presentUnits(gate);
  const patternOf = ({ units, events }: { units: readonly number[]; events: number }): WeightedPattern => ({
    units: BitSet.of(gate.units, present(units)),
    weight: events,
  });
  const traces = firingTraces(statistics);
  const observed = distinct((firingPatterns(statistics) ?? traces).map(patternOf));
  if (masks !== undefined) return modalActivity(gate.units, masks, observed);
  if (observed.length === 0) return undefined;
  const [fit = [], heldOut = []] = [0, 1].map((half) => distinct(traces.filter((t) => t.half === half).map(patternOf)));
  const isSplit = fit.length > 0 && heldOut.length > 0;
  return {
    units: gate.units,
    patterns: observed,
    fit: isSplit ? fit : observed,
    heldOut: isSplit ? heldOut : observed,
    frequency: (unit) => firingFrequency(statistics, gate.sourceUnits[unit] ?? -1),
  };
}

/** The mean part of a gate's units that fire, by the profile; undefined where that has no statistics of the gate. */
export function densityOf({ name, sourceUnits, units }: Gate, profile: Profile | undefined): number | undefined {
  const statistics = statisticsOf(profile, name);
  if (statistics === undefined) return undefined;
  return sourceUnits.reduce((sum, source) => sum + firingFrequency(statistics, source), 0) / Math.max(1, units);
}

/**
 * Patterns of the units that fire for some sample of a batch of `batch` independent samples: what a run that treats them
 * together must compute. Unions of patterns drawn by a seeded random choice, as many as make a good estimate; of large
 * batches a part stands for the whole.
 */
export function inBatches(patterns: readonly WeightedPattern[], batch: number): readonly WeightedPattern[] {
  if (batch === 1 || patterns.length === 0) return patterns;
  const random = seededRandom(batch);
  const sums: number[] = [];
  for (const { weight } of patterns) sums.push((sums.at(-1) ?? 0) + weight);
  const total = sums.at(-1) ?? 0;
  const draw = (): BitSet[] => {
    const found = patterns[firstAbove(sums, random.uniform() * total)];
    return found === undefined ? [] : [found.units];
  };
  const universe = patterns[0]?.units.universe ?? 0;
  const samples = Math.min(batch, samplesDrawn);
  return distinct(
    Array.from({ length: batchesDrawn }, () => ({
      units: BitSet.unionOf(universe, Array.from({ length: samples }, draw).flat()),
      weight: 1,
    })),
  );
}

const batchesDrawn = 512;
/** Samples of a batch that are drawn at most: what fires in none of so many hardly adds to the union. */
const samplesDrawn = 256;

/** The position of the first of ascending numbers that is above `aim`; their count if none is. */
function firstAbove(sums: readonly number[], aim: number): number {
  let [low, high] = [0, sums.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(sums, middle) > aim) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** One entry for each set, the heaviest first, with weights that add up to 1; ties are broken by the sets themselves. */
export function distinct(patterns: readonly WeightedPattern[]): WeightedPattern[] {
  const byKey = new Map<string, { units: BitSet; weight: number; key: string }>();
  for (const { units, weight } of patterns) {
    const { key } = units;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { units, weight, key });
    else known.weight += weight;
  }
  const sorted = [...byKey.values()].sort(
    (left, right) => right.weight - left.weight || (left.key < right.key ? -1 : 1),
  );
  // Added in this order, so that not even rounding depends on the order given.
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  return sorted.map(({ units, weight }) => ({ units, weight: weight / total }));
}

/** The masks of a modal gate with the weights that they were observed with. */
function modalActivity(units: number, masks: readonly BitSet[], observed: readonly WeightedPattern[]): Activity {
  const weights = new Map(observed.map((pattern) => [pattern.units.key, pattern.weight]));
  const unique = [...new Map(masks.map((mask) => [mask.key, mask])).values()];
  const isObserved = unique.some(({ key }) => weights.has(key));
  // Each mode counts where nothing was observed, so modes with equal masks count twice.
  const patterns = distinct(
    isObserved
      ? unique.map((mask) => ({ units: mask, weight: weights.get(mask.key) ?? 0 }))
      : masks.map((mask) => ({ units: mask, weight: 1 })),
  );
  return {
    units,
    patterns,
    fit: patterns,
    heldOut: patterns,
    frequency: (unit) => patterns.reduce((sum, { units: on, weight }) => sum + (on.has(unit) ? weight : 0), 0),
  };
}

/** From units of the source model to those that the gate has now, of which several may be copies of one. */
function presentUnits({ sourceUnits }: Gate): (source: readonly number[]) => number[] {
  const places = new Map<number, number[]>();
  for (const [unit, source] of sourceUnits.entries()) {
    const known = places.get(source);
    if (known === undefined) places.set(source, [unit]);
    else known.push(unit);
  }
  return (source) => source.flatMap((number) => places.get(number) ?? []);
}

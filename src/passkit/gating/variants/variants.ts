import { BitSet } from '../../../support/bit-set.js';
import type { WeightedPattern } from '../firing/activity.js';
import type { MergeOptions } from './merge-patterns.js';

/** One branch of a dispatch: the units that it computes, and for which events it may run. */
export interface Variant {
  /** Ascending. */
  readonly units: readonly number[];
  /**
   * `covers`: for events whose firing units are among `fires`; the gate's mask still multiplies. `equals`: for events whose
   * firing units are just `fires`; no mask is needed. `any`: for all events that are left.
   */
  readonly match: 'covers' | 'equals' | 'any';
  readonly fires: BitSet;
}

/** How variants are made of sets of firing units, and what they cost. */
interface VariantCosts extends Pick<MergeOptions, 'cost'> {
  /** What the mask costs that `equals` saves, for so many units. */
  maskCost(units: number): number;
}

/** How wide variants become. */
export interface Padding {
  /** Widths are padded to a multiple of this. */
  readonly multiple: number;
  /** Units can be computed in vain: whatever reads them can give them no weight. */
  readonly canSilence: boolean;
}

/** The branch for everything that no other is for: all units, masked. */
export function anyVariant(units: number): Variant {
  return { units: BitSet.full(units).members(), match: 'any', fires: BitSet.full(units) };
}

export function variantOf(fires: BitSet, match: 'covers' | 'equals', { multiple, canSilence }: Padding): Variant {
  // No width can be zero.
  if (match === 'equals' && (canSilence || fires.count > 0)) {
    return { units: padded(fires, canSilence ? multiple : 1).members(), match, fires };
  }
  const units = padded(fires, multiple);
  // What is padded may as well serve: these units are masked.
  return { units: units.members(), match: 'covers', fires: units };
}

/** With units that are not among them until their number is a multiple, if there are as many. */
function padded(fires: BitSet, multiple: number): BitSet {
  const { universe, count } = fires;
  const missing = Math.min(universe, Math.ceil(Math.max(count, 1) / multiple) * multiple) - count;
  const added = new Set<number>();
  const isIn = (unit: number): boolean => fires.has(unit) || added.has(unit);
  // Those right behind a run make it longer, and no new one; those before the first run come last.
  for (const mayBegin of [false, true]) {
    for (let unit = 0; unit < universe && added.size < missing; unit++) {
      if (!isIn(unit) && (mayBegin || isIn(unit - 1))) added.add(unit);
    }
  }
  return fires.union(BitSet.of(universe, added));
}

/** The variant that an event belongs to: the first that may serve it. */
function servedBy(variants: readonly Variant[], units: BitSet): number {
  return variants.findIndex(({ match, fires }) => {
    if (match === 'any') return true;
    return match === 'equals' ? units.equals(fires) : units.isSubsetOf(fires);
  });
}

/** How often each variant runs. */
export function sharesOf(variants: readonly Variant[], patterns: readonly WeightedPattern[]): number[] {
  const shares = variants.map(() => 0);
  for (const { units, weight } of patterns) {
    const index = servedBy(variants, units);
    shares[index] = (shares[index] ?? 0) + weight;
  }
  return shares;
}

/** Variants that cover sets of units, with `equals` instead wherever that is expected to cost less. */
export function sharpened(
  variants: readonly Variant[],
  patterns: readonly WeightedPattern[],
  costs: VariantCosts,
  padding: Padding,
): readonly Variant[] {
  let best = variants;
  let least = expected(best, patterns, costs);
  for (const index of variants.keys()) {
    const variant = best[index];
    if (variant?.match !== 'covers') continue;
    const served = patterns.filter(({ units }) => servedBy(best, units) === index);
    const [heaviest] = served;
    if (heaviest === undefined) continue;
    const sharper = best.with(index, variantOf(heaviest.units, 'equals', padding));
    const cost = expected(sharper, patterns, costs);
    if (cost < least) [best, least] = [sharper, cost];
  }
  return best;
}

function expected(variants: readonly Variant[], patterns: readonly WeightedPattern[], costs: VariantCosts): number {
  const shares = sharesOf(variants, patterns);
  return variants.reduce((sum, { units, match, fires }, index) => {
    const mask = match === 'equals' ? 0 : costs.maskCost(units.length);
    return sum + (shares[index] ?? 0) * (costs.cost(BitSet.of(fires.universe, units)) + mask);
  }, 0);
}

import type { Node } from '../../../ir/graph.js';
import { relationsOf } from '../../../ops/index.js';
import { at } from '../../../support/assert.js';
import { BitSet } from '../../../support/bit-set.js';
import { type Activity, inBatches, type WeightedPattern } from '../firing/activity.js';
import { modesOf } from '../firing/modes.js';
import type { Region, RegionGate } from '../regions/region.js';
import type { PlanningContext } from '../strategy.js';
import { type MergeOptions, mergePatternsEach } from './merge-patterns.js';
import { anyVariant, type Padding, sharesOf, sharpened, type Variant, variantOf } from './variants.js';

/** Most variants of a gate, the one of all units included; of a modal gate it may be as many modes. */
const variantCounts = [2, 4, 8] as const;
const mostModes = 16;
/** Most branches in which the nodes behind the last of several gates are there. */
const mostBranches = 32;

/** The variants of a gate, in the order in which they are tried; the last is for `any` event. */
export interface GateVariants {
  readonly own: RegionGate;
  readonly variants: readonly Variant[];
  /** How often each runs, as far as was seen. */
  readonly shares: readonly number[];
  /**
   * What is to be expected of events that the variants were not fitted to: variants like these that were fitted to half of
   * the events, and how often each runs for the other half.
   */
  readonly expected: readonly { readonly variant: Variant; readonly share: number }[];
}

/** Choices of variants, each for every gate of a region; or why there are none. */
export type VariantSets = readonly (readonly GateVariants[])[] | string;

/** Variants for all gates of a region together, of different numbers, each combination of numbers once. */
export function variantSets(region: Region, context: PlanningContext): VariantSets {
  const choices: (readonly GateVariants[])[] = [];
  for (const own of region.gates) {
    const activity = context.activityOf(own);
    if (activity === undefined) return `nothing is known of which units of '${own.gate.name}' fire together`;
    choices.push(variantsEach(own, activity, region, context));
  }
  const sets = new Map<string, readonly GateVariants[]>();
  for (const index of variantCounts.keys()) {
    const gates = choices.map((each) => at(each, Math.min(index, each.length - 1)));
    const counts = gates.map(({ variants }) => variants.length);
    const branches = counts.reduce((product, count) => product * count, 1);
    const name = counts.join('x');
    if (counts.some((count) => count > 1) && branches <= mostBranches && !sets.has(name)) sets.set(name, gates);
  }
  return sets.size > 0 ? [...sets.values()] : 'no set of units that fire together is small enough';
}

/** The variants of a gate for each number of them that is looked at; of a modal gate one for each mode. */
function variantsEach(own: RegionGate, activity: Activity, region: Region, context: PlanningContext): GateVariants[] {
  const { units } = own.gate;
  const padding = { multiple: widthMultiple(region, context), canSilence: canSilence(region) };
  const masks = modesOf(own.gate)?.masks;
  const { patterns, fit, heldOut } = inBatchesOf(activity, context.batch);
  if (masks !== undefined && masks.length <= mostModes) {
    const variants = [...masks.map((mask) => variantOf(mask, 'equals', padding)), anyVariant(units)];
    const shares = sharesOf(variants, patterns);
    return [{ own, variants, shares, expected: pairs(variants, shares) }];
  }
  const all = mergedVariants(own, patterns, padding, region, context);
  const fitted = fit === patterns ? all : mergedVariants(own, fit, padding, region, context);
  return variantCounts.map((most) => {
    const [variants, judged] = [all, fitted].map((each) => at(each, Math.min(most, each.length) - 1));
    return {
      own,
      variants: variants ?? [],
      shares: sharesOf(variants ?? [], patterns),
      expected: pairs(judged ?? [], sharesOf(judged ?? [], heldOut)),
    };
  });
}

function pairs(variants: readonly Variant[], shares: readonly number[]): GateVariants['expected'] {
  return variants.map((variant, index) => ({ variant, share: at(shares, index) }));
}

/** Entry i has at most i + 1 variants. */
function mergedVariants(
  own: RegionGate,
  patterns: readonly WeightedPattern[],
  padding: Padding,
  region: Region,
  { times, activityOf, target }: PlanningContext,
): readonly (readonly Variant[])[] {
  const { units } = own.gate;
  const others = new Map(
    region.gates.filter((gate) => gate !== own).map((gate) => [gate, meanUnits(gate, activityOf(gate))]),
  );
  const cost = (count: number): number => times.constant(new Map([...others, [own, Math.max(1, count)]]));
  const options: MergeOptions = {
    live: BitSet.full(units),
    mostVariants: Math.max(...variantCounts),
    cost: ({ count }) => cost(Math.min(units, Math.ceil(count / padding.multiple) * padding.multiple)),
    // Next to waiting for the device, another condition costs nothing.
    levelCost: target.readBack > 0 ? 0 : times.costs.branch + times.costs.operator,
  };
  const variantCosts = {
    cost: (set: BitSet) => cost(set.count),
    maskCost: (count: number) => times.maskCost(own, count),
  };
  const thin = thinned(patterns);
  return mergePatternsEach(thin, options).map((merged) => {
    const covering = merged.variants
      .slice(0, -1)
      .filter((set) => set.count < units)
      .map((set) => variantOf(set, 'covers', padding));
    return sharpened([...covering, anyVariant(units)], thin, variantCosts, padding);
  });
}

/** Patterns that variants are searched with: more take long, and tell little more. */
const mostPatterns = 256;

/** The heavier half of so many patterns, and for all others some of them, evenly, that stand for the rest. */
function thinned(patterns: readonly WeightedPattern[]): readonly WeightedPattern[] {
  if (patterns.length <= mostPatterns) return patterns;
  const heavy = patterns.slice(0, mostPatterns / 2);
  const rest = patterns.slice(mostPatterns / 2);
  const step = rest.length / (mostPatterns / 2);
  return [
    ...heavy,
    ...Array.from({ length: mostPatterns / 2 }, (_, index) => {
      const { units, weight } = at(rest, Math.floor(index * step));
      return { units, weight: weight * step };
    }),
  ];
}

function inBatchesOf(
  { patterns, fit, heldOut }: Activity,
  batch: number,
): Pick<Activity, 'patterns' | 'fit' | 'heldOut'> {
  if (batch === 1) return { patterns, fit, heldOut };
  return {
    patterns: inBatches(patterns, batch),
    fit: inBatches(fit, batch),
    heldOut: inBatches(heldOut, batch),
  };
}

/** What widths are padded to: where convolutions compute channels in blocks, full blocks cost no more. */
export function widthMultiple({ nodes }: Region, { target }: PlanningContext): number {
  const { widths } = target;
  return widths !== undefined && nodes.some((node) => widths.isConvolution(node)) ? widths.block : 1;
}

/** True if units can be computed in vain: all that reads them does so with weights, which may be zero. */
function canSilence({ nodes, exits }: Region): boolean {
  const isPlainSum = (node: Node): boolean =>
    relationsOf(node).some((relation) => relation.kind === 'contract' && relation.weight === undefined);
  return exits.length === 0 && !nodes.some(isPlainSum);
}

function meanUnits({ gate }: RegionGate, activity: Activity | undefined): number {
  if (activity === undefined) return gate.units;
  return activity.patterns.reduce((sum, { units, weight }) => sum + units.count * weight, 0);
}

/** Over all combinations of variants, as if the gates of a region chose independently of one another. */
export function expectedTime(gates: readonly GateVariants[], { times, target }: PlanningContext): number {
  const { branch, operator } = times.costs;
  let combinations: { share: number; widths: Map<RegionGate, number>; extra: number }[] = [
    { share: 1, widths: new Map(), extra: 0 },
  ];
  for (const { own, expected } of gates) {
    // The number of the variant is read once, whatever the number of conditions that the processor makes of it.
    const condition = target.readBack > 0 ? 0 : operator;
    const levels = Math.log2(expected.length) * (branch + condition) + 5 * operator + target.readBack;
    combinations = combinations.flatMap(({ share, widths, extra }) =>
      expected.map(({ variant: { units, match }, share: part }) => ({
        share: share * part,
        widths: new Map([...widths, [own, units.length]]),
        extra: extra + levels - (match === 'equals' ? times.maskCost(own, units.length) : 0),
      })),
    );
  }
  return combinations.reduce((sum, { share, widths, extra }) => sum + share * (times.constant(widths) + extra), 0);
}

import { Builder } from '../../../ir/builder.js';
import type { Node, Value } from '../../../ir/graph.js';
import { operatorOf, relationsOf } from '../../../ops/index.js';
import { elementsPerSample } from '../../../ops/operator.js';
import { portValue, weightedSum } from '../../../ops/relations.js';
import { at, defined } from '../../../support/assert.js';
import { inBatches, type WeightedPattern } from '../firing/activity.js';
import { firingNumbers, maskOf } from '../firing/firing.js';
import { fixedWidthOf } from '../regions/fixed-width.js';
import { type Region, type RegionGate, resultsOf } from '../regions/region.js';
import { activeUnits, withRowsFirst } from '../rewriting/gathered.js';
import { copyRegion, replaceRegion } from '../rewriting/region-copy.js';
import { constantSelection } from '../rewriting/selection.js';
import type { Plan, PlanningContext, Strategy } from '../strategy.js';
import { widthMultiple } from '../variants/variant-sets.js';

/**
 * Units that nearly always fire, the core, are computed with constant weights and masked; of the others, the tail, those
 * that fire are gathered at run time, and what both give is added. Exact for any gates and any batch, since whoever reads
 * units adds up what each contributes: what makes the sum of products of all is the sum of those of core and tail, the bias
 * counted once. Where units leave the region, each part has zeros in place of the other's.
 */
export const coreTail: Strategy = {
  name: 'core-tail',
  needs: ['NonZero'],
  plans(region, context) {
    const [own] = region.gates;
    if (region.gates.length > 1 || own === undefined) return 'each gate of several in a row is split by itself';
    const fixed = fixedWidthOf(region) ?? readerThatAddsNothing(region);
    if (fixed !== undefined) return fixed;
    const split = bestSplit(region, own, context);
    if (typeof split === 'string') return split;
    return [
      {
        name: 'core-tail',
        what: `a core of ${split.core.length} units is computed always, of ${split.tail.length} others those that fire`,
        predicted: split.predicted,
        isNested: false,
        apply: () => apply(region, split, context),
      } satisfies Plan,
    ];
  },
};

/** Units by number, ascending, and what computing them so is expected to take. */
interface Split {
  readonly core: readonly number[];
  readonly tail: readonly number[];
  readonly predicted: number;
}

/** Why the results for two parts of the units do not add up to the result for all. */
function readerThatAddsNothing(region: Region): string | undefined {
  const { nodes, gates, outputs } = region;
  const onUnits = new Set(gates.flatMap(({ axes }) => axes.map(({ value }) => value)));
  const isOnUnits = (value: Value): boolean => onUnits.has(value);
  const inside = new Set(nodes);
  const made = new Set<Value>(nodes.flatMap((node) => node.outputs).filter((value) => !isOnUnits(value)));
  const other = nodes.find((node) => {
    if (node.outputs.every(isOnUnits)) return false;
    const isRead = node.outputs.some((value) => value.uses.some((use) => inside.has(use.node)));
    return isRead || biasOf(node, isOnUnits) === undefined;
  });
  if (other !== undefined) return `'${other.label}' does not just add up what units contribute`;
  return outputs.every((value) => made.has(value)) ? undefined : 'its results are not sums over units';
}

/** The input that a sum of products over units adds besides; undefined for what is no such sum. */
function biasOf(node: Node, isOnUnits: (value: Value) => boolean): number | undefined {
  const sum = weightedSum(relationsOf(node));
  const data = sum === undefined ? undefined : portValue(node, sum.data);
  if (sum === undefined || data === undefined || !isOnUnits(data)) return undefined;
  const linear = operatorOf(node)?.linear?.(node);
  if (linear?.weight === sum.weight.index) return linear.bias;
  const others = node.inputs.filter((_, index) => index !== sum.data.index && index !== sum.weight.index);
  return others.every((value) => value === undefined) ? node.inputs.length : undefined;
}

/** Sizes of a core that are tried. */
const sizesTried = 16;

/** The most frequent units as a core, as many as are expected to cost least. */
function bestSplit(region: Region, own: RegionGate, context: PlanningContext): Split | string {
  const activity = context.activityOf(own);
  if (activity === undefined) return `nothing is known of which units of '${own.gate.name}' fire`;
  const { units } = own.gate;
  const ranked = Array.from({ length: units }, (_, unit) => unit).toSorted(
    (left, right) => activity.frequency(right) - activity.frequency(left) || left - right,
  );
  const patterns = ranksOf(inBatches(activity.patterns, context.batch), ranked);
  const multiple = widthMultiple(region, context);
  const sizes = Array.from(
    { length: sizesTried - 1 },
    (_, step) => Math.round(((step + 1) * units) / sizesTried / multiple) * multiple,
  );
  let best: { size: number; predicted: number } | undefined;
  for (const size of new Set(sizes)) {
    if (size === 0 || size >= units) continue;
    const predicted = expected(region, own, patterns, size, context);
    if (best === undefined || predicted < best.predicted) best = { size, predicted };
  }
  if (best === undefined) return 'it has too few units to split';
  const ascending = (list: readonly number[]): number[] => list.toSorted((left, right) => left - right);
  return {
    core: ascending(ranked.slice(0, best.size)),
    tail: ascending(ranked.slice(best.size)),
    predicted: best.predicted,
  };
}

/** Events as the ranks of the units that fire, ascending. */
type Ranks = readonly { readonly ranks: Int32Array; readonly weight: number }[];

function ranksOf(patterns: readonly WeightedPattern[], ranked: readonly number[]): Ranks {
  const rankOf = new Int32Array(ranked.length);
  for (const [rank, unit] of ranked.entries()) rankOf[unit] = rank;
  return patterns.map(({ units, weight }) => ({
    ranks: Int32Array.from(units.members(), (unit) => at(rankOf, unit)).sort(),
    weight,
  }));
}

function expected(
  region: Region,
  own: RegionGate,
  patterns: Ranks,
  size: number,
  { times, batch }: PlanningContext,
): number {
  const { operator, addedElement } = times.costs;
  const added = resultsOf(region).reduce(
    (sum, { shape }) => sum + operator + batch * elementsPerSample(shape) * addedElement,
    0,
  );
  const byCount = new Map<number, number>();
  for (const { ranks, weight } of patterns) {
    const inCore = ranks.findIndex((rank) => rank >= size);
    const count = Math.max(1, inCore < 0 ? 0 : ranks.length - inCore);
    byCount.set(count, (byCount.get(count) ?? 0) + weight);
  }
  let time = times.constant(new Map([[own, size]])) + added + 8 * operator;
  for (const [count, weight] of byCount) time += weight * times.runtime(new Map([[own, count]]));
  return time;
}

async function apply(found: Region, { core, tail }: Split, context: PlanningContext): Promise<void> {
  const region = await withRowsFirst(found, context);
  const { graph, outputs } = region;
  const own = at(region.gates, 0);
  const { gate } = own;
  const { score } = gate;
  const builder = new Builder(graph, { origin: gate.node.origin });
  const mask = maskOf(gate, score, builder);
  const among = constantSelection(graph, tail);
  const on = firingNumbers(gate.node, score, builder);
  const index = activeUnits(gate, on, builder, among);
  const always = copyRegion(region, graph, new Map([[own, constantSelection(graph, core, { mask })]]));
  const gathered = copyRegion(region, graph, new Map([[own, { kind: 'runtime', index, among, mask }]]));
  const onUnits = new Set(own.axes.map(({ value }) => value));
  for (const [place, value] of outputs.entries()) {
    const node = defined(value.producer, 'what reads units');
    const bias = defined(
      biasOf(node, (other) => onUnits.has(other)),
      'the bias of a sum',
    );
    const sum = defined(at(gathered, place).producer, 'a copy of what reads units');
    if (bias < sum.inputs.length) graph.setInput(sum, bias, undefined);
  }
  replaceRegion(
    region,
    always.map((value, place) => builder.op('Add', [value, at(gathered, place)])),
  );
}

import type { Graph } from '../../ir/graph.js';
import { type SliceRows, sliceRows } from '../../ir/slices.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { at, defined } from '../../support/assert.js';
import { MinHeap } from '../../support/heap.js';
import { dot } from '../../support/matrix.js';
import { canLoseMask, type Gate, gatesOf } from '../gates.js';
import { costOfInput, unitCosts } from '../units/unit-costs.js';
import { UnitGroups } from '../units/units.js';
import { type GraphMoments, type Place, placeKey } from './moments.js';
import { type Reader, readersOf } from './readers.js';
import { IndependentSum, RegressedSum, type WeightedSum } from './sum-losses.js';
import type { Ranked, WeakItem } from './weak-units.js';

/**
 * The order in which live units, and masks that hardly ever take anything away, go: those first that lose least for the
 * work they save.
 */

/** What a sum of products loses, and where its slots are. */
interface RankedReader {
  readonly place: Place;
  readonly sum: WeightedSum;
  /** Variance of every slot times the square of its weights, in parts of all slots'. */
  readonly shares: Float64Array;
  /** Removals from it so far: losses that were computed at another number are out of date. */
  removals: number;
}

/** What a unit is to one reader. */
interface Read {
  readonly slots: number[];
  loss: number;
  /** Removals at which `loss` was computed. */
  removals: number;
}

interface Candidate {
  readonly reads: Map<RankedReader, Read>;
  readonly cost: number;
}

/** Ranks all that may go of a graph with these moments. Equal graphs and moments give equal orders. */
export function rankWeakUnits(graph: Graph, moments: GraphMoments): readonly WeakItem[] {
  return new Ranking(graph, moments).order();
}

class Ranking {
  readonly #moments: GraphMoments;
  readonly #groups: UnitGroups;
  readonly #units = new Map<number, Candidate>();
  readonly #gates: readonly Gate[];
  readonly #gone = new Set<number>();

  constructor(graph: Graph, moments: GraphMoments) {
    this.#moments = moments;
    this.#groups = new UnitGroups(graph);
    this.#gates = gatesOf(graph).filter((gate) => moments.taken.has(gate.name) && canLoseMask(gate));
    const costs = unitCosts(graph, this.#groups);
    const readers = new Map(readersOf(graph, this.#groups).map((reader) => [reader.consumption, reader]));
    const unmeasured = new Set<number>();
    for (const consumption of this.#groups.consumptions) {
      const { data, value } = consumption;
      const known = readers.get(consumption);
      const reader = known === undefined ? undefined : this.#reader(known);
      for (let index = 0; index < sizeOfAxis(value, data.axis); index++) {
        const unit = this.#groups.unitOf(value, data.axis, index);
        if (unit === undefined || this.#groups.isPinned(unit)) continue;
        if (reader === undefined) unmeasured.add(unit);
        else this.#note(unit, reader, index, at(costs, unit));
      }
    }
    for (const unit of unmeasured) this.#units.delete(unit);
  }

  order(): readonly WeakItem[] {
    const heap = new MinHeap<number | Gate>();
    const keys = (item: number | Gate): number => {
      const { loss, saved } = this.#rate(item);
      return saved > 0 ? loss / saved : Number.POSITIVE_INFINITY;
    };
    for (const item of [...this.#units.keys(), ...this.#gates]) heap.push(keys(item), item);
    const items: WeakItem[] = [];
    for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
      // What went since changes what this one loses: it goes only if it is still the first.
      const key = keys(item);
      if (key > heap.least) heap.push(key, item);
      else if (key < Number.POSITIVE_INFINITY) items.push(...this.#take(item));
    }
    return items;
  }

  #note(unit: number, reader: RankedReader, index: number, cost: number): void {
    const candidate = this.#units.get(unit) ?? { reads: new Map<RankedReader, Read>(), cost };
    const read = candidate.reads.get(reader) ?? { slots: [], loss: 0, removals: -1 };
    read.slots.push(index);
    candidate.reads.set(reader, read);
    this.#units.set(unit, candidate);
  }

  #reader({ consumption, key, takesOver }: Reader): RankedReader | undefined {
    const { data, value, weight, weights: constant } = consumption;
    const place = { value: value.name, axis: data.axis };
    const moments = this.#moments.places.get(key);
    const tensor = constant?.constant;
    if (moments === undefined || (tensor !== undefined && tensor.type !== 'float32')) return undefined;
    const weights = tensor === undefined || weight === undefined ? undefined : sliceRows(tensor, weight.axis);
    const norms = weights === undefined ? new Float64Array(moments.size).fill(1) : normsOf(weights, moments.size);
    const losses = moments.variance.map((variance, slot) => variance * at(norms, slot));
    const total = losses.reduce((sum, loss) => sum + loss, 0);
    const shares = losses.map((loss) => (total === 0 ? 0 : loss / total));
    const { covariance } = moments;
    const isRegressed = weights !== undefined && covariance !== undefined && takesOver;
    const sum = isRegressed
      ? new RegressedSum({ ...moments, covariance }, gramOf(weights))
      : new IndependentSum(shares);
    return { place, shares, sum, removals: 0 };
  }

  #rate(item: number | Gate): Ranked {
    if (typeof item !== 'number') return { loss: this.#gateLoss(item), saved: costOfInput(item.node, 1) };
    const { reads, cost } = defined(this.#units.get(item), 'a unit that may go');
    let loss = 0;
    for (const [{ sum, removals }, read] of reads) {
      // Of nothing, a sum of products cannot be made.
      if (sum.left <= read.slots.length) return { loss: Number.POSITIVE_INFINITY, saved: cost };
      if (read.removals !== removals) {
        read.loss = sum.loss(read.slots);
        read.removals = removals;
      }
      loss += read.loss;
    }
    return { loss, saved: cost };
  }

  /** What a mask takes away, in parts of what varies behind it, for every unit that is left and whoever reads it. */
  #gateLoss({ node, axis, name }: Gate): number {
    const taken = defined(this.#moments.taken.get(name), name);
    const place = { value: node.output.name, axis };
    const { variance } = defined(this.#moments.places.get(placeKey(place)), name);
    let loss = 0;
    for (const [slot, square] of taken.entries()) {
      const unit = this.#groups.unitOf(node.output, axis, slot);
      if (unit === undefined || this.#gone.has(unit) || square === 0) continue;
      const candidate = this.#units.get(unit);
      // Who reads it is not known, or what there was behind the mask was constant.
      if (candidate === undefined || at(variance, slot) === 0) return Number.POSITIVE_INFINITY;
      for (const [{ shares }, { slots }] of candidate.reads) {
        loss += slots.reduce((sum, own) => sum + at(shares, own), 0) * (square / at(variance, slot));
      }
    }
    return loss;
  }

  #take(item: number | Gate): WeakItem[] {
    const rated = this.#rate(item);
    if (rated.loss === Number.POSITIVE_INFINITY) return [];
    if (typeof item !== 'number') return [{ kind: 'gate', gate: item.name, ...rated }];
    const { reads } = defined(this.#units.get(item), 'a unit that may go');
    this.#gone.add(item);
    for (const [reader, { slots }] of reads) {
      reader.sum.remove(slots);
      reader.removals++;
    }
    const slots = [...reads].flatMap(([{ place }, read]) => read.slots.map((index) => ({ ...place, index })));
    return [{ kind: 'unit', slots, ...rated }];
  }
}

/** For each of `size` slots the sum of the squares of its weights. */
function normsOf({ rows, width }: SliceRows, size: number): Float64Array {
  const own = rows.length / width;
  // A shorter axis of weights is met by several runs of slots, each in outputs of its own: on average in a part of them.
  const runs = size / own;
  return Float64Array.from({ length: size }, (_, slot) => {
    const start = (slot % own) * width;
    return rows.subarray(start, start + width).reduce((sum, weight) => sum + weight ** 2, 0) / runs;
  });
}

/** Products of the rows with each other, [slots, slots]. */
function gramOf({ rows, width }: SliceRows): Float64Array {
  const size = rows.length / width;
  const gram = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = dot(rows, i * width, j * width, width);
      gram[i * size + j] = sum;
      gram[j * size + i] = sum;
    }
  }
  return gram;
}

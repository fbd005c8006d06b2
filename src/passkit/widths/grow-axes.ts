import type { Graph, Node, Value } from '../../ir/graph.js';
import { withZeroSlices } from '../../ir/slices.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { KeptSlots, selectSlots } from '../units/select-slots.js';
import { type SizeOf, sizeNow } from './layout-steps.js';
import type { UnitAxis } from './unit-axes.js';

/** How many units each axis gets in addition. */
export type Growth = ReadonlyMap<UnitAxis, number>;

/** The sizes that axes would have if some were longer. */
export class GrownSizes {
  readonly #growth = new Map<UnitAxis, number>();
  readonly #added = new Map<Value, Map<number, number>>();

  /** Axes that are longer than they are now. */
  get growth(): Growth {
    return this.#growth;
  }

  readonly sizeOf: SizeOf = (value, axis) => sizeNow(value, axis) + (this.#added.get(value)?.get(axis) ?? 0);

  set(unitAxis: UnitAxis, count: number): void {
    const more = count - (this.#growth.get(unitAxis) ?? 0);
    for (const { value, axis, repeats } of unitAxis.places) {
      const axes = this.#added.get(value) ?? new Map<number, number>();
      this.#added.set(value, axes.set(axis, (axes.get(axis) ?? 0) + more * repeats));
    }
    if (count === 0) this.#growth.delete(unitAxis);
    else this.#growth.set(unitAxis, count);
  }
}

/** Adds copies of the last unit of each axis behind it, which nobody gives any weight: the function stays the same. */
export function growAxes(graph: Graph, growth: Growth): void {
  const copies = new Map<Value, Map<number, Map<number, number[]>>>();
  const readers: { readonly node: Node; readonly input: number; readonly axis: number }[] = [];
  for (const [{ places, consumptions }, count] of growth) {
    for (const { value, axis, last, repeats } of places) {
      const axes = copies.get(value) ?? new Map<number, Map<number, number[]>>();
      const behind = axes.get(axis) ?? new Map<number, number[]>();
      const run = Array.from({ length: repeats }, (_, place) => last + place);
      behind.set(last + repeats - 1, Array.from({ length: count }, () => run).flat());
      copies.set(value, axes.set(axis, behind));
    }
    for (const { node, weight } of consumptions) {
      if (weight !== undefined) readers.push({ node, input: weight.index, axis: weight.axis });
    }
  }
  const kept = new KeptSlots();
  for (const [value, axes] of copies) {
    for (const [axis, behind] of axes) {
      const slots = Array.from({ length: sizeOfAxis(value, axis) }, (_, slot) => slot);
      kept.set(
        value,
        axis,
        slots.flatMap((slot) => [slot, ...(behind.get(slot) ?? [])]),
      );
    }
  }
  selectSlots(graph, kept);
  for (const { node, input, axis } of readers) giveNoWeight(node, input, axis, kept);
  graph.removeUnused();
}

/** Makes zero the weights of copies, which stand behind what they are copies of. */
function giveNoWeight(node: Node, input: number, axis: number, kept: KeptSlots): void {
  const weights = node.input(input);
  const slots = kept.kept(weights, axis);
  // Weights that several nodes share are done with the first.
  if (weights.constant === undefined || slots === undefined) return;
  const seen = new Set<number>();
  const isCopy = slots.map((slot) => seen.has(slot) || seen.add(slot) === undefined);
  weights.graph.replaceWithConstant(weights, withZeroSlices(weights.constant, axis, isCopy));
}

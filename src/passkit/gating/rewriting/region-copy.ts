import { Builder } from '../../../ir/builder.js';
import { copyNode } from '../../../ir/clone.js';
import type { Graph, Node, Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import { inferTypes, operatorOf, relationsOf } from '../../../ops/index.js';
import { portValue, sizeOfAxis } from '../../../ops/relations.js';
import { gateAxis, selects } from '../../../ops/swan.js';
import { at, defined } from '../../../support/assert.js';
import { isGate } from '../../gates.js';
import { KeptSlots } from '../../units/select-slots.js';
import type { Region, RegionExit, RegionGate, UnitSlots } from '../regions/region.js';
import { type Selection, scattered, slice, slotsKept, taken } from './selection.js';

/** An axis of units, with the gate that they are of. */
type Place = UnitSlots & { readonly gate: RegionGate };

/**
 * Copies a region, cut down to selected units, into its own graph or one that is nested in it, where `values` stand for what
 * was copied before, into graphs around. Returns what stands for what others read of it, in the order of {@link resultsOf}.
 */
export function copyRegion(
  region: Region,
  target: Graph,
  selections: ReadonlyMap<RegionGate, Selection>,
  values?: ReadonlyMap<Value, Value>,
): readonly Value[] {
  const copy = new RegionCopy(region, target, selections, values);
  for (const node of region.nodes) copy.add(node);
  return copy.results();
}

/** As {@link copyRegion} does it, node by node. */
export class RegionCopy {
  readonly #region: Region;
  readonly #target: Graph;
  readonly #selections: ReadonlyMap<RegionGate, Selection>;
  readonly #places: ReadonlyMap<Value, readonly Place[]>;
  readonly #values: Map<Value, Value>;
  readonly #constants = new Map<Value, Value>();
  readonly #kept = new KeptSlots();

  /** `values` says what stands for what was copied before, into graphs around. */
  constructor(
    region: Region,
    target: Graph,
    selections: ReadonlyMap<RegionGate, Selection>,
    values: ReadonlyMap<Value, Value> = new Map(),
  ) {
    this.#region = region;
    this.#target = target;
    this.#selections = selections;
    this.#values = new Map(values);
    this.#places = placesIn(region);
    for (const [value, copy] of values) this.#keep(value, copy);
  }

  /** What stands for values of the region, as far as they were copied. */
  get values(): ReadonlyMap<Value, Value> {
    return this.#values;
  }

  /** Adds the copy of a node whose inputs were copied, as far as they are of the region. */
  add(node: Node): void {
    const gate = this.#region.gates.find((own) => own.gate.node === node);
    if (gate !== undefined) {
      this.#values.set(node.output, this.#gated(gate));
      return;
    }
    const inputs = new Map(this.#values);
    for (const value of node.inputs) {
      if (value?.constant !== undefined) inputs.set(value, this.#constant(value));
    }
    const copy = copyNode(node, this.#target, inputs);
    for (const [index, value] of node.inputs.entries()) {
      if (value !== undefined) this.#enter(node, index, value, copy);
    }
    for (const [index, output] of node.outputs.entries()) this.#keep(output, at(copy.outputs, index));
    // What brings a node in line may put another one behind it, for all that read it by then.
    const readers = copy.outputs.map((made) => this.#target.addNode({ op: 'Identity', inputs: [made] }));
    operatorOf(copy)?.resize?.(copy, this.#target, this.#kept);
    for (const [index, reader] of readers.entries()) {
      const output = at(node.outputs, index);
      this.#values.set(output, this.#keep(output, reader.input(0)));
      this.#target.removeNode(reader);
    }
  }

  /** What stands for what others read of the region, in the order of {@link resultsOf}, once all its nodes are copied. */
  results(): readonly Value[] {
    const { outputs, exits } = this.#region;
    return [...outputs.map((value) => this.#copyOf(value)), ...exits.map((exit) => this.#exit(exit))];
  }

  #copyOf(value: Value): Value {
    return defined(this.#values.get(value), `a copy of '${value.name}'`);
  }

  /** What stands for a value that is read with all units. */
  #exit({ value, axis, gate }: RegionExit): Value {
    const place = (this.#places.get(value) ?? []).find((other) => other.axis === axis);
    const { units } = defined(place, `the units of '${value.name}'`);
    const builder = new Builder(this.#target, { origin: value.producer?.origin });
    return scattered(this.#copyOf(value), axis, units, this.#selectionOf(gate), builder);
  }

  /** Cuts what comes to a node with all units: at an entry of the region, or as the score of a gate that it passes. */
  #enter(node: Node, index: number, original: Value, copy: Node): void {
    const value = this.#values.get(original) ?? original;
    const entry = this.#region.entries.find((other) => other.node === node && other.index === index);
    if (entry !== undefined) {
      const cut = this.#cut(value, entry.axis, entry.gate, entry.output, entry.outputAxis);
      this.#target.setInput(copy, index, cut);
    } else if (isGate(node) && index === 1) {
      const axis = gateAxis(node);
      const place = (this.#places.get(node.output) ?? []).find((other) => other.axis === axis);
      // A score that is of the units themselves is cut where they are.
      const isCut = (this.#places.get(original) ?? []).some((other) => other.axis === axis);
      if (place !== undefined && !isCut && sizeOfAxis(original, axis) > 1) {
        this.#target.setInput(copy, index, this.#cut(value, axis, place.gate, node.output, axis));
      }
    }
  }

  /** The slots of a value that has all units, which are those of another value that is cut. */
  #cut(value: Value, axis: number, gate: RegionGate, like: Value, likeAxis: number): Value {
    const place = (this.#places.get(like) ?? []).find((other) => other.axis === likeAxis && other.gate === gate);
    const { units } = defined(place, `the units of '${like.name}'`);
    const selection = this.#selectionOf(gate);
    const cut = taken(value, axis, units, selection, new Builder(this.#target, { origin: like.producer?.origin }));
    if (cut.type === undefined) this.#target.setType(cut, value.type);
    const kept = slotsKept(selection, units);
    if (kept !== undefined) this.#kept.set(cut, axis, kept, units.length);
    return cut;
  }

  #selectionOf(gate: RegionGate): Selection {
    return defined(this.#selections.get(gate), `a selection for '${gate.gate.name}'`);
  }

  #gated(own: RegionGate): Value {
    const { gate } = own;
    const entry = this.#region.entries.find(({ node, index }) => node === gate.node && index === 0);
    const given = gate.features;
    const features =
      entry === undefined
        ? this.#copyOf(given)
        : this.#cut(this.#values.get(given) ?? given, entry.axis, own, gate.node.output, gate.axis);
    const selection = this.#selectionOf(own);
    if (selection.mask === undefined) return features;
    const builder = new Builder(this.#target, { origin: gate.node.origin });
    const every = Array.from({ length: gate.units }, (_, unit) => unit);
    const mask = taken(selection.mask, gate.axis, every, selection, builder);
    const type = gate.features.elementType ?? 'float32';
    const gated = selects(gate.node)
      ? builder.op('Where', [mask, features, builder.cast(builder.scalar(0, 'off'), type)])
      : builder.op('Mul', [features, mask]);
    return this.#keep(gate.node.output, gated);
  }

  /** A constant cut to the selected units. What convolutions read must be of the branch that they are in to be fast. */
  #constant(value: Value): Value {
    const known = this.#constants.get(value);
    if (known !== undefined) return known;
    const builder = new Builder(this.#target);
    let result = value;
    for (const { axis, units, gate } of this.#places.get(value) ?? []) {
      const { type } = result;
      result = taken(result, axis, units, this.#selectionOf(gate), builder);
      if (result.type === undefined) this.#target.setType(result, type);
      result = this.#silenced(result, value, axis, gate, units);
    }
    if (result === value && this.#target !== value.graph) result = localConstant(value, builder);
    this.#constants.set(value, this.#keep(value, result));
    return result;
  }

  /** Weights that read units, with zeros for those that are computed in vain. Engines fold this when they load the model. */
  #silenced(cut: Value, value: Value, axis: number, gate: RegionGate, units: readonly number[]): Value {
    const selection = this.#selectionOf(gate);
    if (selection.kind !== 'constant' || selection.silent.size === 0 || !this.#isReader(value, axis)) return cut;
    const kept = slotsKept(selection, units) ?? [];
    const factors = kept.map((slot) => (selection.silent.has(units[slot] ?? -1) ? 0 : 1));
    const dims = (value.constant?.dims ?? []).map((_, position) => (position === axis ? factors.length : 1));
    const builder = new Builder(this.#target);
    const silenced = builder.op('Mul', [cut, builder.constant(Tensor.floats(dims, factors), 'silent')]);
    this.#target.setType(silenced, cut.type);
    return silenced;
  }

  /** True for weights that meet units along an axis in a sum of products. */
  #isReader(value: Value, axis: number): boolean {
    return this.#region.nodes.some((node) =>
      relationsOf(node).some(
        ({ kind, ...relation }) =>
          kind === 'contract' &&
          'weight' in relation &&
          relation.weight !== undefined &&
          relation.weight.axis === axis &&
          portValue(node, relation.weight) === value,
      ),
    );
  }

  /** Notes which slots of the original the copy has: operators bring their attributes in line by that. */
  #keep(value: Value, copy: Value): Value {
    if (copy.type === undefined) this.#target.setType(copy, value.type);
    for (const { axis, units, gate } of this.#places.get(value) ?? []) {
      const selection = this.#selections.get(gate);
      const kept = selection === undefined ? undefined : slotsKept(selection, units);
      if (kept !== undefined) this.#kept.set(copy, axis, kept, units.length);
    }
    return copy;
  }
}

/** Constants up to so many bytes are copied into a branch; of larger ones a slice is taken, which is folded when loaded. */
const copiedBytes = 512;

/** What stands for a constant of a graph around in a branch: of its own, since it is of the branch that fast kernels come. */
export function localConstant(value: Value, builder: Builder): Value {
  const tensor = defined(value.constant, 'data');
  const [size] = tensor.dims;
  if (tensor.bytes <= copiedBytes || size === undefined) return builder.graph.addConstant(value.name, tensor);
  return slice(value, 0, 0, size, builder);
}

/** The axes of units of every value of a region. */
function placesIn({ gates }: Region): ReadonlyMap<Value, readonly Place[]> {
  const places = new Map<Value, Place[]>();
  for (const gate of gates) {
    for (const slots of gate.axes) places.set(slots.value, [...(places.get(slots.value) ?? []), { ...slots, gate }]);
  }
  return places;
}

/** Lets `results`, in the order of {@link resultsOf}, take the place of what others read of a region, and drops its nodes. */
export function replaceRegion({ graph, outputs, exits }: Region, results: readonly Value[]): void {
  for (const [index, value] of outputs.entries()) {
    const standIn = at(results, index);
    graph.replaceUses(value, standIn);
    graph.swapNames(value, standIn);
  }
  for (const [index, { uses }] of exits.entries()) {
    const standIn = at(results, outputs.length + index);
    for (const use of uses) use.node.graph.setInput(use.node, use.index, standIn);
  }
  graph.removeUnused();
  graph.sort();
  inferTypes(graph);
}

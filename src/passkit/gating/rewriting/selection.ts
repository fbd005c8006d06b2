import { int } from '../../../ir/attribute.js';
import type { Builder } from '../../../ir/builder.js';
import type { Graph, Value } from '../../../ir/graph.js';
import { Tensor } from '../../../ir/tensor.js';
import type { RegionGate } from '../regions/region.js';
import type { Variant } from '../variants/variants.js';

/** Which units of a gate a copy of its region computes. All that fire for some sample must be among them. */
export type Selection = (
  | { readonly kind: 'all' }
  /**
   * Ascending, and the same as a constant, of int32 since that is half as large. `silent` ones are computed, but nobody gives
   * them any weight.
   */
  | {
      readonly kind: 'constant';
      readonly units: readonly number[];
      readonly index: Value;
      readonly silent: ReadonlySet<number>;
    }
  /** int64 [count], ascending: units that are known at run time only, or with `among`, their places among these. */
  | { readonly kind: 'runtime'; readonly index: Value; readonly among?: ConstantSelection | undefined }
) & {
  /** What multiplies or selects the features, for all units; undefined where exactly the selected units fire. */
  readonly mask: Value | undefined;
};

export type ConstantSelection = Extract<Selection, { kind: 'constant' }>;

/** A selection of units that are known now; `graph` is where its constant lives. */
export function constantSelection(
  graph: Graph,
  units: readonly number[],
  options: { readonly mask?: Value | undefined; readonly silent?: ReadonlySet<number> } = {},
): ConstantSelection {
  const index = graph.addConstant('active_units', new Tensor('int32', [units.length], Int32Array.from(units)));
  return { kind: 'constant', units, index, silent: options.silent ?? new Set(), mask: options.mask };
}

/** What a variant computes, its mask aside; `graph` is where the constants live. */
export function unitsOf({ units, match, fires }: Variant, { gate }: RegionGate, graph: Graph): Selection {
  const silent = new Set(match === 'equals' ? units.filter((unit) => !fires.has(unit)) : []);
  const isAll = units.length === gate.units && silent.size === 0;
  return isAll ? { kind: 'all', mask: undefined } : constantSelection(graph, units, { silent });
}

/** The slots, one for each of `slots` with the number of its unit, that a selection keeps; undefined if only known at run time. */
export function slotsKept(selection: Selection, slots: readonly number[]): readonly number[] | undefined {
  if (selection.kind !== 'constant') return undefined;
  const selected = new Set(selection.units);
  return slots.flatMap((unit, slot) => (selected.has(unit) ? [slot] : []));
}

/** The selected slots of a value along an axis whose slot i is of unit slots[i]. */
export function taken(
  value: Value,
  axis: number,
  slots: readonly number[],
  selection: Selection,
  builder: Builder,
): Value {
  if (selection.kind === 'all') return value;
  if (selection.kind === 'runtime') {
    const { among, index } = selection;
    return builder.gather(among === undefined ? value : taken(value, axis, slots, among, builder), index, axis);
  }
  const kept = slotsKept(selection, slots) ?? [];
  const [first = 0] = kept;
  const isRun = kept.every((slot, place) => slot === first + place);
  if (isRun) return slice(value, axis, first, first + kept.length, builder);
  const isOwn = kept.every((slot, place) => slot === selection.units[place]);
  return builder.gather(
    value,
    isOwn ? selection.index : builder.constant(new Tensor('int32', [kept.length], Int32Array.from(kept)), 'slots'),
    axis,
  );
}

/** Slots `start` to before `end` of a value along an axis. */
export function slice(value: Value, axis: number, start: number, end: number, builder: Builder): Value {
  const limits = [builder.int64s([start], 'start'), builder.int64s([end], 'end')];
  // The first axis is what is cut where none is given; there are many such slices.
  return builder.op('Slice', [value, ...limits, ...(axis === 0 ? [] : [builder.int64s([axis], 'axis')])]);
}

/** A value of selected slots with zeros in place of all others. */
export function scattered(
  value: Value,
  axis: number,
  slots: readonly number[],
  selection: Selection,
  builder: Builder,
): Value {
  if (selection.kind === 'all') return value;
  const rank = value.shape?.length ?? axis + 1;
  const kept = slotsKept(selection, slots);
  if (selection.kind === 'runtime' && selection.among !== undefined) {
    const { among, ...places } = selection;
    const whole = scattered(value, axis, among.units, places, builder);
    // The rank counts.
    if (whole.type === undefined) builder.graph.setType(whole, value.type);
    return scattered(whole, axis, slots, among, builder);
  }
  if (kept === undefined) {
    const padded = padded0(value, axis, rank, [0, 1], builder);
    const [count, size] = [builder.op('Shape', [selection.index]), builder.int64s([slots.length], 'size')];
    return builder.gather(padded, placesOf(selection.index, count, size, builder), axis);
  }
  const [first = 0] = kept;
  const isRun = kept.every((slot, place) => slot === first + place);
  if (isRun) return padded0(value, axis, rank, [first, slots.length - first - kept.length], builder);
  const places = new Map(kept.map((slot, place) => [slot, place]));
  const padded = padded0(value, axis, rank, [0, 1], builder);
  const index = slots.map((_, slot) => places.get(slot) ?? kept.length);
  return builder.gather(padded, builder.int64s(index, 'places'), axis);
}

function padded0(
  value: Value,
  axis: number,
  rank: number,
  [before, behind]: readonly [number, number],
  builder: Builder,
): Value {
  const pads = Array.from({ length: 2 * rank }, (_, side) =>
    side === axis ? before : side === axis + rank ? behind : 0,
  );
  return before + behind === 0 ? value : builder.op('Pad', [value, builder.int64s(pads, 'pads')]);
}

/**
 * For each of `size` slots where it stands among the `count` that `index` lists, and behind the last for the others: int64
 * [size]. Both numbers are int64 [1].
 */
export function placesOf(index: Value, count: Value, size: Value, builder: Builder): Value {
  const none = builder.op('Expand', [count, size]);
  const zero = builder.constant(Tensor.int64([], [0]), 'zero');
  const one = builder.constant(Tensor.int64([], [1]), 'one');
  return builder.op('ScatterElements', [none, index, builder.op('Range', [zero, builder.squeeze(count, [0]), one])], {
    axis: int(0),
  });
}

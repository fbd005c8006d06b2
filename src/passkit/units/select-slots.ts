import type { Graph, Value } from '../../ir/graph.js';
import { takeAlongAxis } from '../../ir/slices.js';
import { inferTypes, operatorOf } from '../../ops/index.js';
import type { Resized } from '../../ops/operator.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { assert } from '../../support/assert.js';
import { UnitGroups } from './units.js';

/** Kept positions by value and axis: what {@link Resized} asks for. */
export class KeptSlots implements Resized {
  readonly #kept = new Map<Value, Map<number, readonly number[]>>();
  readonly #sizes = new Map<Value, Map<number, number>>();

  kept(value: Value, axis: number): readonly number[] | undefined {
    return this.#kept.get(value)?.get(axis);
  }

  sizeBefore(value: Value, axis: number): number | undefined {
    return this.#sizes.get(value)?.get(axis);
  }

  /** `sizeBefore` is the size of the axis that `indices` are positions in: that of the value, if it is not cut yet. */
  set(value: Value, axis: number, indices: readonly number[], sizeBefore = sizeOfAxis(value, axis)): void {
    const axes = this.#kept.get(value) ?? new Map<number, readonly number[]>();
    this.#kept.set(value, axes.set(axis, indices));
    const sizes = this.#sizes.get(value) ?? new Map<number, number>();
    this.#sizes.set(value, sizes.set(axis, sizeBefore));
  }

  axesOf(value: Value): ReadonlyMap<number, readonly number[]> {
    return this.#kept.get(value) ?? new Map();
  }

  values(): Iterable<Value> {
    return this.#kept.keys();
  }
}

/** Slots to delete: indices along one axis of one value. */
interface DeletedSlots {
  readonly value: Value;
  readonly axis: number;
  readonly indices: readonly number[];
}

/**
 * Deletes slots everywhere at once. The slots must be whole units (see UnitGroups) and leave every axis one slot at least.
 */
export function deleteSlots(graph: Graph, deleted: readonly DeletedSlots[]): void {
  const kept = new KeptSlots();
  for (const { value, axis, indices } of deleted) {
    const gone = new Set(indices);
    const rest = Array.from({ length: sizeOfAxis(value, axis) }, (_, index) => index).filter((i) => !gone.has(i));
    assert(rest.length > 0, `'${value.name}' would lose all of axis ${axis}`);
    kept.set(value, axis, rest);
  }
  selectSlots(graph, kept);
}

/**
 * Brings slots into another order: slot j of `axis` becomes what slot order[j] was, in the value and in everything its
 * slots belong to, except what `value` is computed from. False, and nothing is changed, where a slot is pinned or the
 * axis is tied to part of another.
 */
export function permuteAxis(graph: Graph, value: Value, axis: number, order: readonly number[]): boolean {
  const producer = value.producer;
  const groups = new UnitGroups(graph, { cut: (node, port) => node === producer && port.side === 'output' });
  const units = order.map((_, index) => groups.unitOf(value, axis, index));
  if (units.some((unit) => unit === undefined || groups.isPinned(unit))) return false;
  // A unit with several slots keeps them in an order: that of the groups of a convolution.
  if (new Set(units).size < units.length) return false;
  const members = groups.members(new Set(units.flatMap((unit) => (unit === undefined ? [] : [unit]))));
  const isWhole = members.every(
    (member) =>
      sizeOfAxis(member.value, member.axis) === order.length &&
      units.every((unit, index) => groups.unitOf(member.value, member.axis, index) === unit),
  );
  if (!isWhole) return false;
  const kept = new KeptSlots();
  for (const member of members) kept.set(member.value, member.axis, order);
  selectSlots(graph, kept);
  return true;
}

/**
 * Cuts, reorders or repeats slots of constants as `kept` says; attributes and shape inputs follow, and types are inferred
 * anew.
 */
export function selectSlots(graph: Graph, kept: KeptSlots): void {
  for (const value of [...kept.values()]) {
    if (value.constant === undefined) continue;
    let tensor = value.constant;
    for (const [axis, indices] of kept.axesOf(value)) tensor = takeAlongAxis(tensor, axis, indices);
    const selected = value.graph.replaceWithConstant(value, tensor);
    for (const [axis, indices] of kept.axesOf(value)) kept.set(selected, axis, indices, sizeOfAxis(value, axis));
  }
  // Operators may add nodes.
  for (const node of [...graph.allNodes()]) operatorOf(node)?.resize?.(node, node.graph, kept);
  for (const value of kept.values()) if (value.producer === undefined) retype(value, kept);
  graph.removeUnused();
  inferTypes(graph);
}

/** The inputs of nested graphs have declared types. */
function retype(value: Value, kept: KeptSlots): void {
  if (value.constant !== undefined || value.type === undefined) return;
  const { type, shape } = value.type;
  const sizes = shape.map((dim, axis) => kept.kept(value, axis)?.length ?? dim);
  value.graph.setType(value, { type, shape: sizes });
}

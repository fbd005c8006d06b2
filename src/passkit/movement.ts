import type { Node, Value } from '../ir/graph.js';
import { operatorOf, relationsOf } from '../ops/index.js';
import { flowsInto, output, sizeOfAxis } from '../ops/relations.js';

/** Slots along an axis of a value: place i is slot slots[i]. */
export interface Slots {
  readonly value: Value;
  readonly axis: number;
  readonly slots: readonly number[];
}

/** All slots of an axis, in order. */
export function slotsOf(value: Value, axis: number): Slots {
  return { value, axis, slots: Array.from({ length: sizeOfAxis(value, axis) }, (_, slot) => slot) };
}

/**
 * The slots of what a node reads that the given slots of its output hold, for an operator that only moves elements of its
 * first input (axes inserted, dropped, reordered or repeated, slots picked by constant numbers). Undefined for others, and
 * where slots do not come from slots of one axis.
 */
export function movedFrom({ value, axis, slots }: Slots): Slots | undefined {
  const node = value.producer;
  if (node === undefined || operatorOf(node)?.moves !== true) return undefined;
  const picked = pickedFrom(node, axis, slots);
  if (picked !== undefined) return picked;
  for (const relation of relationsOf(node)) {
    for (const flow of flowsInto(node, relation, output(axis, value.outputIndex)) ?? []) {
      if (flow.from.index !== 0 || flow.count < sizeOfAxis(value, axis)) continue;
      const sources = new Map(Array.from({ length: flow.count }, (_, i) => [flow.target(i), flow.source(i)] as const));
      const moved = slots.map((slot) => sources.get(slot) ?? -1);
      if (!moved.includes(-1)) return { value: node.input(0), axis: flow.from.axis, slots: moved };
    }
  }
  return undefined;
}

/** The same for slots that a list of constant numbers picks. */
function pickedFrom(node: Node, axis: number, slots: readonly number[]): Slots | undefined {
  const relations = relationsOf(node);
  const picks = relations.find((relation) => relation.kind === 'select');
  const isList = picks !== undefined && node.inputs[1]?.constant?.dims.length === 1;
  if (!isList || picks.from.axis !== axis || picks.from.index !== 0) return undefined;
  const moved = slots.map((slot) => picks.indices[slot] ?? -1);
  return moved.includes(-1) ? undefined : { value: node.input(0), axis, slots: moved };
}

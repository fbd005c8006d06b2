import type { Graph, Node, Value } from '../../ir/graph.js';
import { operatorOf, relationsOf } from '../../ops/index.js';
import { linksOf, portsOf, portValue, sizeOfAxis } from '../../ops/relations.js';
import { at } from '../../support/assert.js';
import { KeptSlots, selectSlots } from './select-slots.js';
import type { UnitGroups } from './units.js';

/**
 * Lets units change places wherever they are: `sources` says for a unit which unit's slots come to where its own are.
 * Weights, biases and scores follow, and the attributes of gates. The graph computes the same, up to the order in which
 * sums are added.
 *
 * Sound where every relation of every operator holds after the change between the slots that then hold what it held
 * between before, which is looked at slot by slot: groups of convolutions, parts of concatenations and runs of flattened
 * positions only permit changes within them. Otherwise nothing is changed, and the reason is returned.
 *
 * @param sources a permutation of units that are not pinned, of those that `groups` has.
 */
export function permuteUnits(
  graph: Graph,
  groups: UnitGroups,
  sources: ReadonlyMap<number, number>,
): string | undefined {
  const pinned = [...sources.keys()].map((unit) => groups.pinReason(unit)).find((reason) => reason !== undefined);
  if (pinned !== undefined) return pinned;
  const moved = new KeptSlots();
  for (const { value, axis, indices } of groups.members(sources)) {
    const slots = movedSlots(groups, sources, value, axis, indices);
    if (slots === undefined) return `'${value.name}' holds some of them more often than others`;
    if (slots.some((slot, index) => slot !== index)) moved.set(value, axis, slots);
  }
  for (const node of graph.allNodes()) {
    if (!keepsRelations(node, moved)) return `${node.op} in '${node.label}' needs the order that they have`;
  }
  selectSlots(graph, moved);
  return undefined;
}

/** What comes to each slot of an axis. A unit's slots come in the order in which they were. */
function movedSlots(
  groups: UnitGroups,
  sources: ReadonlyMap<number, number>,
  value: Value,
  axis: number,
  indices: readonly number[],
): number[] | undefined {
  const slotsOf = new Map<number, number[]>();
  for (const index of indices) {
    const unit = groups.unitOf(value, axis, index) ?? -1;
    const known = slotsOf.get(unit);
    if (known === undefined) slotsOf.set(unit, [index]);
    else known.push(index);
  }
  const slots = Array.from({ length: sizeOfAxis(value, axis) }, (_, index) => index);
  for (const [unit, places] of slotsOf) {
    const from = slotsOf.get(sources.get(unit) ?? unit);
    if (from?.length !== places.length) return undefined;
    for (const [order, place] of places.entries()) slots[place] = at(from, order);
  }
  return slots;
}

/** True if what a node's relations and passages join stays joined when slots have moved. */
function keepsRelations(node: Node, moved: KeptSlots): boolean {
  const isMoved = (value: Value | undefined, axis: number): boolean =>
    value !== undefined && moved.kept(value, axis) !== undefined;
  for (const relation of relationsOf(node)) {
    if (!portsOf(relation).some((port) => isMoved(portValue(node, port), port.axis))) continue;
    for (const { left, right, count, leftSlot, rightSlot } of linksOf(node, relation)) {
      const [from, to] = [portValue(node, left), portValue(node, right)];
      if (from === undefined || to === undefined) continue;
      const size = sizeOfAxis(to, right.axis);
      const pairs = new Set<number>();
      for (let link = 0; link < count; link++) pairs.add(leftSlot(link) * size + rightSlot(link));
      const [lefts, rights] = [moved.kept(from, left.axis), moved.kept(to, right.axis)];
      for (let link = 0; link < count; link++) {
        const [own, other] = [leftSlot(link), rightSlot(link)];
        if (!pairs.has((lefts?.[own] ?? own) * size + (rights?.[other] ?? other))) return false;
      }
    }
  }
  for (const { from, to, axes } of operatorOf(node)?.passages?.(node) ?? []) {
    for (const [own, other] of axes) {
      const [left, right] = [moved.kept(from, own), moved.kept(to, other)];
      const slots = left ?? right ?? [];
      if (slots.some((_, slot) => (left?.[slot] ?? slot) !== (right?.[slot] ?? slot))) return false;
    }
  }
  return true;
}

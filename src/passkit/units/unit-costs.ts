import type { Graph, Node, Value } from '../../ir/graph.js';
import { flopsOf } from '../../ops/index.js';
import { sizeOfAxis } from '../../ops/relations.js';
import { at } from '../../support/assert.js';
import type { UnitGroups } from './units.js';

/**
 * Floating-point operations that every unit costs for one sample, by its number: of each node the part that its slots
 * have in the axes of the output, and in the axis that a sum of products runs over. What two units share (a weight lies
 * between one that makes and one that reads) counts for both, so these are what the first unit to go saves.
 */
export function unitCosts(graph: Graph, groups: UnitGroups): Float64Array {
  const costs = new Float64Array(groups.slotCount);
  const summed = new Map<Node, { readonly port: number; readonly axis: number }[]>();
  for (const { node, data } of groups.consumptions) {
    if (data.side === 'input') summed.set(node, [...(summed.get(node) ?? []), { port: data.index, axis: data.axis }]);
  }
  for (const node of graph.allNodes()) {
    const flops = flopsOf(node);
    // A node with nested graphs is the sum of theirs.
    if (flops === 0 || node.subgraphs.length > 0) continue;
    const made = sharesOf(
      groups,
      node.outputs.map((value) => ({ value, axes: value.shape?.keys() ?? [] })),
    );
    const read = sharesOf(
      groups,
      (summed.get(node) ?? []).map(({ port, axis }) => ({ value: node.inputs[port], axes: [axis] })),
    );
    for (const unit of new Set([...made.keys(), ...read.keys()])) {
      const kept = (1 - (made.get(unit) ?? 0)) * (1 - (read.get(unit) ?? 0));
      costs[unit] = at(costs, unit) + flops * (1 - kept);
    }
  }
  return costs;
}

/** The greatest part of an axis that each unit has. */
function sharesOf(
  groups: UnitGroups,
  ports: readonly { readonly value: Node['inputs'][number]; readonly axes: Iterable<number> }[],
): ReadonlyMap<number, number> {
  const shares = new Map<number, number>();
  for (const { value, axes } of ports) {
    for (const axis of value === undefined ? [] : axes) {
      if (value === undefined) continue;
      const counts = new Map<number, number>();
      const size = sizeOfAxis(value, axis);
      for (let index = 0; index < size; index++) {
        const unit = groups.unitOf(value, axis, index);
        if (unit !== undefined) counts.set(unit, (counts.get(unit) ?? 0) + 1);
      }
      for (const [unit, count] of counts) shares.set(unit, Math.max(shares.get(unit) ?? 0, count / size));
    }
  }
  return shares;
}

/** Floating-point operations of `node` and of all that only its input `input` needs: what bypassing the node saves. */
export function costOfInput(node: Node, input: number): number {
  const gone = new Set<Node>();
  const isNeeded = (value: Value): boolean =>
    value.isGraphOutput || value.uses.some((use) => !gone.has(use.node) && !(use.node === node && use.index === input));
  const pending = [node.inputs[input]?.producer];
  while (pending.length > 0) {
    const next = pending.pop();
    if (next === undefined || gone.has(next) || next.outputs.some(isNeeded)) continue;
    gone.add(next);
    pending.push(...next.inputs.map((value) => value?.producer));
  }
  return [node, ...gone].reduce((sum, own) => sum + flopsOf(own), 0);
}

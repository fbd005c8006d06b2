import type { Node, Value } from '../../../ir/graph.js';
import { relationsOf } from '../../../ops/index.js';
import { isReshape } from '../../../ops/reshape.js';
import { isGate } from '../../gates.js';
import type { Region } from './region.js';

/** Why a region cannot run on a number of units that is known at run time only. */
export function fixedWidthOf({ nodes, gates }: Region): string | undefined {
  const isUnitAxis = new Map<Value, readonly number[]>();
  for (const { value, axis, units } of gates.flatMap(({ axes }) => axes)) {
    if (value.constant !== undefined && units.some((unit, slot) => unit !== slot)) {
      return `the units of '${value.name}' are repeated`;
    }
    isUnitAxis.set(value, [...(isUnitAxis.get(value) ?? []), axis]);
  }
  const fixed = nodes.find((node) => {
    if (gates.some(({ gate }) => gate.node === node)) return false;
    const isOnUnits = [...node.inputs, ...node.outputs].some((value) => value !== undefined && isUnitAxis.has(value));
    return isOnUnits && (isReshape(node) || isGate(node) || hasFixedWidth(node));
  });
  return fixed === undefined ? undefined : `'${fixed.label}' (${fixed.op}) needs a fixed number of units`;
}

/** True for operators whose attributes fix their number of units, such as a depthwise convolution. */
function hasFixedWidth(node: Node): boolean {
  return relationsOf(node).some((relation) =>
    relation.kind === 'contract' ? relation.weight === undefined : relation.kind !== 'tie',
  );
}

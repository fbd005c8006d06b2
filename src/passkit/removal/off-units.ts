import type { Graph, Node } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { sameShape } from '../../ir/types.js';
import { operatorOf, relationsOf } from '../../ops/index.js';
import { sizeOfAxis, weightedSum } from '../../ops/relations.js';
import { neverFiredBound } from '../../runtime/profile/query.js';
import { at } from '../../support/assert.js';
import { type Gate, gatesOf } from '../gates.js';
import {
  done,
  type Finding,
  type LayerRemoval,
  type PassContext,
  type PassReport,
  type RemovalBasis,
  type RemovedUnits,
  removalBases,
  skipped,
} from '../pass.js';
import type { FixedSlots } from '../units/fixed-slots.js';
import { Removal } from './removal.js';

/** A gate with units that are off for every input, and on what ground. */
export interface OffGate {
  readonly gate: Gate;
  readonly off: ReadonlyMap<number, RemovalBasis>;
}

/**
 * Removes what gates' off units and other fixed slots leave without use: closed branches, and every unit that is constant
 * wherever it is read. `fixed` holds the slots of the off units as well. Findings tell of the units of `offGates`, and of
 * units of layers that go for another reason; of units on another ground than `told`, only those that go.
 */
export async function removeOffUnits(
  graph: Graph,
  offGates: readonly OffGate[],
  fixed: FixedSlots,
  told: RemovalBasis,
  context: PassContext,
): Promise<PassReport> {
  const closed = new Set(offGates.filter(closeGate));
  const findings = [...closed].map(({ gate, off }) =>
    done(gate.name, `never fires: the branch it gates adds nothing (${countBases(off)})`),
  );
  graph.removeUnused();
  const nodes = new Set(graph.allNodes());
  const open = offGates.filter(({ gate }) => nodes.has(gate.node));
  const removal = await Removal.plan(graph, fixed, context);
  // All units of a closed gate count as removed, also where somebody else still reads it.
  const removed = offGates.flatMap((off) => removedUnits(off, closed.has(off) ? undefined : removal));
  findings.push(...open.flatMap((off) => describeGate(off, removal, told, context)));
  findings.push(...describeLayers(graph, open, removal, told));
  const layers = layerRemovals(graph, removal, told);
  removal.apply();
  return { findings, removed, layers };
}

/** The gate with what is off of it; nothing where nothing is, or what off units contribute cannot be written as float32. */
export function offGate(gate: Gate, off: OffGate['off']): OffGate[] {
  return off.size === 0 || gate.node.output.elementType !== 'float32' ? [] : [{ gate, off }];
}

/** Fixes the slots that a gate's off units switch at 0 in its output. */
export function fixOffUnits(offGates: readonly OffGate[], fixed: FixedSlots): void {
  for (const { gate, off } of offGates) {
    for (const unit of off.keys()) {
      for (const slot of slotsOf(gate, unit)) fixed.set(gate.node.output, gate.axis, slot, 0);
    }
  }
}

/** The slots of a gate's output that a unit of it switches: all of them if it is one for the whole block. */
function slotsOf(gate: Gate, unit: number): number[] {
  const size = sizeOfAxis(gate.node.output, gate.axis);
  return gate.units === 1 ? Array.from({ length: size }, (_, slot) => slot) : [unit];
}

/**
 * A gate without a unit that fires gives zero: where that is added to something of its shape, nothing is added. True if
 * there was such a place.
 */
function closeGate({ gate, off }: OffGate): boolean {
  if (off.size < gate.units) return false;
  const { output } = gate.node;
  const ones = (output.shape ?? []).map(() => 1);
  let closed = 0;
  for (const { node, index } of [...output.uses]) {
    const other = operatorOf(node)
      ?.addends?.(node)
      .find((position) => position !== index);
    const value = other === undefined ? undefined : node.inputs[other];
    if (value?.shape === undefined || output.shape === undefined || !sameShape(value.shape, output.shape)) continue;
    node.graph.setInput(node, index, node.graph.addConstant(`${output.name}_off`, Tensor.floats(ones, [0])));
    closed++;
  }
  return closed > 0;
}

/** What went of a gate, in the source model's numbers; all its off units if there is no removal to ask. */
function removedUnits({ gate, off }: OffGate, removal: Removal | undefined): RemovedUnits[] {
  return removalBases.flatMap((basis) => {
    const units = [...off].flatMap(([unit, ground]) => {
      const isGone = removal === undefined || isRemoved(removal, gate, unit);
      return ground === basis && isGone ? [at(gate.sourceUnits, unit)] : [];
    });
    return units.length === 0 ? [] : [{ gate: gate.name, units, basis, reason: 'off' }];
  });
}

/** True if something goes because the unit is off: of a whole block one channel always stays. */
function isRemoved(removal: Removal, gate: Gate, unit: number): boolean {
  return slotsOf(gate, unit).some((slot) => removal.removes(gate.node.output, gate.axis, slot));
}

function describeGate({ gate, off }: OffGate, removal: Removal, told: RemovalBasis, context: PassContext): Finding[] {
  const gone = new Map([...off].filter(([unit]) => isRemoved(removal, gate, unit)));
  const findings: Finding[] = [];
  if (gone.size > 0) {
    const bound = neverFiredBound(context.profile?.samples ?? 0);
    const risk = [...gone.values()].includes('observed') ? `, firing with p <= ${bound.toPrecision(2)} at 95 %` : '';
    findings.push(done(gate.name, `${gone.size} of ${gate.units} units removed (${countBases(gone)}${risk})`));
  }
  const reasons = new Map<string, number>();
  for (const [unit, basis] of off) {
    if (gone.has(unit) || basis !== told) continue;
    const reason = removal.reason({ value: gate.node.output, axis: gate.axis, index: unit });
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of reasons)
    findings.push(skipped(gate.name, `${count} units that are off stay: ${reason}`));
  return findings;
}

/** Units of layers that go and pass no gate that is off. */
function describeLayers(graph: Graph, offGates: readonly OffGate[], removal: Removal, told: RemovalBasis): Finding[] {
  const gated = new Set<number | undefined>();
  for (const { gate, off } of offGates) {
    for (const unit of off.keys()) {
      for (const slot of slotsOf(gate, unit)) gated.add(removal.unitOf(gate.node.output, gate.axis, slot));
    }
  }
  return layerRemovals(graph, removal, told, gated).map(({ layer, units, removed }) =>
    done(layer, `${removed} of ${units} units removed: the same for every input, or read by nobody (${told})`),
  );
}

/**
 * What is planned to go of every layer with a sum of products, but for units in `except`. A unit that several layers make,
 * as residual sums do and a layer and its gate, counts in the first of them; in gates only if no other layer makes it.
 */
export function layerRemovals(
  graph: Graph,
  removal: Removal,
  basis: LayerRemoval['basis'],
  except: ReadonlySet<number | undefined> = new Set(),
): LayerRemoval[] {
  const gates = new Set(gatesOf(graph).map(({ node }) => node.label));
  const sums = [...graph.allNodes()].filter(
    (node) => weightedSum(relationsOf(node)) !== undefined || operatorOf(node)?.linear?.(node) !== undefined,
  );
  const counted = new Set<number | undefined>(except);
  const layers = new Map<string, LayerRemoval>();
  for (const { label, output } of [...sums].sort((left, right) => order(left, gates) - order(right, gates))) {
    for (const axis of output.shape?.keys() ?? []) {
      for (let slot = 0; slot < sizeOfAxis(output, axis); slot++) {
        const unit = removal.unitOf(output, axis, slot);
        if (unit === undefined || counted.has(unit) || removal.isPinned(unit)) continue;
        counted.add(unit);
        const known = layers.get(label) ?? { layer: label, units: 0, removed: 0, basis };
        const removed = known.removed + (removal.removes(output, axis, slot) ? 1 : 0);
        layers.set(label, { ...known, units: known.units + 1, removed });
      }
    }
  }
  return [...layers.values()].filter(({ removed }) => removed > 0);
}

const order = ({ label }: Node, gates: ReadonlySet<string>): number => (gates.has(label) ? 1 : 0);

function countBases(off: ReadonlyMap<number, RemovalBasis>): string {
  return removalBases
    .map((basis) => `${[...off.values()].filter((ground) => ground === basis).length} ${basis}`)
    .join(', ');
}

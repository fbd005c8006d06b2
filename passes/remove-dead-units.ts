import type { Graph } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { sameShape } from '../src/ir/types.js';
import { operatorOf } from '../src/ops/index.js';
import { boundsOf } from '../src/passkit/bounds.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import {
  definePass,
  done,
  type Finding,
  type PassContext,
  type RemovalBasis,
  type RemovedUnits,
  removalBases,
  skipped,
} from '../src/passkit/pass.js';
import { Removal } from '../src/passkit/removal.js';
import { sizeOfAxis } from '../src/passkit/units.js';
import { neverFired, neverFiredBound, statisticsOf } from '../src/runtime/profile/query.js';
import { at } from '../src/support/assert.js';

/**
 * Removes units whose gates never fire: from the weights that make them, everything they pass through, their gate, and
 * the weights of every consumer.
 *
 * Sound because an off unit is a constant (not always zero) from its gate on, so what it adds to each consumer is a
 * constant too: ONNX Runtime computes it, and it is added to the consumer's output, as a bias or, with zero padding, as a
 * map over positions. A unit stays where something other than a sum of products reads it, where an axis relation is
 * unknown, or where a consumer sees the unit before its gate.
 *
 * `proved` units can never fire: bounds of the score say so. `observed` ones did not fire in the profile; removing them
 * is exact only on inputs whose gates behave as profiled, and the report gives the 95 % bound of the probability of
 * others.
 */
export const removeDeadUnits = definePass({
  name: 'remove-dead-units',
  contract: 'observed',
  requires: ['gates', 'layout'],
  async run(graph, context) {
    const offGates = judgeGates(graph, context);
    if (offGates.length === 0) return { findings: [], removed: [] };
    const closed = new Set(offGates.filter(closeGate));
    const findings = [...closed].map(({ gate, off }) =>
      done(gate.name, `never fires: the branch it gates adds nothing (${countBases(off)})`),
    );
    graph.removeUnused();
    const nodes = new Set(graph.allNodes());
    const open = offGates.filter(({ gate }) => nodes.has(gate.node));
    const dead = new Map(open.map(({ gate, off }) => [gate.node, offSlots(gate, off)]));
    const removal = await Removal.plan(graph, dead, context);
    // All units of a closed gate count as removed, also where somebody else still reads it.
    const removed = offGates.flatMap((off) => removedUnits(off, closed.has(off) ? undefined : removal));
    findings.push(...open.flatMap((off) => describe(off, removal, context)));
    removal.apply();
    return { findings, removed };
  },
});

/** The slots of a gate's output that a unit of it switches: all of them if it is one for the whole block. */
function slotsOf(gate: Gate, unit: number): number[] {
  const size = sizeOfAxis(gate.node.output, gate.axis);
  return gate.units === 1 ? Array.from({ length: size }, (_, slot) => slot) : [unit];
}

function offSlots(gate: Gate, off: OffGate['off']): Set<number> {
  return new Set([...off.keys()].flatMap((unit) => slotsOf(gate, unit)));
}

/** A gate with units that are off for every input, and on what ground. */
interface OffGate {
  readonly gate: Gate;
  readonly off: ReadonlyMap<number, RemovalBasis>;
}

function judgeGates(graph: Graph, context: PassContext): OffGate[] {
  const gates = gatesOf(graph);
  const bounds = boundsOf(
    graph,
    context.inputRange,
    gates.map(({ node }) => node.input(1)),
  );
  return gates.flatMap((gate) => {
    const off = new Map<number, RemovalBasis>();
    // What off units contribute is written as float32.
    if (gate.node.output.elementType !== 'float32') return [];
    const score = bounds.get(gate.node.input(1))?.along(gate.axis);
    for (let unit = 0; unit < gate.units; unit++) {
      if (score !== undefined && score.high(unit) < gate.threshold) off.set(unit, 'proved');
    }
    for (const unit of observedOff(gate, context)) if (!off.has(unit)) off.set(unit, 'observed');
    return off.size === 0 ? [] : [{ gate, off }];
  });
}

/** Units that never fired in the profile, if these may go. */
function observedOff(gate: Gate, context: PassContext): number[] {
  const statistics = statisticsOf(context.profile, gate.name);
  if (context.dead !== 'observed' || statistics === undefined || statistics.events === 0) return [];
  const silent = new Set(neverFired(statistics));
  return gate.sourceUnits.flatMap((source, unit) => (silent.has(source) ? [unit] : []));
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

function describe({ gate, off }: OffGate, removal: Removal, context: PassContext): Finding[] {
  const gone = new Map([...off].filter(([unit]) => isRemoved(removal, gate, unit)));
  const findings: Finding[] = [];
  if (gone.size > 0) {
    const bound = neverFiredBound(context.profile?.samples ?? 0);
    const risk = [...gone.values()].includes('observed') ? `, firing with p <= ${bound.toPrecision(2)} at 95 %` : '';
    findings.push(done(gate.name, `${gone.size} of ${gate.units} units removed (${countBases(gone)}${risk})`));
  }
  const reasons = new Map<string, number>();
  for (const unit of off.keys()) {
    if (gone.has(unit)) continue;
    const reason = removal.reason({ value: gate.node.output, axis: gate.axis, index: unit });
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of reasons)
    findings.push(skipped(gate.name, `${count} units that are off stay: ${reason}`));
  return findings;
}

function countBases(off: ReadonlyMap<number, RemovalBasis>): string {
  return removalBases
    .map((basis) => `${[...off.values()].filter((ground) => ground === basis).length} ${basis}`)
    .join(', ');
}

import type { Graph } from '../src/ir/graph.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding, type PassContext, type RemovalBasis } from '../src/passkit/pass.js';
import { countProvedWithin, provedSlots } from '../src/passkit/proofs/proved-slots.js';
import { fixOffUnits, offGate, removeOffUnits } from '../src/passkit/removal/off-units.js';
import { neverFired, statisticsOf } from '../src/runtime/profile/query.js';

/**
 * Removes units whose gates never fired in the profile: from the weights that make them, everything they pass through,
 * their gate, and the weights of every consumer.
 *
 * Sound because an off unit is a constant (not always zero) from its gate on, so what it adds to each consumer is a
 * constant too: ONNX Runtime computes it, and it is added to the consumer's output, as a bias or, with zero padding, as a
 * map over positions. A unit stays where something other than a sum of products reads it, where an axis relation is
 * unknown, or where a consumer sees the unit before its gate. What is proved counts as well: a unit that several gates
 * switch may be off in each on another ground.
 *
 * Exact only on inputs whose gates behave as profiled; the report gives the 95 % bound of the probability of others.
 */
export const removeDeadUnits = definePass({
  name: 'remove-dead-units',
  contract: 'observed',
  requires: ['gates', 'layout'],
  async run(graph, context) {
    if (context.dead !== 'observed') return { findings: [], removed: [] };
    const silent = new Map(gatesOf(graph).map((gate) => [gate, observedOff(gate, context)]));
    if ([...silent.values()].every((units) => units.length === 0)) return { findings: [], removed: [] };
    const { fixed, off: proved } = provedSlots(graph, context.inputRange);
    const offGates = [...silent].flatMap(([gate, observed]) => {
      const off = new Map<number, RemovalBasis>((proved.get(gate.node) ?? []).map((unit) => [unit, 'proved']));
      for (const unit of observed) if (!off.has(unit)) off.set(unit, 'observed');
      return offGate(gate, off);
    });
    fixOffUnits(offGates, fixed);
    const within = provedWithinRange(graph, silent, context);
    const report = await removeOffUnits(graph, offGates, fixed, 'observed', context);
    return { ...report, findings: [...report.findings, ...within] };
  },
});

/** How much of what was merely observed holds for all inputs within the range of the samples. */
function provedWithinRange(
  graph: Graph,
  silent: ReadonlyMap<Gate, readonly number[]>,
  { profile }: PassContext,
): Finding[] {
  if (profile === undefined) return [];
  const units = new Map([...silent].flatMap(([{ node }, off]) => (off.length === 0 ? [] : [[node, off] as const])));
  const counts = countProvedWithin(graph, profile, units);
  return [...silent].flatMap(([{ node, name }, { length }]) => {
    const count = counts.get(node) ?? 0;
    if (count === 0) return [];
    return [
      done(name, `${count} of ${length} units that never fired cannot, for inputs within the range of the samples`),
    ];
  });
}

/** Units that never fired in the profile. */
function observedOff(gate: Gate, context: PassContext): number[] {
  const statistics = statisticsOf(context.profile, gate.name);
  if (statistics === undefined || statistics.events === 0) return [];
  const silent = new Set(neverFired(statistics));
  return gate.sourceUnits.flatMap((source, unit) => (silent.has(source) ? [unit] : []));
}

import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { fixOffUnits, type OffGate, removeOffUnits } from '../src/passkit/off-units.js';
import { definePass, type PassContext, type RemovalBasis } from '../src/passkit/pass.js';
import { provedSlots } from '../src/passkit/proved-slots.js';
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
    const { fixed, off: proved } = provedSlots(graph, context.inputRange);
    const offGates = gatesOf(graph).flatMap((gate): OffGate[] => {
      // What off units contribute is written as float32.
      if (gate.node.output.elementType !== 'float32') return [];
      const off = new Map<number, RemovalBasis>((proved.get(gate.node) ?? []).map((unit) => [unit, 'proved']));
      for (const unit of observedOff(gate, context)) if (!off.has(unit)) off.set(unit, 'observed');
      return off.size === 0 ? [] : [{ gate, off }];
    });
    const isNew = offGates.some(({ off }) => [...off.values()].includes('observed'));
    if (!isNew) return { findings: [], removed: [] };
    fixOffUnits(offGates, fixed);
    return removeOffUnits(graph, offGates, fixed, 'observed', context);
  },
});

/** Units that never fired in the profile. */
function observedOff(gate: Gate, context: PassContext): number[] {
  const statistics = statisticsOf(context.profile, gate.name);
  if (statistics === undefined || statistics.events === 0) return [];
  const silent = new Set(neverFired(statistics));
  return gate.sourceUnits.flatMap((source, unit) => (silent.has(source) ? [unit] : []));
}

import { gatesOf } from '../src/passkit/gates.js';
import { definePass } from '../src/passkit/pass.js';
import { provedSlots } from '../src/passkit/proofs/proved-slots.js';
import { fixOffUnits, offGate, removeOffUnits } from '../src/passkit/removal/off-units.js';

/**
 * Removes units that are proved to be the same for every input: bounds of their gates' scores never reach the threshold,
 * bounds of the unit itself leave no room (a ReLU of what is never above zero, weights that are all zero), or every
 * consumer's weights for the unit are zero. What the unit adds to its consumers is added to these as a constant; see
 * `remove-dead-units`, which takes what the profile tells in the same way.
 */
export const removeConstantUnits = definePass({
  name: 'remove-constant-units',
  contract: 'exact',
  requires: ['gates', 'layout'],
  run(graph, context) {
    const { fixed, off: proved } = provedSlots(graph, context.inputRange);
    const offGates = gatesOf(graph).flatMap((gate) =>
      offGate(gate, new Map((proved.get(gate.node) ?? []).map((unit) => [unit, 'proved']))),
    );
    fixOffUnits(offGates, fixed);
    return removeOffUnits(graph, offGates, fixed, 'proved', context);
  },
});

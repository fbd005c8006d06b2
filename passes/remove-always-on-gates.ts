import { canLoseMask, type Gate, gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding, type PassContext, type RemovedUnits, skipped } from '../src/passkit/pass.js';
import { boundsWithScores } from '../src/passkit/proofs/score-bounds.js';
import { substitute } from '../src/passkit/substitute.js';
import { alwaysFired, neverFiredBound, statisticsOf } from '../src/runtime/profile/query.js';

/**
 * Removes gates all of whose units fire for every input: features · 1 = features, and the score need not be computed.
 * Proved by bounds of the score, or observed in the profile like the units that never fire. A gate with some units that
 * always fire and some that do not stays: multiplying by its mask costs the same.
 */
export const removeAlwaysOnGates = definePass({
  name: 'remove-always-on-gates',
  contract: 'observed',
  requires: ['gates'],
  run(graph, context) {
    const findings: Finding[] = [];
    const removed: RemovedUnits[] = [];
    const gates = gatesOf(graph);
    const bounds = boundsWithScores(graph, context.inputRange);
    for (const gate of gates) {
      if (!canLoseMask(gate)) {
        findings.push(skipped(gate.name, 'stays: its score is larger than its features, or its units are not counted'));
        continue;
      }
      const score = bounds.get(gate.score)?.along(gate.axis);
      const units = Array.from({ length: gate.units }, (_, unit) => unit);
      const isProved = score !== undefined && units.every((unit) => score.low(unit) >= gate.threshold);
      const observed = observedOn(gate, context);
      if (isProved || observed === gate.units) {
        const basis = isProved ? 'proved' : 'observed';
        substitute(gate.node.output, gate.features);
        removed.push({ gate: gate.name, units: gate.sourceUnits, basis, reason: 'on' });
        const bound = neverFiredBound(context.profile?.samples ?? 0).toPrecision(2);
        const risk = isProved ? '' : `; some unit is off with p <= ${bound} at 95 %`;
        findings.push(done(gate.name, `always on (${basis}${risk}): the gate is gone`));
      } else if (observed > 0) {
        findings.push(
          skipped(gate.name, `${observed} of ${gate.units} units are always on: they keep the common mask`),
        );
      }
    }
    return { findings, removed };
  },
});

/** How many units fired in every event of the profile, if such observations count. */
function observedOn(gate: Gate, context: PassContext): number {
  const statistics = statisticsOf(context.profile, gate.name);
  if (context.dead !== 'observed' || statistics === undefined) return 0;
  const on = new Set(alwaysFired(statistics));
  return gate.sourceUnits.filter((source) => on.has(source)).length;
}

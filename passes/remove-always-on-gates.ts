import { Builder } from '../src/ir/builder.js';
import { sameShape } from '../src/ir/types.js';
import { boundsOf } from '../src/passkit/bounds.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding, type PassContext, type RemovedUnits, skipped } from '../src/passkit/pass.js';
import { alwaysFired, neverFiredBound } from '../src/runtime/profile/query.js';

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
    const bounds = boundsOf(graph, context.inputRange);
    for (const gate of gatesOf(graph)) {
      if (!keepsShape(gate)) continue;
      const score = bounds.get(gate.node.input(1))?.along(gate.axis);
      const units = Array.from({ length: gate.units }, (_, unit) => unit);
      const isProved = score !== undefined && units.every((unit) => score.low(unit) >= gate.threshold);
      const observed = observedOn(gate, context);
      if (isProved || observed === gate.units) {
        const basis = isProved ? 'proved' : 'observed';
        bypass(gate);
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

/** False if the score is larger than the features, which the gate then repeats, or its units are not counted. */
function keepsShape({ node, units }: Gate): boolean {
  const [features, result] = [node.input(0).shape, node.output.shape];
  return units > 0 && features !== undefined && result !== undefined && sameShape(features, result);
}

/** Lets the features take the gate's place. An output of the graph stays a value of its own, computed there. */
function bypass({ node }: Gate): void {
  const { graph, output } = node;
  const features = node.input(0);
  const isFree = features.producer?.graph === graph && !features.isGraphOutput;
  const builder = new Builder(graph, { origin: node.origin, before: node });
  const { isGraphOutput } = output;
  const value = isGraphOutput && !isFree ? builder.op('Identity', [features]) : features;
  graph.replaceUses(output, value);
  if (isGraphOutput) graph.swapNames(output, value);
}

/** How many units fired in every event of the profile, if such observations count. */
function observedOn(gate: Gate, context: PassContext): number {
  const statistics = context.profile?.gates.find((candidate) => candidate.name === gate.name);
  if (context.dead !== 'observed' || statistics === undefined) return 0;
  const on = new Set(alwaysFired(statistics));
  return gate.sourceUnits.filter((source) => on.has(source)).length;
}

import { int } from '../src/ir/attribute.js';
import { Builder } from '../src/ir/builder.js';
import type { Value } from '../src/ir/graph.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { firingNumbers } from '../src/passkit/gating/firing/firing.js';
import { definePass, done, type Finding, type GateOutput, skipped } from '../src/passkit/pass.js';

/**
 * Adds for every gate an output `<gate>/fires`, [samples, units], if the context asks for that: 1 for each unit that is left
 * and fires in the sample, at any of its positions where a gate decides for each by itself, and 0 for the others. Exact:
 * only reads the scores, as the gate itself does, so that both share one mask; outputs that were there stay what they are.
 * It comes behind all passes that remove, pad or reorder units, for who reads an output pins its order.
 */
export const exposeGates = definePass({
  name: 'expose-gates',
  contract: 'exact',
  requires: ['gates'],
  run(graph, { gateOutputs }) {
    if (gateOutputs !== true) return { findings: [] };
    const findings: Finding[] = [];
    const exposed: GateOutput[] = [];
    for (const gate of gatesOf(graph)) {
      const reason = gate.node.graph === graph ? whyNot(gate) : 'its decision is made inside of a branch or loop only';
      if (reason !== undefined) {
        findings.push(skipped(gate.name, reason));
        continue;
      }
      const fires = firesOf(gate);
      graph.rename(fires, `${gate.name}/fires`);
      graph.setOutputs([...graph.outputs, fires]);
      const units = [...new Set(gate.sourceUnits)];
      exposed.push({ gate: gate.name, output: fires.name, units });
      findings.push(done(gate.name, `output '${fires.name}' tells which of ${units.length} units fire`));
    }
    return { findings, exposed };
  },
});

/** Why a gate has no row of units for each sample; undefined if it has. */
function whyNot({ score, features, axis, units }: Gate): string | undefined {
  const [samples] = features.shape ?? [];
  if (score.shape === undefined || samples === undefined || units === 0) return 'its units are not counted';
  if (axis === 0) return 'its units lie along the first axis, which is that of samples';
  if (score.shape[0] !== samples) return 'its score is not one for each sample';
  return undefined;
}

/** 1 and 0 as [samples, units], in float32. Units that were doubled to pad a width are there once. */
function firesOf({ node, score, axis, units, sourceUnits }: Gate): Value {
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  const numbers = firingNumbers(node, score, builder);
  const rest = (score.shape ?? [])
    .map((size, index) => ({ size, index }))
    .filter(({ index }) => index !== 0 && index !== axis);
  // Reshaped also where it is a row already: the mask itself gets other readers, and a name of its own.
  const axes = rest.map(({ index }) => index);
  const rows = rest.every(({ size }) => size === 1)
    ? builder.reshape(numbers, [0, units])
    : builder.op('ReduceMax', [numbers, builder.int64s(axes, 'axes')], { keepdims: int(0) });
  const first = [...new Set(sourceUnits)].map((unit) => sourceUnits.indexOf(unit));
  return first.length === units ? rows : builder.gather(rows, builder.int64s(first, 'units'), 1);
}

import type { Value } from '../src/ir/graph.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { type IntegerPlan, planIntegers } from '../src/passkit/quantization/plan.js';
import type { Quantization } from '../src/passkit/quantization/quantization.js';
import { coarsened, type Grid, gridOf, type Range, united } from '../src/passkit/quantization/ranges.js';
import { rewriteToIntegers } from '../src/passkit/quantization/rewriting.js';
import type { Target } from '../src/passkit/target.js';
import { defined } from '../src/support/assert.js';

/**
 * Quantizes a lowered graph: sums of products, and what is computed between them, run on integers of 8 bits. Activations are
 * uint8 with a scale and a zero point each (`scale * (q - zeroPoint)`), weights int8 without zero point and with a scale for
 * each channel, biases int32 (Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
 * Inference, 2018). Written with QuantizeLinear and DequantizeLinear around float operators, which engines make one kernel of;
 * activations between integers become look-ups in tables of 256, exact on these integers, where that is faster; operators
 * that move elements take the integers as they are; the mask of a gate picks the integer or that of zero.
 *
 * Everything that a gate or a branch decides by stays in floats, from the features on, and so do the model's inputs and
 * outputs. Approximate: the context's ranges and layers that stay as they are were chosen by what this loses.
 */
export const quantize = definePass({
  name: 'quantize',
  contract: 'approximate',
  async run(graph, context) {
    const { quantization, target } = context;
    if (quantization === undefined) return { findings: [] };
    const plan = planIntegers(graph, target, quantization.kept);
    const grids = gridsOf(plan, quantization, target);
    await rewriteToIntegers(
      graph,
      plan,
      (place) => defined(grids.get(place), `the grid of '${place.name}'`),
      (part) => context.evaluate(part),
    );
    const findings: Finding[] = plan.kept.map(({ where, reason }) => skipped(where, `stays in floats: ${reason}`));
    for (const step of plan.steps) {
      if (step.kind === 'product') findings.push(done(step.node.label, `${step.node.op} on 8-bit integers`));
      if (step.kind === 'lookup') {
        const count = step.chain.nodes.length;
        const where = step.chain.nodes[0]?.label ?? step.output.name;
        findings.push(done(where, `${count} operators became a look-up in a table of 256`));
      }
    }
    return { findings };
  },
});

/** The grid of each place, by the value that stands for it. */
function gridsOf(plan: IntegerPlan, { ranges }: Quantization, { integers }: Target): ReadonlyMap<Value, Grid> {
  const rangeOf = ({ name }: Value): Range => defined(ranges.get(name), `the range of '${name}'`);
  const grids = new Map([...plan.sources].map(([place, values]) => [place, gridOf(united(values.map(rangeOf)))]));
  const placeOf = (value: Value): Value => defined(plan.places.get(value), 'a place');
  const scaleOf = (value: Value): number => grids.get(placeOf(value))?.scale ?? 0;
  for (const step of plan.steps) {
    if (step.kind !== 'arithmetic') continue;
    const place = placeOf(step.output);
    const finest = (integers?.finestStep(step.node) ?? 0) * Math.max(...step.inputs.map(scaleOf));
    grids.set(place, coarsened(defined(grids.get(place), 'a grid'), finest));
  }
  return grids;
}

import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import type { Affine } from '../src/ops/operator.js';
import { type LinearUnits, linearUnits } from '../src/passkit/linear-units.js';
import { definePass, done, type Finding, skipped } from '../src/passkit/pass.js';
import { scaledAlong } from '../src/passkit/weights.js';
import { at } from '../src/support/assert.js';

/**
 * Folds scaling and shifting by constants (BatchNormalization, x · c, x + c) into the weights and bias of the sum of
 * products before them: s · (W x + b) + t = (s W) x + (s b + t). Sound where nobody else reads the unscaled sum, and s
 * and t vary along the axis of the output's units at most. The new weights are written as operators on constants, which
 * constant folding then evaluates.
 */
export const foldAffine = definePass({
  name: 'fold-affine',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.nodes) {
      const affine = operatorOf(node)?.affine?.(node, new Builder(graph, { origin: node.origin, before: node }));
      if (affine === undefined) continue;
      const { producer, onlyUse } = affine.data;
      const linear = producer?.graph === graph ? linearUnits(producer, affine.axis) : undefined;
      const hasVectorBias = linear?.bias === undefined || linear.bias.dims.length === 1;
      if (producer === undefined || linear === undefined || !hasVectorBias) {
        findings.push(skipped(node.label, `${node.op} stays: no sum of products with constant weights is before it`));
        continue;
      }
      if (onlyUse === undefined) {
        findings.push(skipped(node.label, `${node.op} stays: others read '${affine.data.name}' without it`));
        continue;
      }
      const folded = foldInto(producer, linear, affine, node);
      graph.replaceUses(node.output, folded);
      graph.swapNames(node.output, folded);
      findings.push(done(node.label, `${node.op} folded into ${producer.op} '${producer.label}'`));
    }
    return { findings };
  },
});

/** A copy of `producer`, before `node`, whose weights and bias do the affine function too. */
function foldInto(producer: Node, linear: LinearUnits, { scale, shift }: Affine, node: Node): Value {
  const { weightInput, weightAxis, biasInput, weight } = linear;
  const builder = new Builder(node.graph, { origin: producer.origin, before: node });
  const inputs = [...producer.inputs];
  if (scale !== undefined) {
    inputs[weightInput] = scaledAlong(builder, producer.input(weightInput), weightAxis, scale);
  }
  const bias = producer.inputs[biasInput];
  const scaled = bias === undefined || scale === undefined ? bias : builder.op('Mul', [bias, scale]);
  const sum = scaled === undefined || shift === undefined ? (scaled ?? shift) : builder.op('Add', [scaled, shift]);
  if (sum !== undefined) {
    const units = builder.int64s([at(weight.dims, weightAxis)], 'units');
    const expanded = builder.op('Expand', [sum, units]);
    if (bias !== undefined) node.graph.swapNames(bias, expanded);
    else node.graph.rename(expanded, `${producer.label}_bias`);
    inputs[biasInput] = expanded;
  }
  return builder.op(producer.op, inputs, producer.attributes, producer.domain);
}

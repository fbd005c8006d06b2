import { Builder } from '../src/ir/builder.js';
import type { Node, Use, Value } from '../src/ir/graph.js';
import { operatorOf, relationsOf } from '../src/ops/index.js';
import { weightedSum } from '../src/ops/relations.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Writes a constant scale and shift of the columns of a matrix (a BatchNormalization that nothing before it could take) as a
 * product and a sum, where sums of products with constant weights are all that reads it: `fold-shift` and `fold-scale` then
 * carry both into those weights, and nothing is left. Sound as it is what the operator declares to be.
 */
export const splitNormalization = definePass({
  name: 'split-normalization',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.nodes) {
      const { output } = node;
      if (output.shape?.length !== 2 || output.isGraphOutput || output.uses.length === 0) continue;
      if (!output.uses.every((use) => takesAffine(use))) continue;
      const parts = partsOf(node);
      if (parts === undefined) continue;
      graph.replaceUses(output, parts);
      graph.swapNames(output, parts);
      findings.push(done(node.label, `${node.op} split, for the weights behind it to take`));
    }
    graph.removeUnused();
    return { findings };
  },
});

/** True where a sum of products reads columns, each of which meets constant weights of its own. */
function takesAffine({ node, index }: Use): boolean {
  const sum = weightedSum(relationsOf(node));
  const isData = sum !== undefined && sum.data.index === index && sum.data.axis === 1;
  return isData && node.inputs[sum.weight.index]?.constant?.type === 'float32';
}

function partsOf(node: Node): Value | undefined {
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  const affine = operatorOf(node)?.affine?.(node, builder);
  if (affine?.scale === undefined || affine.shift === undefined || affine.axis !== 1) return undefined;
  return builder.op('Add', [builder.op('Mul', [affine.data, affine.scale]), affine.shift]);
}

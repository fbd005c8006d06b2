import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { firing } from '../src/ops/swan.js';
import { gatesOf } from '../src/passkit/gates.js';
import { definePass } from '../src/passkit/pass.js';

/**
 * Lowers every Gate to its mask: features · cast(score >= threshold), the operator's definition. The comparison is made
 * where the score is smallest: a score that is gathered (one for a group of units) or reshaped is compared before that,
 * which is sound because comparing is element-wise. Gates of one score then share one mask.
 */
export const lowerGates = definePass({
  name: 'lower-gates',
  contract: 'exact',
  run(graph) {
    for (const { node } of gatesOf(graph)) {
      const builder = new Builder(node.graph, { origin: node.origin, before: node });
      const mask = maskOf(node, node.input(1), builder);
      const product = builder.op('Mul', [node.input(0), mask]);
      node.graph.replaceUses(node.output, product);
      node.graph.swapNames(node.output, product);
    }
    return { findings: [] };
  },
});

/** The mask of a score, with the operators that only move elements put behind the comparison. */
function maskOf(gate: Node, score: Value, builder: Builder): Value {
  const producer = score.producer;
  const isMovement = producer !== undefined && operatorOf(producer)?.moves === true && producer.graph === gate.graph;
  if (!isMovement) return firing(gate, score, builder);
  const moved = maskOf(gate, producer.input(0), builder);
  return builder.op(producer.op, [moved, ...producer.inputs.slice(1)], producer.attributes);
}

import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { operatorOf } from '../src/ops/index.js';
import { firing, gatedBy, selects } from '../src/ops/swan.js';
import { gatesOf } from '../src/passkit/gates.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Lowers every Gate to its definition: features · cast(score >= threshold), or a Where. The comparison is made
 * where the score is smallest: a score that is gathered (one for a group of units) or reshaped is compared before that,
 * which is sound because comparing is element-wise. Gates of one score then share one mask.
 */
export const lowerGates = definePass({
  name: 'lower-gates',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const { node, name } of gatesOf(graph)) {
      const builder = new Builder(node.graph, { origin: node.origin, before: node });
      const gated = gatedBy(node, firingOf(node, node.input(1), builder), builder);
      node.graph.replaceUses(node.output, gated);
      node.graph.swapNames(node.output, gated);
      findings.push(done(name, selects(node) ? 'lowered to a selection by its score' : 'lowered to a mask'));
    }
    return { findings };
  },
});

/** Where a score fires, with the operators that only move elements put behind the comparison. */
function firingOf(gate: Node, score: Value, builder: Builder): Value {
  const producer = score.producer;
  const isMovement = producer !== undefined && operatorOf(producer)?.moves === true && producer.graph === gate.graph;
  if (!isMovement) return firing(gate, score, builder);
  const moved = firingOf(gate, producer.input(0), builder);
  return builder.op(producer.op, [moved, ...producer.inputs.slice(1)], producer.attributes);
}

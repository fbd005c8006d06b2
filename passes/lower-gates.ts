import { Builder } from '../src/ir/builder.js';
import { gatedBy, selects } from '../src/ops/swan.js';
import { gatesOf } from '../src/passkit/gates.js';
import { maskOf } from '../src/passkit/gating/firing/firing.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Lowers every Gate to its definition: features · cast(score >= threshold), or a Where. The comparison and the cast are made
 * where the score is smallest: a score that is gathered (one for a group of units) or reshaped is compared before that,
 * which is sound because both are element-wise. Gates of one score then share one mask.
 */
export const lowerGates = definePass({
  name: 'lower-gates',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const gate of gatesOf(graph)) {
      const { node, score, name } = gate;
      const builder = new Builder(node.graph, { origin: node.origin, before: node });
      const gated = gatedBy(node, maskOf(gate, score, builder), builder);
      node.graph.replaceUses(node.output, gated);
      node.graph.swapNames(node.output, gated);
      findings.push(done(name, selects(node) ? 'lowered to a selection by its score' : 'lowered to a mask'));
    }
    return { findings };
  },
});

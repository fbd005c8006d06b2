import { operatorOf } from '../src/ops/index.js';
import { definePass } from '../src/passkit/pass.js';

/**
 * Removes operators that hand an input on unchanged, such as x + 0, x · 1, or a Reshape to the same shape. Each
 * operator's file says when that is so. A graph output keeps its name.
 */
export const removeIdentities = definePass({
  name: 'remove-identities',
  contract: 'exact',
  run(graph) {
    for (const node of graph.allNodes()) {
      const source = operatorOf(node)?.identity?.(node);
      if (source === undefined || source === node.output) continue;
      if (node.output.isGraphOutput) {
        // An output must be computed in its own graph, and two outputs cannot be one value.
        if (source.producer?.graph !== node.graph || source.isGraphOutput) continue;
        node.graph.replaceUses(node.output, source);
        node.graph.swapNames(node.output, source);
      } else {
        node.graph.replaceUses(node.output, source);
      }
    }
    return { findings: [] };
  },
});

import { Builder } from '../src/ir/builder.js';
import type { Value } from '../src/ir/graph.js';
import { firing, gatedBy, selectedBy, selects } from '../src/ops/swan.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { firingOf, maskOf } from '../src/passkit/gating/firing/firing.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import type { Target } from '../src/passkit/target.js';

/**
 * Lowers every Gate to its definition: features · cast(score >= threshold), or a Where. The comparison and the cast are made
 * where the score is smallest: a score that is gathered (one for a group of units) or reshaped is compared before that,
 * which is sound because both are element-wise. Gates of one score then share one mask.
 *
 * For a target that wants the fewest kernels, rows of features are selected, without a cast: the same for all that is finite
 * (a mask makes 0 · inf = NaN of an off unit that is not). Other features stay masked: engines that like channels last would
 * transpose the truth values, which they have no kernel for.
 */
export const lowerGates = definePass({
  name: 'lower-gates',
  contract: 'exact',
  run(graph, { target }) {
    const findings: Finding[] = [];
    for (const gate of gatesOf(graph)) {
      const { node, score, name } = gate;
      const builder = new Builder(node.graph, { origin: node.origin, before: node });
      const isSelected = selects(node) || selectsFewer(gate, target);
      const gated = isSelected
        ? selectedBy(node, firesOf(gate, target, builder), builder)
        : gatedBy(node, maskOf(gate, score, builder), builder);
      node.graph.replaceUses(node.output, gated);
      node.graph.swapNames(node.output, gated);
      findings.push(done(name, isSelected ? 'lowered to a selection by its score' : 'lowered to a mask'));
    }
    return { findings };
  },
});

/** Where the gate fires. An engine that likes channels last turns the score to that, but no truth values. */
function firesOf({ node, score }: Gate, target: Target, builder: Builder): Value {
  const isImage = target.channelsLast !== undefined && score.shape?.length === 4;
  return isImage ? firing(node, score, builder) : firingOf(node, score, builder);
}

/** True where selecting takes fewer kernels than a mask. */
function selectsFewer({ features }: Gate, target: Target): boolean {
  const { elementType, shape } = features;
  return target.fewestKernels && shape?.length === 2 && elementType !== undefined && target.selects(elementType);
}

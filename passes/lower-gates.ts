import { Builder } from '../src/ir/builder.js';
import type { Value } from '../src/ir/graph.js';
import { firing, gatedBy, selectedBy, selects } from '../src/ops/swan.js';
import { type Gate, gatesOf } from '../src/passkit/gates.js';
import { firingOf, maskOf } from '../src/passkit/gating/firing/firing.js';
import { modesOf } from '../src/passkit/gating/firing/modes.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import type { Target } from '../src/passkit/target.js';

/**
 * Lowers every Gate to its definition: features · cast(score >= threshold), or a Where. The comparison and the cast are made
 * where the score is smallest: a score that is gathered (one for a group of units) or reshaped is compared before that,
 * which is sound because both are element-wise. Gates of one score then share one mask.
 *
 * For a target that wants the fewest kernels, rows of features are selected, without a cast: the same for all that is finite
 * (a mask makes 0 · inf = NaN of an off unit that is not), and compared last, for devices move no truth values. Images stay
 * masked: an engine that likes channels last may transpose what selects them.
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

/** Where the gate fires. Devices move scores about, but have no kernels for truth values: there they are made last. */
function firesOf(gate: Gate, target: Target, builder: Builder): Value {
  const { node, score } = gate;
  const isLast = target.fewestKernels && modesOf(gate) === undefined;
  return isLast ? firing(node, score, builder) : firingOf(node, score, builder);
}

/** True where selecting takes fewer kernels than a mask. Those of a modal gate are constants. */
function selectsFewer(gate: Gate, target: Target): boolean {
  const { elementType, shape } = gate.features;
  const isRow = shape?.length === 2 && elementType !== undefined && target.selects(elementType);
  return target.fewestKernels && isRow && modesOf(gate) === undefined;
}

import type { Node } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import { isTranspose, permutationOf } from '../src/ops/reshape.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';
import { at } from '../src/support/assert.js';

/**
 * Keeps ONNX Runtime from moving a Transpose behind an interpolation that it then refuses: its optimiser (1.30) lets a
 * Resize run on any layout, its kernel interpolates along the last axes only, or along those before the last one. A
 * Reshape to the same shape between the two, which costs nothing, stays where it is.
 */
export const guardInterpolation = definePass({
  name: 'guard-interpolation',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of graph.allNodes()) {
      const before = node.inputs[0]?.producer;
      const perm = before !== undefined && isTranspose(before) ? permutationOf(before) : undefined;
      if (before === undefined || perm === undefined || !isRefused(node, perm)) continue;
      const copied = Tensor.int64(
        [perm.length],
        perm.map(() => 0),
      );
      const shape = node.graph.addConstant(`${node.label}_same_shape`, copied);
      const { output } = node.graph.addNode({
        op: 'Reshape',
        inputs: [before.output, shape],
        origin: node.origin,
        before: node,
      });
      node.graph.setType(output, before.output.type);
      node.graph.setInput(node, 0, output);
      findings.push(done(node.label, 'a Reshape keeps the Transpose before it where it is'));
    }
    return { findings };
  },
});

/** True if the node interpolates along axes where, on the layout before the Transpose, ONNX Runtime has no kernel. */
function isRefused(node: Node, perm: readonly number[]): boolean {
  const axes = operatorOf(node)
    ?.interpolates?.(node)
    ?.map((axis) => at(perm, axis));
  const rank = perm.length;
  if (axes === undefined || rank <= 3) return false;
  const isLast = axes.every((axis) => axis >= 2);
  const isMiddle = rank === 4 && axes.every((axis) => axis === 1 || axis === 2);
  return !isLast && !isMiddle;
}

import { Builder } from '../src/ir/builder.js';
import type { Node, Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { operatorOf } from '../src/ops/index.js';
import { definePass, done, type Finding } from '../src/passkit/pass.js';

/**
 * Means over all positions, which gates of convolutions read, in forms that engines run fast: a global average pooling
 * where channels come first, and a product with a row of 1/n where they come last. Exact up to rounding: the mean of n
 * elements is the sum of each times 1/n.
 */
export const lowerMeans = definePass({
  name: 'lower-means',
  contract: 'exact',
  run(graph) {
    const findings: Finding[] = [];
    for (const node of [...graph.allNodes()]) {
      const mean = meanOf(node);
      if (mean === undefined) continue;
      node.graph.replaceUses(node.output, mean.value);
      node.graph.swapNames(node.output, mean.value);
      node.graph.removeNode(node);
      findings.push(done(node.label, `a mean over positions became ${mean.what}`));
    }
    return { findings };
  },
});

/** The same mean, computed before `node`; undefined for what is no mean over all positions of a float32 value. */
function meanOf(node: Node): { readonly value: Value; readonly what: string } | undefined {
  const averages = operatorOf(node)?.averages?.(node);
  const x = node.inputs[0];
  const rank = x?.shape?.length ?? 0;
  if (averages === undefined || x?.elementType !== 'float32' || rank < 3) return undefined;
  const axes = averages.axes.toSorted((left, right) => left - right);
  const isAll = (first: number): boolean =>
    axes.length === rank - 2 && axes.every((axis, index) => axis === first + index);
  const builder = new Builder(node.graph, { origin: node.origin, before: node });
  if (isAll(2)) {
    const pooled = builder.op('GlobalAveragePool', [x]);
    return { value: averages.keepsAxes ? pooled : builder.squeeze(pooled, axes), what: 'a global pooling' };
  }
  const positions = axes.reduce((product, axis) => product * Number(x.shape?.[axis]), 1);
  const channels = x.shape?.[rank - 1];
  if (!isAll(1) || !Number.isSafeInteger(positions) || positions < 1 || typeof channels !== 'number') return undefined;
  const row = Tensor.floats([1, positions], new Float32Array(positions).fill(1 / positions));
  const rows = builder.reshape(x, [-1, positions, channels]);
  const summed = builder.op('MatMul', [builder.constant(row, 'mean'), rows]);
  const value = averages.keepsAxes ? builder.unsqueeze(summed, axes.slice(1)) : builder.squeeze(summed, [1]);
  return { value, what: 'a product with a row' };
}

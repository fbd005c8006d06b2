import type { Value } from '../src/ir/graph.js';
import { Tensor } from '../src/ir/tensor.js';
import { staticDims } from '../src/ir/types.js';
import { shapeElements } from '../src/ops/shape-values.js';
import { definePass, done } from '../src/passkit/pass.js';

/**
 * Lists of sizes that are computed from the shape of a value, and are known because that is, become constants. So nothing
 * of a graph whose shapes are known is left to be computed with them, neither beside a device nor between two of its
 * kernels. Exact: the sizes are what the engine would find.
 */
export const foldShapes = definePass({
  name: 'fold-shapes',
  contract: 'exact',
  run(graph) {
    let count = 0;
    for (const own of graph.allGraphs()) {
      for (const value of own.nodes.flatMap(({ outputs }) => outputs)) {
        const known = value.uses.length > 0 && !value.isGraphOutput ? knownSizes(value) : undefined;
        if (known === undefined) continue;
        own.replaceWithConstant(value, known);
        count++;
      }
      own.removeUnused();
    }
    return { findings: count === 0 ? [] : [done('shapes', `${count} lists of sizes became constants`)] };
  },
});

/** The list of sizes, or the single size, that a value is; undefined where one is open. */
function knownSizes(value: Value): Tensor | undefined {
  if (value.elementType !== 'int64' || (value.shape?.length ?? 2) > 1) return undefined;
  const sizes = staticDims(shapeElements(value) ?? ['unknown']);
  return sizes && Tensor.int64(value.shape?.length === 0 ? [] : [sizes.length], sizes);
}

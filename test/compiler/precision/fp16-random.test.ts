import { describe, expect, test } from 'vitest';
import { toFloat16 } from '../../../passes/to-float16.js';
import { densifying, dynamicGating, settling } from '../../../src/compiler/forms/pipeline.js';
import { measureMagnitudes } from '../../../src/compiler/precision/measure-magnitudes.js';
import { measureSpread } from '../../../src/compiler/precision/rounding-spread.js';
import type { Graph } from '../../../src/ir/graph.js';
import { modelBytes } from '../../../src/onnx/write.js';
import { PassManager } from '../../../src/passkit/manager.js';
import type { Pass } from '../../../src/passkit/pass.js';
import { Comparator } from '../../../src/runtime/compare.js';
import { openRuntime } from '../../../src/runtime/session.js';
import { seededRandom } from '../../../src/support/random.js';
import { randomNetwork } from '../../passes/random/network.js';
import { contextOf, eagerCosts, randomFeeds, runGraph, type Tensors } from '../../passes/support.js';

const cases = Number(process.env.SWANC_CASES ?? 30);
const start = Number(process.env.SWANC_SEED ?? 1);
const runtime = await openRuntime();

/** The graph lowered, in float16, as the bytes of a file. */
async function halved(graph: Graph, passes: readonly Pass[], batches: readonly { feeds: Tensors }[], opset: number) {
  const manager = new PassManager(graph, contextOf({ costs: eagerCosts }), ['gates', 'layout']).fork();
  await manager.run([...settling, ...passes]);
  const magnitudes = await measureMagnitudes(manager.graph, batches, runtime);
  const half = manager.fork({ ...contextOf(), magnitudes });
  await half.run([toFloat16]);
  return { bytes: modelBytes(half.graph, { opset }), graph: half.graph };
}

describe('random networks in float16 equal themselves up to its rounding', () => {
  for (const [name, passes, opset] of [
    ['dense', densifying, 18],
    ['dynamic', dynamicGating, 18],
    ['dense at opset 13', densifying, 13],
  ] as const) {
    test(name, { timeout: 3_600_000 }, async () => {
      let [compared, halves] = [0, 0];
      for (let seed = start; seed < start + cases; seed++) {
        try {
          const { graph } = randomNetwork(seed, { size: 2 + (seed % 6) });
          const random = seededRandom(seed);
          const batches = [1, 2, 3, 4].map(() => ({ feeds: randomFeeds(graph, 1, random), samples: 1 }));
          const half = await halved(graph, passes, batches, opset);
          const prepared = new PassManager(graph, contextOf(), ['gates', 'layout']);
          const spread = await measureSpread({ prepared, context: contextOf(), batches, runtime });
          const session = await runtime.load(half.bytes);
          const comparator = new Comparator({ marginBound: 1 });
          for (const [index, { feeds }] of batches.entries()) {
            const expected = await runGraph(graph, feeds);
            comparator.add({ expected, actual: await session.run(feeds), ...spread[index] });
          }
          await session.close();
          const result = comparator.result();
          expect(result.failures).toEqual([]);
          compared += result.clear;
          halves += [...half.graph.allNodes()].filter(({ output }) => output.elementType === 'float16').length;
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
        }
      }
      expect(compared).toBeGreaterThan(cases);
      expect(halves).toBeGreaterThan(5 * cases);
    });
  }
});

import { expect, test } from 'vitest';
import { writeFileSync } from 'node:fs';
import { compaction, densifying, preparation } from '../../src/compiler/pipeline.js';
import { printGraph } from '../../src/ir/text.js';
import { modelBytes } from '../../src/onnx/write.js';
import { seededRandom } from '../../src/support/random.js';
import { webgpu } from '../../targets/webgpu.js';
import { difference } from '../ops/case.js';
import { randomNetwork } from '../passes/random/network.js';
import { profileOf, randomFeeds, runGraph, runPass } from '../passes/support.js';
import { openWebgpu } from './webgpu-page.js';
test('scratch', { timeout: 600_000 }, async () => {
  const gpu = await openWebgpu();
  const lines: string[] = [];
  const { channelsLast: _, ...first } = webgpu;
  for (const [name, target] of Object.entries({ few: { ...webgpu, readBack: 0 }, plain: { ...first, fewestKernels: false, readBack: 0 }, fewOnly: {...first, readBack: 0} })) {
    const { graph, dead } = randomNetwork(1, { channelsLast: false });
    const profile = profileOf(graph, dead, 0.25);
    const options = { profile, target, batch: 4, costs: { operator: 0, branch: 0, flop: 1 } };
    const { graph: low } = await runPass(graph, [...preparation, ...compaction, ...densifying], options);
    writeFileSync(`/tmp/w2/seed1-${name}.txt`, printGraph(low));
    for (const seed of [1, 2, 3, 4]) {
      const feeds = randomFeeds(low, 4, seededRandom(seed));
      const want = await runGraph(low, feeds);
      for (const level of ['disabled', 'basic', 'extended', 'all']) {
      const r = await gpu.run(modelBytes(low, { opset: 18 }), feeds, { runs: 1, session: { graphOptimizationLevel: level } });
      const diffs = low.outputs.map(({ name }) => { const a = r.outputs[name], w = want[name]; return a && w ? difference(a, w, 1e-4) : 'missing'; });
      lines.push(`${name} ${seed} ${level} diff ${diffs.join()}`);
      }
    }
  }
  writeFileSync('/tmp/w2/scratch.txt', lines.join('\n'));
  await gpu.close();
  expect(1).toBe(1);
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { separateEndPadding } from '../../passes/separate-end-padding.js';
import { compaction, densifying, dynamicGating, preparation } from '../../src/compiler/forms/pipeline.js';
import { reportPlacement } from '../../src/compiler/forms/placement.js';
import { writeNpy } from '../../src/data/npy.js';
import { importModel } from '../../src/frontends/index.js';
import { compile, profile } from '../../src/index.js';
import type { Graph } from '../../src/ir/graph.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import type { Target } from '../../src/passkit/target.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { webgpu } from '../../targets/webgpu.js';
import { digits, fixture, temporaryFolder, writeNormalSamples } from '../compiler/support.js';
import { difference } from '../ops/case.js';
import { randomFeeds, runGraph, runPass, type Tensors } from '../passes/support.js';
import { root } from '../repository/sources.js';
import { hasChromium } from './chromium.js';
import { countNames } from './webgpu-log.js';
import { openWebgpu, type Webgpu, type WebgpuRun } from './webgpu-page.js';

/** How many kernels a run starts, and how often it waits for the device, in a browser: what `docs/targets.md` says. */

const { channelsLast: _, ...firstChannels } = webgpu;
/** What would be written if starting a kernel cost no more than on a processor. */
const plain: Target = { ...firstChannels, fewestKernels: false };

const documented = [
  ...readFileSync(join(root, 'docs', 'targets.md'), 'utf8').matchAll(/^\| `(mnist-[\w-]+)` \| (\d+) \| (\d+) \|$/gm),
].map(([, name = '', before, after]) => ({ name, before: Number(before), after: Number(after) }));

/** Without a graphics card all of them take minutes; the others are counted if `SWANC_NETWORKS` is `all`. */
const counted = documented.filter(
  ({ name }) => process.env.SWANC_NETWORKS === 'all' || ['mnist-mlp', 'mnist-cnn', 'mnist-wide'].includes(name),
);

async function dense(name: string, target: Target): Promise<Graph> {
  const { graph } = await importModel(fixture(name), {});
  const passes = [...preparation, ...compaction, ...densifying];
  return (await runPass(graph, passes, { target, facts: [] })).graph;
}

const dynamic = [
  { name: 'mnist-wide-modal', kind: 'images' },
  { name: 'mnist-wide-coherent', kind: 'images' },
  { name: 'mnist-cnn', kind: 'images' },
  { name: 'mnist-mlp', kind: 'rows' },
  { name: 'traps/block-gate', kind: 'float32[batch, 6, 6, 2]' },
];

describe.skipIf(!hasChromium())('on WebGPU', () => {
  let gpu: Webgpu;
  let folder: string;

  beforeAll(async () => {
    gpu = await openWebgpu();
    folder = await temporaryFolder();
  });

  afterAll(async () => {
    await gpu?.close();
  });

  it('the documentation tells of every network', () => {
    expect(documented.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['mnist-mlp', 'mnist-cnn', 'mnist-resnet', 'mnist-wide', 'mnist-wide-modal']),
    );
  });

  for (const { name, before, after } of counted) {
    it(`${name}: starts as few kernels as documented`, { timeout: 600_000 }, async () => {
      const kernels = async (target: Target): Promise<WebgpuRun['programs']> => {
        const graph = await dense(name, target);
        return (
          await gpu.run(modelBytes(graph, { opset: target.defaultOpset }), randomFeeds(graph, 1, seededRandom(1)))
        ).programs;
      };
      expect(await kernels(plain)).toHaveLength(before);
      const programs = await kernels(webgpu);
      expect(programs, countNames(programs.map((program) => program.name))).toHaveLength(after);
    });
  }

  it('a window as large as its input keeps its padding', async () => {
    const source = `g (float[1, 1, 2, 2] x) => (float[1, 1, 2, 2] y)
<float[1, 1, 2, 2] w = {1.0, 2.0, -3.0, 0.5}>
{
  y = Conv <auto_pad: string = "SAME_UPPER"> (x, w)
}`;
    const { graph } = await runPass(source, [separateEndPadding], { target: webgpu });
    const feeds = randomFeeds(graph, 1, seededRandom(4));
    const { outputs } = await gpu.run(modelBytes(graph, { opset: webgpu.defaultOpset }), feeds);
    const { y } = await runGraph(graph, feeds);
    expect(difference(defined(outputs.y, 'y'), defined(y, 'y'), 1e-5)).toBeUndefined();
  });

  it('two decisions in a row are two waits', async () => {
    const calibration = join(folder, 'rows.npy');
    await writeNpy(calibration, digits('train', 256, true));
    const model = fixture('mnist-mlp');
    const firing = await profile({ model, calibration });
    const passes = [...preparation, ...compaction, ...dynamicGating];
    const { graph: imported } = await importModel(model, {});
    const plans = { 'gate1 + gate2': 'dispatch-2x2' };
    const { graph, regions } = await runPass(imported, passes, { target: webgpu, facts: [], profile: firing, plans });
    expect(regions.map(({ chosen }) => chosen)).toContain('dispatch-2x2');
    const report = defined(reportPlacement(graph, webgpu), 'a placement');
    expect(report.readBacks).toBe(2);
    const bytes = modelBytes(graph, { opset: webgpu.defaultOpset });
    expect(await waitsOf(gpu, bytes, randomFeeds(graph, 1, seededRandom(3)))).toBe(2 + graph.outputs.length);
  });

  for (const { name, kind } of dynamic) {
    it(`${name}, dynamic: waits for the device as often as the report says, once a decision`, {
      timeout: 600_000,
    }, async () => {
      const calibration = join(folder, `${name.replace('/', '-')}.npy`);
      if (kind.startsWith('float')) await writeNormalSamples(calibration, kind, 64, 1);
      else await writeNpy(calibration, digits('train', 256, kind === 'rows'));
      const model = join(fixture(name), 'model.json');
      const { report, models } = await compile({
        model,
        calibration,
        targets: ['webgpu'],
        mode: 'dynamic',
        verify: false,
      });
      const target = at(report.targets, 0);
      expect(target.mode).toBe('dynamic');
      const placement = defined(target.placement, 'a placement');
      const decisions = (target.planning?.regions ?? [])
        .filter(({ chosen }) => chosen !== 'mask')
        .flatMap(({ gates }) => gates).length;
      expect(placement.readBacks).toBe(decisions);

      const bytes = defined(models.get('webgpu'), 'a model');
      const feeds = randomFeeds(readModel(bytes), 1, seededRandom(2));
      const session = await (await openRuntime({ prefer: 'node' })).load(bytes);
      const expected = await session.run(feeds);
      await session.close();
      const { outputs, placements } = await gpu.run(bytes, feeds);
      for (const [output, tensor] of Object.entries(expected)) {
        expect(difference(defined(outputs[output], output), tensor, 1e-4), output).toBeUndefined();
      }
      // Nothing that the processor computed goes back: it only chooses.
      expect(placements.fromHost).toEqual([]);
      expect(await waitsOf(gpu, bytes, feeds)).toBe(placement.readBacks + Object.keys(expected).length);
    });
  }
});

/** How often a run waits for a buffer of the device: for what the processor reads, and for its outputs. */
async function waitsOf(gpu: Webgpu, bytes: Uint8Array, feeds: Tensors): Promise<number> {
  return (await mapped(gpu, bytes, feeds, 2)) - (await mapped(gpu, bytes, feeds, 1));
}

/** How often so many runs, and what is before them, wait for a buffer of the device. */
async function mapped(gpu: Webgpu, bytes: Uint8Array, feeds: Tensors, runs: number): Promise<number> {
  await gpu.page.evaluate(`{
    globalThis.mapAsync ??= GPUBuffer.prototype.mapAsync;
    globalThis.maps = 0;
    GPUBuffer.prototype.mapAsync = function (...values) {
      globalThis.maps++;
      return globalThis.mapAsync.apply(this, values);
    };
  }`);
  await gpu.run(bytes, feeds, { runs });
  return gpu.page.evaluate('globalThis.maps');
}

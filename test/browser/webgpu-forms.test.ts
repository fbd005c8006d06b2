import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compaction, densifying, masking, preparation } from '../../src/compiler/forms/pipeline.js';
import { reportPlacement } from '../../src/compiler/forms/placement.js';
import { importModel } from '../../src/frontends/index.js';
import type { Graph } from '../../src/ir/graph.js';
import { modelBytes } from '../../src/onnx/write.js';
import { seededRandom } from '../../src/support/random.js';
import { webgpu } from '../../targets/webgpu.js';
import { fixture } from '../compiler/support.js';
import { difference } from '../ops/case.js';
import { expectSameFunction, randomFeeds, runGraph, runPass } from '../passes/support.js';
import { hasChromium } from './chromium.js';
import { openWebgpu, type Webgpu } from './webgpu-page.js';

/**
 * What is compiled for WebGPU without branches runs on the device alone: no node that computes on the processor, no copy
 * between the two but of inputs and outputs, no size that is known only at run time.
 */

const traps = readdirSync(fixture('traps'))
  .filter((name) => existsSync(join(fixture('traps'), name, 'model.json')))
  .map((name) => `traps/${name}`);
const networks = readdirSync(fixture('')).filter((name) => existsSync(join(fixture(name), 'model.json')));

/** One of each kind of layer: starting a kernel for the first time takes long without a graphics card. */
const recorded = ['flatten', 'gates-at-positions', 'layer-normalization', 'max-pooling', 'shared-layer', 'softmax'];

const forms = { masked: masking, dense: [...compaction, ...densifying] };
type FormName = keyof typeof forms;

/** A fixture as imported, and lowered for the target. */
async function formOf(name: string, form: FormName): Promise<{ imported: Graph; graph: Graph }> {
  const { graph: imported } = await importModel(fixture(name), {});
  const { graph } = await runPass(imported, [...preparation, ...forms[form]], { target: webgpu, facts: [] });
  return { imported, graph };
}

const written = (graph: Graph): Uint8Array => modelBytes(graph, { opset: webgpu.defaultOpset });

describe.skipIf(!hasChromium())('on WebGPU', () => {
  let gpu: Webgpu;

  beforeAll(async () => {
    gpu = await openWebgpu();
  });

  afterAll(async () => {
    await gpu?.close();
  });

  for (const name of [...networks, ...traps]) {
    it(`${name}: all of it on the device, without copies`, async () => {
      for (const form of ['masked', 'dense'] as const) {
        const { imported, graph } = await formOf(name, form);
        await expectSameFunction(imported, graph, { samples: 1 });
        expect(reportPlacement(graph, webgpu)).toEqual({ host: [], readBacks: 0 });
        expect([...graph.allNodes()].map(({ op }) => op)).not.toContain('Shape');
        const [placed] = await gpu.place([written(graph)]);
        expect(placed).toMatchObject({ hostCount: 0, host: [], toHost: [], fromHost: [] });
      }
    });
  }

  for (const name of ['mnist-mlp', ...recorded.map((trap) => `traps/${trap}`)]) {
    it(`${name}: gives what onnxruntime-node gives, recorded and replayed too`, async () => {
      const { graph } = await formOf(name, 'masked');
      const feeds = randomFeeds(graph, 1, seededRandom(1));
      const expected = await runGraph(graph, feeds);
      for (const device of [undefined, 'capture'] as const) {
        const options = device === undefined ? {} : { device, runs: 3 };
        const { outputs, programs } = await gpu.run(written(graph), feeds, options);
        for (const { name: output } of graph.outputs) {
          const [actual, wanted] = [outputs[output], expected[output]];
          expect(actual && wanted ? difference(actual, wanted, 1e-4) : 'missing', output).toBeUndefined();
        }
        expect(programs.length > 0, `programs of a ${device} run`).toBe(device === undefined);
      }
    });
  }
});

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { masking, preparation } from '../../src/compiler/forms/pipeline.js';
import { reportPlacement } from '../../src/compiler/forms/placement.js';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { isStatic } from '../../src/ir/types.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { webgpu } from '../../targets/webgpu.js';
import { temporaryFolder } from '../compiler/support.js';
import { runPass } from '../passes/support.js';
import { suites } from './generators/index.js';
import { buildModel } from './model.js';
import { randomizeWeights } from './values.js';

const folder = await temporaryFolder();

/** Steps one after the other, for which the device has no kernel. */
const steps = new Set(['RNN', 'Scan']);

// TensorFlow.js tells users of other packages.
vi.spyOn(console, 'warn').mockImplementation(() => {});

for (const [family, rows] of Object.entries(suites)) {
  test(`${family}: all layers are lowered to what runs on WebGPU's device, but for steps of recurrent ones`, async () => {
    const wrong: string[] = [];
    for (const { className, cases } of rows) {
      for (const model of fc.sample(cases, { numRuns: 2, seed: 6 })) {
        const built = buildModel(model);
        randomizeWeights(built, seededRandom(1));
        await built.save(fileHandler(join(folder, 'model.json')));
        built.dispose();
        const { graph: imported } = importTfjsModel(folder);
        const { graph } = await runPass(imported, [...preparation, ...masking], { target: webgpu, facts: [] });
        // Sizes that stay open are computed with on the processor, which knows them.
        if (graph.inputs.some(({ shape }) => shape === undefined || !isStatic(shape))) continue;
        const { host } = reportPlacement(graph, webgpu) ?? { host: [] };
        const others = host.map(({ operator }) => operator).filter((operator) => !steps.has(operator));
        if (others.length > 0) wrong.push(`${className}: ${others.join(', ')}`);
      }
    }
    expect(wrong).toEqual([]);
  });
}

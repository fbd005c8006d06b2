import { expect, test } from 'vitest';
import { compaction, densifying, dynamicGating, preparation } from '../../src/compiler/forms/pipeline.js';
import { cloneGraph } from '../../src/ir/clone.js';
import { PassManager } from '../../src/passkit/manager.js';
import { randomNetwork } from './random/network.js';
import { contextOf, expectSameFunction, profileOf, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 40);
const start = Number(process.env.SWANC_SEED ?? 1);
const costs = { operator: 0, gatheredByte: 0, gatheredRun: 0 };

test('every pass of the pipeline keeps the function of random networks', { timeout: 3_600_000 }, async () => {
  for (let seed = start; seed < start + cases; seed++) {
    const channelsLast = seed % 2 === 0;
    const { graph, dead } = randomNetwork(seed, { channelsLast, staticBatch: seed % 7 === 0 });
    const profile = profileOf(graph, dead, 0.25);
    const context = contextOf({ profile, costs });
    const manager = new PassManager(cloneGraph(graph).graph, context);
    let pass = '';
    try {
      const stages = [...preparation, ...compaction, ...(seed % 3 === 0 ? dynamicGating : densifying)];
      await manager.run(stages, async (ran, after) => {
        pass = ran.name;
        // Running each pass's result is slow; only what changed the graph's size and the end are run by default.
        const last = manager.runs.at(-1);
        if (process.env.SWANC_CASES || last?.nodes.before !== last?.nodes.after) {
          await expectSameFunction(graph, after, { seed, samples: 4, absolute: 1e-5 });
        }
      });
      await expectSameFunction(graph, manager.graph, { seed, samples: 4, absolute: 1e-5 });
    } catch (error) {
      throw new Error(`seed ${seed}, after ${pass}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  expect(cases).toBeGreaterThan(0);
});

test('the same graph always becomes the same text', async () => {
  for (const channelsLast of [false, true]) {
    const { graph, dead } = randomNetwork(11, { channelsLast });
    const options = { profile: profileOf(graph, dead), facts: [] };
    const stages = [...preparation, ...compaction, ...dynamicGating];
    expect((await runPass(graph, stages, options)).text).toBe((await runPass(graph, stages, options)).text);
  }
});

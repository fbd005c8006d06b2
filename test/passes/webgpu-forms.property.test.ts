import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { masking, preparation } from '../../src/compiler/forms/pipeline.js';
import { reportPlacement } from '../../src/compiler/forms/placement.js';
import { cloneGraph } from '../../src/ir/clone.js';
import { webgpu } from '../../targets/webgpu.js';
import { gatedNetwork, gatedSpecs } from '../passkit/gating/gated-networks.js';
import { randomGraph, recipeOf } from './random/kinds.js';
import { expectSameFunction, runPass } from './support.js';

/** Networks with masks are all on the device, and right on a processor as well. */

const stages = [...preparation, ...masking];

/** What repeats, with the truth value that says how often, what goes backwards to lengths, and types that no kernel has. */
const onProcessor = new Set(['Cast', 'Identity', 'Loop', 'RNN', 'ReverseSequence', 'Scan']);

describe('lowered for WebGPU, every gate a mask', () => {
  test('random gated networks run on the device alone', async () => {
    await fc.assert(
      fc.asyncProperty(gatedSpecs, fc.integer({ min: 1, max: 4 }), async (spec, batch) => {
        const { graph } = gatedNetwork(spec);
        const { graph: lowered } = await runPass(graph, stages, { target: webgpu, batch, facts: [] });
        expect(reportPlacement(lowered, webgpu)).toEqual({ host: [], readBacks: 0 });
        await expectSameFunction(graph, lowered, { samples: batch });
      }),
      { numRuns: 60, seed: 6 },
    );
  });

  test('random graphs of all kinds of layers run there, but for what repeats', async () => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= 60; seed++) {
      const { graph } = randomGraph(recipeOf(seed));
      if (graph.outputs.length === 0) continue;
      const { graph: lowered } = await runPass(cloneGraph(graph).graph, stages, {
        target: webgpu,
        batch: 2,
        facts: [],
      });
      await expectSameFunction(graph, lowered, { samples: 2 });
      const nodes = reportPlacement(lowered, webgpu)?.host ?? [];
      const others = nodes.filter(({ operator }) => !onProcessor.has(operator));
      wrong.push(...others.map(({ operator, node }) => `${seed}: ${operator} of ${node}`));
    }
    expect(wrong).toEqual([]);
  });
});

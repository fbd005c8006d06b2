import { expect, test } from 'vitest';
import { compaction, densifying, dynamicGating, masking, preparation } from '../../src/compiler/forms/pipeline.js';
import { webgpu } from '../../targets/webgpu.js';
import { randomNetwork } from './random/network.js';
import { expectSameFunction, operators, profileOf, runPass } from './support.js';

const cases = Number(process.env.SWANC_CASES ?? 20);
const start = Number(process.env.SWANC_SEED ?? 1);

test('what is lowered for a device keeps the function of random networks', { timeout: 3_600_000 }, async () => {
  const seen = new Set<string>();
  for (let seed = start; seed < start + cases; seed++) {
    const { graph, dead } = randomNetwork(seed, { channelsLast: seed % 2 === 0 });
    const profile = profileOf(graph, dead, 0.25);
    const forms = [masking, [...compaction, ...densifying], [...compaction, ...dynamicGating]];
    const form = forms[seed % forms.length] ?? masking;
    // Nothing that is computed, and no wait, costs anything, so that plans pay.
    const options = {
      profile,
      target: { ...webgpu, readBack: 0 },
      batch: 4,
      costs: { operator: 0, branch: 0, flop: 1 },
    };
    try {
      const { graph: lowered } = await runPass(graph, [...preparation, ...form], options);
      await expectSameFunction(graph, lowered, { seed, samples: 4, absolute: 1e-5 });
      for (const op of operators(lowered)) seen.add(op);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  if (cases >= 20)
    expect([...seen]).toEqual(expect.arrayContaining(['BatchNormalization', 'Transpose', 'Where', 'If']));
});

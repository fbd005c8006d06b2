import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixBatch } from '../../passes/fix-batch.js';
import { defined } from '../../src/support/assert.js';
import { targets } from '../../targets/index.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

const edge = defined(targets.edge, 'edge');

const text = `g (float[N, 3] x, float[N, length] y, float[2] z) => (float[N, 3] a, float[N, length] b)
{
  a = Relu (x)
  b = Neg (y)
}`;

describe('fix-batch', () => {
  test('sets the number of samples of every input, and of what is computed from them', async () => {
    const { graph, findings } = await runPass(text, [fixBatch], { target: edge, batch: 4 });
    expect(graph.inputs.map(({ shape }) => shape)).toEqual([[4, 3], [4, 'length'], [2]]);
    expect(graph.outputs.map(({ shape }) => shape)).toEqual([
      [4, 3],
      [4, 'length'],
    ]);
    expect(findings.map(({ where, done }) => [where, done])).toEqual([
      ['x', true],
      ['y', false],
      ['z', true],
    ]);
  });

  test('leaves the batch open where the target does', async () => {
    const { graph, findings } = await runPass(text, [fixBatch], { batch: 4 });
    expect(graph.inputs.map(({ shape }) => shape)).toEqual([['N', 3], ['N', 'length'], [2]]);
    expect(findings).toEqual([]);
  });

  test('changes nothing of what is computed', async () => {
    const network = `g (float[N, 4] x) => (float[N, 2] y)
<
  float[4, 2] w = {1, -1, 2, 0.5, -3, 1, 0.25, 4}
>
{
  s = Shape (x)
  r = Reshape (x, s)
  y = MatMul (r, w)
}`;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), async (batch) => {
        const { graph } = await runPass(network, [fixBatch], { target: edge, batch });
        await expectSameFunction(graphOf(network), graph, { samples: batch });
      }),
      { numRuns: 5 },
    );
  });
});

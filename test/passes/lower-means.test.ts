import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lowerMeans } from '../../passes/lower-means.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

const mean = (shape: readonly (number | string)[], axes: readonly number[], keepdims: number): string => {
  const left = shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepdims === 1 ? [1] : []) : [dim]));
  return `g (float[${shape.join(', ')}] x) => (float[${left.join(', ')}] y)
<
  int64[${axes.length}] axes = {${axes.join(', ')}}
>
{
  y = ReduceMean <keepdims: int = ${keepdims}> (x, axes)
}`;
};

describe('means over all positions', () => {
  test('with channels first are poolings', async () => {
    const { body } = await runPass(mean(['N', 3, 4, 5], [2, 3], 1), [lowerMeans]);
    expect(body).toEqual(['y = GlobalAveragePool (x)']);
  });

  test('with channels last are products', async () => {
    const { body } = await runPass(mean(['N', 4, 5, 3], [1, 2], 0), [lowerMeans]);
    expect(body.map((line) => line.split(' ')[2])).toEqual(['Reshape', 'MatMul', 'Squeeze']);
  });

  test('of any shape stay what they are', async () => {
    const dims = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(dims, fc.boolean(), fc.integer({ min: 0, max: 1 }), async (sizes, isLast, keepdims) => {
        const rank = sizes.length + 1;
        const axes = Array.from({ length: rank - 2 }, (_, index) => index + (isLast ? 1 : 2));
        const text = mean(['N', ...sizes], axes, keepdims);
        const { graph } = await runPass(text, [lowerMeans]);
        for (const samples of [1, 3]) await expectSameFunction(graphOf(text), graph, { samples });
      }),
      { numRuns: 40 },
    );
  });

  test('over the batch, over channels or over some positions stay', async () => {
    for (const axes of [[0], [0, 2, 3], [1], [3], [1, 2, 3]]) {
      const { findings } = await runPass(mean(['N', 3, 4, 5], axes, 1), [lowerMeans]);
      expect(findings).toEqual([]);
    }
  });
});

import { describe, expect, test } from 'vitest';
import { mergeGates } from '../../passes/merge-gates.js';
import { Tensor } from '../../src/ir/tensor.js';
import type { Profile } from '../../src/runtime/profile/types.js';
import { expectSameFunction, fakeProfile, graphOf, operators, runGraph, runPass } from './support.js';

const costs = { operator: 0 };

/** The second and third units have equal scores. */
const equal = (
  bias = 'float[3] bs = {0.5, 0.25, 0.25}',
  score = 's = Gemm (x, ws, bs)',
) => `g (float[N, 2] x) => (float[N, 3] y)
<
  float[2, 3] ws = {1.0, 2.0, 2.0, 3.0, 4.0, 4.0},
  float[2, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  ${bias}
>
{
  h = Gemm (x, w)
  ${score}
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
}`;

const merged = async (text: string, options = {}) => {
  const result = await runPass(text, [mergeGates], { costs, ...options });
  await expectSameFunction(graphOf(text), result.graph);
  return operators(result.graph).join(' ');
};

describe('units whose scores have equal weights', () => {
  test('are decided by one score', async () => {
    const { graph, findings } = await runPass(equal(), [mergeGates], { costs });
    expect(findings[0]?.what).toContain('3 units decided by 2 scores');
    await expectSameFunction(graphOf(equal()), graph);
    expect(await merged(equal())).toBe('Gemm Gemm Gather Gate');
  });

  test('keep theirs where the biases differ, or cost less than a Gather', async () => {
    expect(await merged(equal('float[3] bs = {0.5, 0.25, 0.75}'))).toBe('Gemm Gemm Gate');
    expect(await merged(equal(), { costs: { operator: 1 } })).toBe('Gemm Gemm Gate');
  });

  test('keep theirs where the bias is not one for each unit', async () => {
    expect(await merged(equal('float[1] bs = {0.5}'))).toBe('Gemm Gemm Gate');
    expect(await merged(equal('float[1, 3] bs = {0.5, 0.25, 0.25}'))).toBe('Gemm Gemm Gate');
  });

  test('keep theirs where the score is read by somebody else', async () => {
    const text = equal().replace('(float[N, 3] y)', '(float[N, 3] y, float[N, 3] s)');
    expect(await merged(text)).toBe('Gemm Gemm Gate');
  });

  test('keep theirs in a depthwise convolution, where they meet other inputs', async () => {
    const text = `g (float[N, 3, 2, 2] x) => (float[N, 3, 2, 2] y)
<
  float[3, 1, 1, 1] w = {1.0, 1.0, 1.0}
>
{
  s = Conv <group: int = 3> (x, w)
  h = Relu (x)
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
}`;
    expect(await merged(text)).toBe('Conv Relu Gate');
  });

  test('are found behind operators that only move scores', async () => {
    const text = equal()
      .replace('(float[N, 3] y)', '(float[N, 3, 1] y)')
      .replace('  y = ai', '  u = Unsqueeze (s, last)\n  k = Unsqueeze (h, last)\n  y = ai')
      .replace('(h, s)', '(k, u)')
      .replace('float[2, 3] w =', 'int64[1] last = {2},\n  float[2, 3] w =');
    expect(await merged(text)).toBe('Gemm Gemm Gather Unsqueeze Unsqueeze Gate');
  });
});

describe('units that fired together', () => {
  /** Pairs in the order (0,1), (0,2), (1,2). */
  const together = (fired: readonly number[], coFiring: number[]): Profile => {
    const profile = fakeProfile({ gate: fired });
    return { ...profile, gates: profile.gates.map((gate) => ({ ...gate, coFiring })) };
  };
  const text = equal('float[3] bs = {0.5, 0.25, 0.75}');
  const notMerged = [{ where: 'gate', done: false, what: 'no two units are known to fire together' }];
  const run = async (profile: Profile, dead: 'proved' | 'observed' = 'observed') =>
    (await runPass(text, [mergeGates], { costs, profile, dead })).findings;

  test('in every event are decided by one score, if observations count', async () => {
    expect((await run(together([40, 30, 40], [20, 40, 20])))[0]?.what).toContain('3 units decided by 2 scores');
    expect(await run(together([40, 30, 40], [20, 40, 20]), 'proved')).toEqual(notMerged);
  });

  test('in most events are not', async () => {
    expect(await run(together([40, 30, 40], [20, 39, 20]))).toEqual(notMerged);
    expect(await run(together([40, 30, 41], [20, 40, 20]))).toEqual(notMerged);
  });

  test('always, or never, share one score each', async () => {
    expect((await run(together([100, 30, 100], [30, 100, 30])))[0]?.what).toContain('3 units decided by 2 scores');
    expect((await run(together([0, 30, 0], [0, 0, 0])))[0]?.what).toContain('3 units decided by 2 scores');
    expect(await run(together([100, 30, 100], [30, 100, 30]), 'proved')).toEqual(notMerged);
  });

  test('always share a score though pairs are not counted', async () => {
    const profile = fakeProfile({ gate: [100, 30, 100] });
    expect((await run(profile))[0]?.what).toContain('3 units decided by 2 scores');
    expect(await run(fakeProfile({ gate: [40, 30, 40] }))).toEqual(notMerged);
  });
});

describe('units that are proved', () => {
  /** Scores of x in [0, 1]: the first and the third unit are on, the second and the fourth off, the others open. */
  const decided = `g (float[N, 1] x) => (float[N, 6] y)
<
  float[1, 6] ws = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[6] bs = {0.5, -4.0, 0.25, -5.0, -1.0, -2.0},
  float[1, 6] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
>
{
  h = Gemm (x, w)
  s = Gemm (x, ws, bs)
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
}`;

  test('always on, or off, share one score each', async () => {
    const { graph, findings, removed } = await runPass(decided, [mergeGates], { costs, inputRange: [0, 1] });
    expect(findings[0]?.what).toContain('6 units decided by 4 scores');
    expect(removed).toEqual([]);
    const feeds = { x: Tensor.floats([3, 1], [0, 0.25, 1]) };
    expect((await runGraph(graph, feeds)).y?.numbers()).toEqual((await runGraph(graphOf(decided), feeds)).y?.numbers());
  });

  test('for no range of the inputs, do not', async () => {
    expect((await runPass(decided, [mergeGates], { costs })).findings[0]?.done).toBe(false);
  });
});

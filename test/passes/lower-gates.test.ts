import { describe, expect, test } from 'vitest';
import { lowerGates } from '../../passes/lower-gates.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const lowered = async (text: string) => {
  const { graph, body } = await runPass(text, [lowerGates]);
  await expectSameFunction(graphOf(text), graph);
  return { body, ops: operators(graph).join(' ') };
};

describe('a gate becomes', () => {
  test('a product with the mask of its score', async () => {
    const text =
      'g (float[N, 2] x, float[N, 2] s) => (float[N, 2] y) { y = ai.swan.Gate <threshold: float = 0.5> (x, s) }';
    expect((await lowered(text)).ops).toBe('GreaterOrEqual Cast Mul');
  });

  test('a comparison of the scores before they are handed to the units of a group', async () => {
    const text = `g (float[N, 4, 2, 2] x, float[N, 2] s) => (float[N, 4, 2, 2] y)
<
  int64[4] groups = {0, 0, 1, 1},
  int64[2] axes = {2, 3}
>
{
  u = Unsqueeze (s, axes)
  each = Gather <axis: int = 1> (u, groups)
  y = ai.swan.Gate (x, each)
}`;
    expect((await lowered(text)).ops).toBe('GreaterOrEqual Cast Unsqueeze Gather Mul');
  });

  test('a mask in its own branch', async () => {
    const text = `g (float[N, 2] x, float[N, 2, 1] s, bool c) => (float[N, 2] y)
<
  int64[1] last = {2}
>
{
  q = Squeeze (s, last)
  y = If <then_branch: graph = on () => (float[N, 2] z)
    {
      z = ai.swan.Gate (x, q)
    }, else_branch: graph = off () => (float[N, 2] w)
    {
      w = Relu (x)
    }> (c)
}`;
    expect((await lowered(text)).ops).toBe('Squeeze If GreaterOrEqual Cast Mul Relu');
  });
});

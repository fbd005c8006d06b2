import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { shareCommonSubexpressions } from '../../passes/share-common-subexpressions.js';
import { expectSameFunction, fakeProfile, graphOf, runPass } from './support.js';

const shared = async (text: string) => {
  const result = await runPass(text, [shareCommonSubexpressions]);
  await expectSameFunction(graphOf(text), result.graph);
  return result.body;
};

describe('equal computations are done once', () => {
  test('with equal constants and attributes', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2] a = {1.0, 2.0},
  float[2] b = {1.0, 2.0}
>
{
  p = Add (x, a)
  q = Add (x, b)
  r = LeakyRelu <alpha: float = 0.5> (p)
  s = LeakyRelu <alpha: float = 0.5> (q)
  y = Mul (r, s)
}`;
    expect(await shared(text)).toEqual(['p = Add (x, a)', 'r = LeakyRelu <alpha: float = 0.5> (p)', 'y = Mul (r, r)']);
  });

  test('but two outputs stay two values', async () => {
    const text = 'g (float[N] x) => (float[N] y, float[N] z) { y = Relu (x)\n z = Relu (x) }';
    expect(await shared(text)).toHaveLength(2);
  });

  test('but not with other attributes, or other constants', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2] a = {0.0, 2.0},
  float[2] b = {-0.0, 2.0}
>
{
  p = Div (x, a)
  q = Div (x, b)
  r = Elu <alpha: float = 0.5> (p)
  s = Elu <alpha: float = 0.25> (q)
  y = Max (r, s)
}`;
    expect(await shared(text)).toHaveLength(5);
  });

  test('but not for infinities of other signs, which JSON does not tell apart', async () => {
    const text = `g (float[3] x) => (float[3] y)
<
  int64[1] shape = {3}
>
{
  low = ConstantOfShape <value: tensor = float[1] {-inf}> (shape)
  high = ConstantOfShape <value: tensor = float[1] {inf}> (shape)
  p = Max (x, low)
  y = Min (p, high)
}`;
    expect(await shared(text)).toHaveLength(4);
  });
});

test('equal biases of two layers do not tie their units together', async () => {
  const text = `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  float[2] b = {0.0, 0.0},
  float[2] bs = {0.5, -9.0},
  float[2, 2] ws = {1.0, 0.0, 1.0, 0.0},
  float[2, 2] w2 = {1.0, -2.0, 3.0, -4.0},
  float[2] b2 = {0.0, 0.0},
  float[2, 1] w3 = {1.0, 2.0}
>
{
  h = Gemm (x, w, b)
  s = Gemm (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  k = Gemm (gated, w2, b2)
  y = Gemm (k, w3)
}`;
  const profile = fakeProfile({ gate: [50, 0] });
  const { removed, graph } = await runPass(text, [shareCommonSubexpressions, removeConstantUnits], { profile });
  expect(removed.map(({ units }) => units)).toEqual([[1]]);
  await expectSameFunction(graphOf(text), graph);
});

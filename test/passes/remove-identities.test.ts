import { describe, expect, test } from 'vitest';
import { removeIdentities } from '../../passes/remove-identities.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

const bodyAfter = async (text: string) => {
  const { graph, body } = await runPass(text, [removeIdentities]);
  await expectSameFunction(graphOf(text), graph);
  return body;
};

describe('operators that change nothing', () => {
  test('go', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<
  float zero = {0.0},
  float[2] one = {1.0, 1.0},
  int64[2] shape = {-1, 2}
>
{
  a = Add (zero, x)
  b = Mul (a, one)
  c = Div (b, one)
  d = Reshape (c, shape)
  e = Transpose <perm: ints = [0, 1]> (d)
  f = Identity (e)
  y = Relu (f)
}`;
    expect(await bodyAfter(text)).toEqual(['y = Relu (x)']);
  });

  test('go when they only matter in training', async () => {
    const text = 'g (float[N] x) => (float[N] y) { a = Dropout (x)\n b, mask = Dropout (a)\n y = Relu (b) }';
    expect(await bodyAfter(text)).toEqual(['y = Relu (x)']);
  });

  test('keep the name of an output', async () => {
    expect(await bodyAfter('g (float[N] x) => (float[N] y) { a = Relu (x)\n y = Identity (a) }')).toEqual([
      'y = Relu (x)',
    ]);
  });

  test('stay between an input and an output', async () => {
    expect(await bodyAfter('g (float[N] x) => (float[N] y) { y = Identity (x) }')).toEqual(['y = Identity (x)']);
  });

  test('stay between two outputs', async () => {
    const text = 'g (float[N] x) => (float[N] y, float[N] z) { y = Relu (x)\n z = Identity (y) }';
    expect(await bodyAfter(text)).toEqual(['y = Relu (x)', 'z = Identity (y)']);
  });

  test('leave two outputs of one value apart', async () => {
    const text = 'g (float[N] x) => (float[N] y, float[N] z) { a = Relu (x)\n y = Identity (a)\n z = Identity (a) }';
    expect(await bodyAfter(text)).toEqual(['y = Relu (x)', 'z = Identity (y)']);
  });
});

test('what changes the shape or the order is no identity', async () => {
  const text = `g (float[N, 1] x) => (float[N, 3] y, float[N, 1] z)
<
  float[3] zero = {0.0, 0.0, 0.0},
  float one = {1.0}
>
{
  y = Add (x, zero)
  z = Div (one, x)
}`;
  expect(await bodyAfter(text)).toHaveLength(2);
});

import { describe, expect, test } from 'vitest';
import { layChannelsLast } from '../../passes/lay-channels-last.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const kernel = 'float[2, 2, 1, 1] w = {1.0, 2.0, -3.0, 0.5}';
const channels = `int64[4] image = {0, 2, 1, 1}, int64[2] hw = {2, 3}`;

async function laid(text: string): Promise<{ ops: string; body: readonly string[] }> {
  const { graph, body } = await runPass(text, [layChannelsLast], { target: webgpu });
  await expectSameFunction(graphOf(text), graph, { samples: 8 });
  return { ops: operators(graph).join(' '), body };
}

describe('channels come last where', () => {
  test('an image is made by a reshape', async () => {
    const text = (made: string): string => `g (float[N, 2] m, float[N, 2, 3, 3] x) => (float[N, 2, 3, 3] y)
<${kernel}, ${channels}>
{
  i = ${made}
  p = Mul (x, i)
  y = Conv (p, w)
}`;
    expect((await laid(text('Unsqueeze (m, hw)'))).ops).toBe('Reshape Transpose Mul Conv');
    expect((await laid(text('Reshape (m, image)'))).ops).toBe('Reshape Transpose Mul Conv');
  });

  test('an image of one channel has them last already', async () => {
    const text = `g (float[N, 3, 3, 1] x) => (float[N, 2, 3, 3] y)
<float[2, 1, 1, 1] w = {1.0, 2.0}, int64[4] image = {0, 1, 3, 3}>
{
  i = Reshape (x, image)
  y = Conv (i, w)
}`;
    expect((await laid(text)).ops).toBe('Transpose Conv');
  });

  test('an image is flattened for weights', async () => {
    const text = (readers: string): string => `g (float[N, 2, 1, 2] x) => (float[N, 3] y)
<${kernel}, float[4, 3] v = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0}, float[3] b = {0.0, 1.0, 2.0}>
{
  i = Conv (x, w)
  f = Flatten (i)
  ${readers}
}`;
    const { ops } = await laid(text('y = Gemm (f, v, b)'));
    expect(ops).toBe('Conv Transpose Reshape Gemm');
    // The weights of two sums would be there twice.
    expect((await laid(text('s = Gemm (f, v, b)\n  t = MatMul (f, v)\n  y = Add (s, t)'))).ops).not.toContain(
      'Transpose',
    );
  });

  test('not if something else reads what was flattened', async () => {
    const text = `g (float[N, 2, 1, 2] x) => (float[N, 4] y)
<${kernel}>
{
  i = Conv (x, w)
  f = Flatten (i)
  y = Softmax (f)
}`;
    expect((await laid(text)).ops).toBe('Conv Flatten Softmax');
  });

  test('branches read and give images', async () => {
    const text = `g (float[N, 2, 3, 3] x, bool c) => (float[N, 2, 3, 3] y)
<${kernel}>
{
  i = Conv (x, w)
  q = If <then_branch: graph = on () => (float[N, 2, 3, 3] z)
    {
      z = If <then_branch: graph = one () => (float[N, 2, 3, 3] t)
        {
          t = Conv (i, w)
        }, else_branch: graph = two () => (float[N, 2, 3, 3] u)
        {
          u = Relu (i)
        }> (c)
    }, else_branch: graph = off () => (float[N, 2, 3, 3] v)
    {
      v = Identity (i)
    }> (c)
  y = Conv (q, w)
}`;
    const { ops, body } = await laid(text);
    // Outside: before and behind the If. In each branch: what it reads and what it gives.
    expect(ops.split(' ').filter((op) => op === 'Transpose')).toHaveLength(2 + 2 + 2 + 2 + 2);
    expect(body.join('\n')).toContain('perm: ints = [0, 2, 3, 1]');
  });
});

test('truth values stay: what they are computed of is turned', async () => {
  const text = `g (float[N, 2] s, float[N, 2, 3, 3] x) => (float[N, 2, 3, 3] y)
<${kernel}, ${channels}, float zero = {0.0}>
{
  i = Unsqueeze (s, hw)
  on = GreaterOrEqual (i, zero)
  p = Where (on, x, zero)
  y = Conv (p, w)
}`;
  const { ops } = await laid(text);
  expect(ops).toBe('Reshape Transpose GreaterOrEqual Where Conv');
});

test('nothing changes without images, or for a target that likes channels first', async () => {
  const text = `g (float[N, 2] m) => (float[N, 2, 1, 1] y)
<${channels}>
{
  y = Unsqueeze (m, hw)
}`;
  expect((await laid(text)).ops).toBe('Unsqueeze');
  const image = text.replace(
    'y = Unsqueeze (m, hw)',
    `i = Unsqueeze (m, hw)\n  y = MaxPool <kernel_shape: ints = [1, 1]> (i)`,
  );
  expect((await laid(image)).ops).toContain('Transpose');
  const { graph } = await runPass(image, [layChannelsLast], { target: cpu });
  expect(operators(graph)).toEqual(['Unsqueeze', 'MaxPool']);
});

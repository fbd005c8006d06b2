import { describe, expect, test } from 'vitest';
import { foldShift } from '../../passes/fold-shift.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const shifted = async (text: string) => {
  const { graph, findings } = await runPass(text, [foldShift]);
  await expectSameFunction(graphOf(text), graph, { samples: 2 });
  return { ops: operators(graph).join(' '), findings };
};

const conv = (
  attributes: string,
  shift = 'float[1] c = {0.5}',
  rest = '  y = Conv ATTRIBUTES (a, w)',
) => `g (float[N, 2, 4, 4] x) => (float[N, 1, h, v] y)
<
  ${shift},
  float[1, 2, 3, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}
>
{
  r = Relu (x)
  a = Add (r, c)
${rest.replaceAll('ATTRIBUTES', attributes)}
}`;

describe('a constant shift', () => {
  test('goes through Gemm into its bias', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2] c = {0.5, -1.0},
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0}
>
{
  r = Relu (x)
  a = Add (r, c)
  y = Gemm <transB: int = 1> (a, w)
}`;
    expect((await shifted(text)).ops).toBe('Relu Gemm Add');
    expect((await shifted(text.replace('(a, w)', '(a, w, c)'))).ops).toBe('Relu Gemm Add');
  });

  test('goes through a convolution without padding, to every reader', async () => {
    expect((await shifted(conv(''))).ops).toBe('Relu Conv Add');
    expect((await shifted(conv('', 'float[2, 1, 1] c = {0.5, -2.0}'))).ops).toBe('Relu Conv Add');
    const two = await shifted(
      conv('', undefined, '  p = Conv (a, w)\n  q = Conv <strides: ints = [1, 1]> (a, w)\n  y = Mul (p, q)'),
    );
    expect(two.ops).toBe('Relu Conv Conv Add Add Mul');
  });

  test('stays before a convolution that pads with zeros', async () => {
    const { ops, findings } = await shifted(conv('<pads: ints = [1, 1, 1, 1]>'));
    expect(ops).toBe('Relu Add Conv');
    expect(findings).toMatchObject([{ done: false, what: expect.stringContaining('pads with zeros') }]);
    expect((await shifted(conv('<auto_pad: string = "SAME_UPPER">'))).ops).toBe('Relu Add Conv');
  });

  test('stays if one reader does not take it', async () => {
    expect((await shifted(conv('', undefined, '  p = Conv (a, w)\n  q = ReduceMax (a)\n  y = Mul (p, q)'))).ops).toBe(
      'Relu Add Conv ReduceMax Mul',
    );
  });

  test('stays if it makes the value larger', async () => {
    const text = `g (float[N, 1] x) => (float[N, 1] y)
<
  float[2] c = {0.5, -1.0},
  float[2, 1] w = {1.0, 2.0}
>
{
  a = Add (x, c)
  y = Gemm (a, w)
}`;
    expect((await shifted(text)).ops).toBe('Add Gemm');
  });

  test('goes where the summed axis is the first one', async () => {
    const text = `g (float[2, 3] x) => (float[3, 2] y)
<
  float c = {0.5},
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0}
>
{
  r = Relu (x)
  a = Add (r, c)
  y = Gemm <transA: int = 1> (a, w)
}`;
    expect((await shifted(text)).ops).toBe('Relu Gemm Add');
  });
});

import { describe, expect, test } from 'vitest';
import { foldAffine } from '../../passes/fold-affine.js';
import { foldConstants } from '../../passes/fold-constants.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const folded = async (text: string, runs = 1) => {
  const passes = Array.from({ length: runs }, () => [foldAffine, foldConstants]).flat();
  const { graph } = await runPass(text, passes);
  await expectSameFunction(graphOf(text), graph);
  return operators(graph).join(' ');
};

const conv = (
  behind: string,
  attributes = '',
  weights = 'float[2, 1, 2, 2] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}',
  channels = 1,
) =>
  `g (float[N, ${channels}, 3, 3] x) => (float[N, 2, h, v] y)
<
  ${weights},
  float[2] s = {2.0, -1.0},
  float[2] v = {1.5, 0.5},
  float[2, 1, 1] c = {3.0, -0.5},
  float[1, 1, 1, 2] columns = {3.0, -0.5},
  float two = {2.0}
>
{
  h = Conv ${attributes} (x, w)
  ${behind}
}`;

describe('scaling and shifting behind a sum of products', () => {
  test.each([
    ['BatchNormalization', 'y = BatchNormalization (h, s, s, v, v)'],
    ['a product with a constant of each channel', 'y = Mul (c, h)'],
    ['a product with one number', 'y = Mul (h, two)'],
    ['a sum', 'y = Add (h, c)'],
    ['a difference', 'y = Sub (h, c)'],
    ['a difference the other way round', 'y = Sub (c, h)'],
    ['a quotient', 'y = Div (h, c)'],
  ])('folds in: %s', async (_, behind) => {
    expect(await folded(conv(behind))).toBe('Conv');
  });

  test('folds into a depthwise convolution, and into a padded one', async () => {
    expect(
      await folded(
        conv('y = BatchNormalization (h, s, s, v, v)', '<group: int = 2, pads: ints = [1, 1, 1, 1]>', undefined, 2),
      ),
    ).toBe('Conv');
  });

  test('folds into a grouped convolution', async () => {
    const weights = 'float[2, 2, 1, 1] w = {1.0, 2.0, 3.0, 4.0}';
    expect(
      await folded(conv('b = BatchNormalization (h, s, s, v, v)\n  y = Mul (b, c)', '<group: int = 2>', weights, 4), 2),
    ).toBe('Conv');
  });

  test('folds one after the other', async () => {
    expect(await folded(conv('b = BatchNormalization (h, s, s, v, v)\n  y = Mul (b, c)'), 2)).toBe('Conv');
  });

  test('folds into Gemm with a bias of one number', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  float[1] b = {0.5},
  float[2] c = {3.0, -0.5}
>
{
  h = Gemm <transB: int = 1> (x, w, b)
  y = Mul (h, c)
}`;
    expect(await folded(text)).toBe('Gemm');
    expect(await folded(text.replace('Mul', 'Add'))).toBe('Gemm');
    // A scaled product is no plain sum.
    expect(await folded(text.replace('transB: int = 1', 'transB: int = 1, alpha: float = 0.5'))).toBe('Gemm Mul');
  });
});

describe('it stays where', () => {
  test('it varies along another axis than that of units', async () => {
    expect(await folded(conv('y = Mul (h, columns)'))).toBe('Conv Mul');
  });

  test('a constant is divided by it', async () => {
    expect(await folded(conv('y = Div (c, h)'))).toBe('Conv Div');
  });

  test('the normalization takes its statistics from the batch', async () => {
    const text = (outputs: string, mode: string) => `g (float[2, 2] x) => (float[2, 2] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  float[2] s = {1.0, 0.5},
  float[2] b = {0.5, 0.0},
  float[2] m = {0.0, 1.0},
  float[2] v = {1.0, 2.0}
>
{
  h = Gemm (x, w)
  ${outputs} = BatchNormalization ${mode} (h, s, b, m, v)
}`;
    const training = '<training_mode: int = 1>';
    expect(await folded(text('y', ''))).toBe('Gemm');
    // ONNX Runtime takes training mode with all the outputs only.
    expect(operators((await runPass(text('y', training), [foldAffine])).graph)).toEqual(['Gemm', 'BatchNormalization']);
    expect(await folded(text('y, rm, rv', training))).toBe('Gemm BatchNormalization');
  });

  test('somebody else reads the sum', async () => {
    expect(await folded(conv('m = Mul (h, c)\n  y = Add (m, h)'))).toBe('Conv Mul Add');
  });

  test('groups of a transposed convolution share the weights of their units', async () => {
    const weights = 'float[4, 1, 1, 1] w = {1.0, 2.0, 3.0, 4.0}';
    const text = conv('y = Mul (h, c)', '<group: int = 2>', weights, 4).replace('= Conv', '= ConvTranspose');
    expect(await folded(text)).toBe('ConvTranspose Mul');
  });

  test('it makes the value larger', async () => {
    const text = `g (float[N, 1] x) => (float[N, 3] y)
<
  float[1, 1] w = {2.0},
  float[3] c = {3.0, -0.5, 1.0}
>
{
  h = Gemm (x, w)
  y = Add (h, c)
}`;
    expect(await folded(text)).toBe('Gemm Add');
  });
});

import { describe, expect, test } from 'vitest';
import { sinkTransposes } from '../../passes/sink-transposes.js';
import { preparation } from '../../src/compiler/forms/pipeline.js';
import { countInferences, expectSameFunction, graphOf, operators, runPass } from './support.js';

const sunk = async (text: string) => {
  const { graph, body } = await runPass(text, [sinkTransposes], { facts: [] });
  await expectSameFunction(graphOf(text), graph);
  const again = await runPass(graph, [sinkTransposes], { facts: [] });
  expect(operators(again.graph)).toEqual(operators(graph));
  return { body, ops: operators(graph).join(' ') };
};

const turned = (
  nodes: string,
  constants = 'float one = {1.0}',
  output = 'float[N, h, v, d] y',
) => `g (float[N, 2, 3, 4] x) => (${output})
<
  ${constants}
>
{
  t = Transpose <perm: ints = [0, 2, 3, 1]> (x)
${nodes}
}`;

describe('a Transpose', () => {
  test('cancels with its inverse', async () => {
    expect((await sunk(turned('  u = Transpose <perm: ints = [0, 3, 1, 2]> (t)\n  y = Relu (u)'))).ops).toBe('Relu');
  });

  test('is merged with another', async () => {
    expect((await sunk(turned('  y = Transpose <perm: ints = [0, 2, 1, 3]> (t)'))).body).toEqual([
      'y = Transpose <perm: ints = [0, 3, 2, 1]> (x)',
    ]);
  });

  test('sinks through element-wise operators, whose constants turn with it', async () => {
    const { ops } = await sunk(
      turned(
        '  a = Mul (t, c)\n  b = Add (t, a)\n  y = Relu (b)',
        'float[4, 2] c = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}',
      ),
    );
    expect(ops.endsWith('Mul Add Relu Transpose')).toBe(true);
  });

  test('sinks through operators with an axis', async () => {
    expect((await sunk(turned('  y = Concat <axis: int = 3> (t, t)'))).body[0]).toBe(
      'y_1 = Concat <axis: int = 1> (x, x)'.replace('y_1', 'transpose'),
    );
    expect((await sunk(turned('  y = Softmax <axis: int = 3> (t)'))).ops).toBe('Softmax Transpose');
  });

  test('goes in a mean over positions', async () => {
    const { ops } = await sunk(
      turned('  y = ReduceMean <keepdims: int = 0> (t, axes)', 'int64[2] axes = {1, 2}', 'float[N, 2] y'),
    );
    expect(ops).toBe('ReduceMean');
  });

  test('is taken into the weights behind a flatten', async () => {
    const weights = Array.from({ length: 24 }, (_, index) => `${index}.5`).join(', ');
    const { ops } = await sunk(
      turned('  f = Flatten (t)\n  y = Gemm (f, w)', `float[24, 1] w = {${weights}}`, 'float[N, 1] y'),
    );
    expect(ops).toBe('Flatten Gemm');
  });

  test('stays before a flatten whose order somebody else sees', async () => {
    expect((await sunk(turned('  y = Flatten (t)', undefined, 'float[N, 24] y'))).ops).toBe('Transpose Flatten');
  });

  test('stays in front of what has no rule', async () => {
    expect((await sunk(turned('  y = LayerNormalization (t, c)', 'float[2] c = {1.0, 2.0}'))).ops).toBe(
      'Transpose LayerNormalization',
    );
  });

  test('of another input with another order is no reason to move', async () => {
    const text = turned('  u = Transpose <perm: ints = [0, 3, 2, 1]> (z)\n  y = Add (t, u)').replace(
      '(float[N, 2, 3, 4] x)',
      '(float[N, 2, 3, 4] x, float[N, 2, 4, 3] z)',
    );
    expect((await sunk(text)).ops).toBe('Transpose Transpose Add');
  });

  test('that moves only axes of size 1 ends as a Reshape', async () => {
    const text =
      'g (float[N, 4, 4, 1] x) => (float[N, 1, 4, 4] y) { t = Transpose <perm: ints = [0, 3, 1, 2]> (x)\n y = Relu (t) }';
    expect((await sunk(text)).ops).toBe('Relu Reshape');
  });

  // Weights for each channel, as squeeze-and-excitation makes them: x · σ(W mean(x)).
  const weighted = (weights: string) => `g (float[N, 2, 4, 4] x) => (float[N, 2, 4, 4] y)
<
  float[2, 2, 1, 1] w = {1.0, 2.0, 3.0, 4.0},
  float[2, 2] v = {1.0, 2.0, 3.0, 4.0},
  int64[2] places = {1, 2},
  int64[4] shape = {0, 1, 1, 2}
>
{
  t = Transpose <perm: ints = [0, 2, 3, 1]> (x)
  m = ReduceMean <keepdims: int = 0> (t, places)
  ${weights}
  p = Mul (t, s)
  y = Transpose <perm: ints = [0, 3, 1, 2]> (p)
}`;

  test('is gone where weights for each channel come from a convolution', async () => {
    const conv = `r = Reshape (m, shape)
  u = Transpose <perm: ints = [0, 3, 1, 2]> (r)
  c = Conv (u, w)
  d = Transpose <perm: ints = [0, 2, 3, 1]> (c)
  s = Sigmoid (d)`;
    expect((await sunk(weighted(conv))).ops).toBe('ReduceMean Reshape Reshape Conv Sigmoid Mul');
  });

  test('is gone where they are given their axes behind a matrix product', async () => {
    expect((await sunk(weighted('c = Gemm (m, v)\n  s = Reshape (c, shape)'))).ops).toBe(
      'ReduceMean Gemm Reshape Reshape Mul',
    );
  });

  test('goes through a Slice, whether it cuts all axes or some', async () => {
    const cut = (starts: string, axes: string) =>
      turned(
        '  y = Slice (t, starts, ends, axes)',
        `int64[${axes.split(',').length}] starts = {${starts}}, int64[${axes.split(',').length}] ends = {${axes
          .split(',')
          .map(() => 9)
          .join(', ')}}, int64[${axes.split(',').length}] axes = {${axes}}`,
      );
    // What is left is one channel, which a Reshape turns as well.
    expect((await sunk(cut('0, 1, 0, 1', '0, 1, 2, 3'))).ops).toBe('Slice Reshape');
    expect((await sunk(cut('1, 0', '2, -1'))).ops).toBe('Slice Transpose');
  });
});

test('convolutions in channels-last layout end without Transposes but at the input and the output', async () => {
  const first = '<perm: ints = [0, 3, 1, 2]>';
  const last = '<perm: ints = [0, 2, 3, 1]>';
  const text = `g (float[N, 4, 4, 2] x) => (float[N, 4, 4, 3] y)
<
  float[3, 2, 1, 1] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 3, 1, 1] v = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0},
  float[3] c = {1.0, 2.0, 3.0},
  float[2, 3] ws = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  int64[2] axes = {1, 2}
>
{
  a = Transpose ${first} (x)
  b = Conv (a, w)
  d = Transpose ${last} (b)
  e = Mul (d, c)
  m = ReduceMean <keepdims: int = 0> (x, axes)
  s = Gemm (m, ws)
  u = Unsqueeze (s, axes)
  g = ai.swan.Gate <axis: int = 3, name: string = "gate"> (e, u)
  h = Transpose ${first} (g)
  i = Conv (h, v)
  j = Transpose ${last} (i)
  y = Add (j, d)
}`;
  const { graph } = await runPass(text, preparation, { facts: [] });
  await expectSameFunction(graphOf(text), graph);
  const transposes = graph.nodes.filter(({ op }) => op === 'Transpose');
  expect(transposes.every((node) => node.inputs[0] === graph.inputs[0] || node.output === graph.outputs[0])).toBe(true);
});

test('a long chain is gone through a fixed number of times', async () => {
  const length = 150;
  const layers = Array.from({ length }, (_, index) => {
    const before = index === 0 ? 'x' : `s${index - 1}`;
    const after = index === length - 1 ? 'y' : `s${index}`;
    return `  a${index} = Transpose <perm: ints = [0, 3, 1, 2]> (${before})
  c${index} = Conv (a${index}, w)
  t${index} = Transpose <perm: ints = [0, 2, 3, 1]> (c${index})
  h${index} = Tanh (t${index})
  ${after} = Add (${index === 0 ? 't0' : before}, h${index})`;
  });
  const text = `g (float[N, 3, 3, 2] x) => (float[N, 3, 3, 2] y)
<float[2, 2, 1, 1] w = {0.5, 0.25, -0.5, 1.0}>
{
${layers.join('\n')}
}`;
  const { result, inferences } = await countInferences('Tanh', () => runPass(text, [sinkTransposes], { facts: [] }));
  expect(operators(result.graph).filter((op) => op === 'Transpose')).toHaveLength(2);
  expect(inferences).toBeLessThan(12 * length);
});

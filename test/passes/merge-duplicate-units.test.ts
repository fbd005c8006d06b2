import { describe, expect, test } from 'vitest';
import { mergeDuplicateUnits } from '../../passes/merge-duplicate-units.js';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

async function merged(text: string) {
  const before = graphOf(text);
  const alone = await runPass(text, [mergeDuplicateUnits]);
  expect(await expectSameFunction(before, alone.graph, { samples: 6 })).toBeGreaterThan(0);
  const result = await runPass(text, [mergeDuplicateUnits, removeConstantUnits]);
  expect(await expectSameFunction(before, result.graph, { samples: 6 })).toBeGreaterThan(0);
  const weights = Object.fromEntries(
    [...alone.graph.constants].map(({ name, constant }) => [name, constant?.numbers().join(' ')]),
  );
  const shapes = Object.fromEntries([...result.graph.constants].map(({ name, shape }) => [name, shape?.join()]));
  return { ...result, weights, shapes, told: alone.findings };
}

/** Nothing is done, and the text stays as it was. */
async function untouched(text: string) {
  const { text: after, findings } = await runPass(text, [mergeDuplicateUnits]);
  expect(findings).toEqual([]);
  expect(after).toBe((await runPass(text, [])).text);
}

/** A hidden layer of three units, the third of which has the weights and the bias of the first. */
const dense = (rest: string, { constants = '', outputs = 'float[N, 2] y', bias = '0.1, 0.2, 0.1' } = {}) =>
  `g (float[N, 2] x) => (${outputs})
<
  float[2, 3] w = {1.0, 2.0, 1.0, 4.0, 5.0, 4.0},
  float[3] b = {${bias}},
  float[3, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5}${constants === '' ? '' : `,\n${constants}`}
>
{
  h = Gemm (x, w, b)
${rest}
}`;

describe('units of a dense layer', () => {
  test('with equal weights and biases merge', async () => {
    const { weights, shapes, told, body } = await merged(dense('  a = Relu (h)\n  y = Gemm (a, w2)'));
    expect(weights.w2).toBe('4 -0.5 2 -2 0 0');
    expect(shapes).toMatchObject({ w: '2,2', b: '2', w2: '2,2' });
    expect(body).toEqual(['h = Gemm (x, w, b)', 'a = Relu (h)', 'y = Gemm (a, w2)']);
    const what = '1 of 3 units hold what others hold: these take their weights over';
    expect(told).toEqual([{ where: 'y', done: true, what }]);
  });

  test('stay where a bias differs, be it by the sign of zero', async () => {
    await untouched(dense('  a = Relu (h)\n  y = Gemm (a, w2)', { bias: '0.1, 0.2, 0.11' }));
    await untouched(dense('  a = Relu (h)\n  y = Gemm (a, w2)', { bias: '0.0, 0.2, -0.0' }));
  });

  test('merge behind equal parameters, and stay behind others', async () => {
    const text = (slope: string) =>
      dense('  a = PRelu (h, slope)\n  y = Gemm (a, w2)', { constants: `  float[3] slope = {${slope}}` });
    expect((await merged(text('0.5, 0.25, 0.5'))).shapes).toMatchObject({ w: '2,2', slope: '2' });
    await untouched(text('0.5, 0.25, 0.125'));
  });

  test('merge with equal parameters of normalization and SG-Blend', async () => {
    const text = (variance: string, gamma: string) =>
      dense(
        `  n = BatchNormalization (h, scale, shift, mean, variance)
  a = ai.swan.SGBlend (n, alpha, beta, gamma)
  y = Gemm (a, w2)`,
        {
          constants: `  float[3] scale = {1.5, 2.0, 1.5},
  float[3] shift = {0.25, 0.0, 0.25},
  float[3] mean = {0.1, 0.0, 0.1},
  float[3] variance = {${variance}},
  float[3] alpha = {0.5, 0.1, 0.5},
  float[3] beta = {1.0, 1.0, 1.0},
  float[3] gamma = {${gamma}}`,
        },
      );
    expect((await merged(text('1.0, 2.0, 1.0', '0.1, 0.2, 0.1'))).shapes).toMatchObject({ w: '2,2', gamma: '2' });
    await untouched(text('1.0, 2.0, 1.5', '0.1, 0.2, 0.1'));
    await untouched(text('1.0, 2.0, 1.0', '0.1, 0.2, 0.3'));
  });

  test('merge one after another', async () => {
    const text = `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 2] w = {1.0, 1.0, 2.0, 2.0},
  float[2, 2] w2 = {1.0, 3.0, 3.0, 1.0},
  float[2, 1] w3 = {1.0, 2.0}
>
{
  h = Gemm (x, w)
  a = Relu (h)
  i = Gemm (a, w2)
  c = Relu (i)
  y = Gemm (c, w3)
}`;
    const { weights, shapes } = await merged(text);
    expect(weights).toMatchObject({ w2: '4 4 0 0', w3: '3 0' });
    expect(shapes).toMatchObject({ w: '2,1', w2: '1,1', w3: '1,1' });
  });

  test('stay where they are part of an output', async () => {
    await untouched(dense('  a = Relu (h)\n  y = Gemm (a, w2)', { outputs: 'float[N, 3] a, float[N, 2] y' }));
  });

  test('follow one that stays for another reason', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y, float[N, 1] first)
<
  float[2, 2] w = {1.0, 1.0, 2.0, 2.0},
  float[2, 2] w2 = {1.0, 2.0, 3.0, 4.0},
  int64[1] zero = {0}
>
{
  h = Gemm (x, w)
  first = Gather <axis: int = 1> (h, zero)
  y = Gemm (h, w2)
}`;
    const { weights, shapes } = await merged(text);
    expect(weights.w2).toBe('4 6 0 0');
    expect(shapes).toMatchObject({ w: '2,1' });
  });

  test('stay where somebody reads them who cannot take another', async () => {
    const { constants } = { constants: '  int64[1] axes = {1}' };
    await untouched(
      dense('  a = Relu (h)\n  m = ReduceMax <keepdims: int = 1> (a, axes)\n  y = Gemm (a, w2)', {
        constants,
        outputs: 'float[N, 1] m, float[N, 2] y',
      }),
    );
  });

  test('stay where none of them could go, being all that there is', async () => {
    const text = `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 1] w = {1.0, 2.0},
  float[2, 1] v = {1.0, 2.0},
  float[2, 1] w2 = {1.0, 2.0}
>
{
  h = Gemm (x, w)
  i = Gemm (x, v)
  both = Concat <axis: int = 1> (h, i)
  y = Gemm (both, w2)
}`;
    await untouched(text);
  });
});

describe('gated units', () => {
  const gated = (scores: string, biases: string) =>
    dense(
      '  s = Gemm (x, ws, bs)\n  a = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)\n  y = Gemm (a, w2)',
      {
        constants: `  float[2, 3] ws = {${scores}},\n  float[3] bs = {${biases}}`,
      },
    );

  test('merge with equal scores', async () => {
    const { shapes, body } = await merged(gated('1.0, 0.5, 1.0, -1.0, 1.0, -1.0', '0.1, 0.2, 0.1'));
    expect(shapes).toMatchObject({ w: '2,2', ws: '2,2', bs: '2', w2: '2,2' });
    expect(body[2]).toContain('units: ints = [0, 1]');
  });

  test('stay with other scores', async () => {
    await untouched(gated('1.0, 0.5, 1.0, -1.0, 1.0, -0.5', '0.1, 0.2, 0.1'));
    await untouched(gated('1.0, 0.5, 1.0, -1.0, 1.0, -1.0', '0.1, 0.2, 0.15'));
  });

  test('merge under one gate for the whole block', async () => {
    const text = dense(
      '  s = Gemm (x, ws)\n  a = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)\n  y = Gemm (a, w2)',
      { constants: '  float[2, 1] ws = {1.0, -1.0}' },
    );
    expect((await merged(text)).shapes).toMatchObject({ w: '2,2', ws: '2,1' });
  });
});

describe('several readers', () => {
  const twice = (second: string, constants = '', outputs = 'float[N, 2] y, float[N, 2] z') =>
    dense(`  a = Relu (h)\n  y = Gemm (a, w2)\n${second}`, { constants, outputs });

  test('with weights of their own each take the units over', async () => {
    const { weights } = await merged(twice('  z = Gemm (a, w3)', '  float[3, 2] w3 = {5.0, 6.0, 7.0, 8.0, 9.0, 10.0}'));
    expect(weights).toMatchObject({ w2: '4 -0.5 2 -2 0 0', w3: '14 16 7 8 0 0' });
  });

  test('of shared weights must agree', async () => {
    const agreeing = await merged(twice('  t = Tanh (h)\n  z = Gemm (t, w2)'));
    expect(agreeing.weights.w2).toBe('4 -0.5 2 -2 0 0');
    const third = '  float[2, 3] v = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}';
    await untouched(twice('  i = Gemm (x, v)\n  z = Gemm (i, w2)', third));
    // Read as rows by one and as columns by the other.
    const square = '  float[2, 2] w4 = {1.0, 2.0, 3.0, 4.0},\n  float[2, 2] e = {1.0, 1.0, 2.0, 2.0}';
    await untouched(
      `g (float[N, 2] x) => (float[N, 2] y, float[N, 2] z)\n<\n${square}\n>\n{
  h = Gemm (x, e)
  y = Gemm (h, w4)
  z = Gemm <transB: int = 1> (h, w4)
}`,
    );
  });

  test('see equal units on both sides of a residual', async () => {
    const residual = (bias: string) =>
      dense('  i = Gemm (x, v, c)\n  t = Tanh (i)\n  sum = Add (h, t)\n  y = Gemm (sum, w2)', {
        constants: `  float[2, 3] v = {-1.0, 0.5, -1.0, 0.25, 0.5, 0.25},\n  float[3] c = {${bias}}`,
      });
    expect((await merged(residual('0.5, 0.5, 0.5'))).shapes).toMatchObject({ w: '2,2', v: '2,2', w2: '2,2' });
    await untouched(residual('0.5, 0.5, 0.75'));
  });

  test('of a unit that is equal in one place alone read it as before', async () => {
    await untouched(
      dense('  y = Gemm (h, w2)\n  n = Mul (h, factor)\n  z = Gemm (n, w3)', {
        constants: '  float[3] factor = {1.0, 2.0, 3.0},\n  float[3, 1] w3 = {1.0, 2.0, 3.0}',
        outputs: 'float[N, 2] y, float[N, 1] z',
      }),
    );
  });
});

/** A convolution of three channels, the third like the first, and what follows it. */
const convolution = (rest: string, constants: string, output: string) => `g (float[N, 1, 4, 4] x) => (${output})
<
  float[3, 1, 2, 2] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0},
  float[3] b = {0.5, 0.25, 0.5},
${constants}
>
{
  h = Conv <pads: ints = [0, 0, 1, 1]> (x, w, b)
  a = Sigmoid (h)
${rest}
}`;

describe('channels', () => {
  test('merge in front of zero padding', async () => {
    const { shapes, weights } = await merged(
      convolution(
        '  y = Conv <pads: ints = [0, 0, 1, 1]> (a, w2)',
        '  float[1, 3, 2, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0}',
        'float[N, 1, 4, 4] y',
      ),
    );
    expect(weights.w2).toBe('10 12 14 16 5 6 7 8 0 0 0 0');
    expect(shapes).toMatchObject({ w: '2,1,2,2', b: '2', w2: '1,2,2,2' });
  });

  test('merge through a flattening, place by place', async () => {
    const rows = Array.from({ length: 48 }, (_, row) => (row + 1).toFixed(1)).join(', ');
    const { shapes } = await merged(
      convolution('  f = Flatten (a)\n  y = Gemm (f, w2)', `  float[48, 1] w2 = {${rows}}`, 'float[N, 1] y'),
    );
    expect(shapes).toMatchObject({ w: '2,1,2,2', w2: '32,1' });
  });

  const depthwise = (kernel: string) =>
    convolution(
      '  d = Conv <group: int = 3> (a, k)\n  p = GlobalAveragePool (d)\n  f = Flatten (p)\n  y = Gemm (f, w2)',
      `  float[3, 1, 1, 2] k = {${kernel}},\n  float[3, 1] w2 = {1.0, 2.0, 3.0}`,
      'float[N, 1] y',
    );

  test('merge through a depthwise convolution with equal kernels', async () => {
    const { shapes } = await merged(depthwise('1.0, 2.0, 3.0, 4.0, 1.0, 2.0'));
    expect(shapes).toMatchObject({ w: '2,1,2,2', k: '2,1,1,2', w2: '2,1' });
    await untouched(depthwise('1.0, 2.0, 3.0, 4.0, 1.0, 2.5'));
  });

  test('of different groups are no duplicates for having equal weights', async () => {
    await untouched(`g (float[N, 4, 2, 2] x) => (float[N, 1, 2, 2] y)
<
  float[4, 2, 1, 1] k = {1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0},
  float[1, 4, 1, 1] w = {1.0, 2.0, 3.0, 4.0}
>
{
  h = Conv <group: int = 2> (x, k)
  y = Conv (h, w)
}`);
  });

  test('merge within both groups of a convolution that makes and one that reads them', async () => {
    const { weights, told } = await merged(`g (float[N, 4, 2, 2] x) => (float[N, 2, 2, 2] y)
<
  float[4, 2, 1, 1] k = {1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0},
  float[2, 2, 1, 1] w = {1.0, 2.0, 3.0, 5.0}
>
{
  h = Conv <group: int = 2> (x, k)
  y = Conv <group: int = 2> (h, w)
}`);
    expect(told).toHaveLength(1);
    expect(weights.w).toBe('3 0 8 0');
  });

  test('of joined layers merge across them', async () => {
    const { shapes } = await merged(`g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  float[2, 2] v = {2.0, 5.0, 4.0, 6.0},
  float[4, 1] w2 = {1.0, 2.0, 3.0, 4.0}
>
{
  h = Gemm (x, w)
  i = Gemm (x, v)
  a = Relu (h)
  b = Relu (i)
  both = Concat <axis: int = 1> (a, b)
  y = Gemm (both, w2)
}`);
    expect(shapes).toMatchObject({ w: '2,2', v: '2,1', w2: '3,1' });
  });
});

test('branches give equal units where both make them equal', async () => {
  const branches = (other: string) => `g (float[N, 2] x, bool c) => (float[N, 1] y)
<
  float[2, 2] w = {1.0, 1.0, 2.0, 2.0},
  float[2, 2] v = {${other}},
  float[2, 1] w2 = {1.0, 2.0}
>
{
  h = If (c) <
    then_branch: graph = yes () => (float[N, 2] p) { p = Gemm (x, w) },
    else_branch: graph = no () => (float[N, 2] q) { q = Gemm (x, v) }
  >
  y = Gemm (h, w2)
}`;
  const text = branches('3.0, 3.0, 4.0, 4.0');
  expect((await runPass(text, [mergeDuplicateUnits])).findings).toHaveLength(1);
  expect((await runPass(branches('3.0, 3.0, 4.0, 5.0'), [mergeDuplicateUnits])).findings).toEqual([]);
});

describe('hidden units of recurrent layers', () => {
  /** Hidden units 0 and 2 of an RNN, with the recurrent weights of unit 2 given. */
  const recurrent = (last: string) => `g (float[3, N, 2] x) => (float[3, N, 1] y)
<
  float[1, 3, 2] w = {0.5, -0.5, 0.25, 0.75, 0.5, -0.5},
  float[1, 3, 3] r = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, ${last}},
  float[3, 1] w2 = {1.0, 2.0, 3.0},
  int64[1] axes = {1}
>
{
  all, last = RNN <hidden_size: int = 3> (x, w, r)
  rows = Squeeze (all, axes)
  y = MatMul (rows, w2)
}`;

  test('merge with equal rows of all weights, in what they see of one another too', async () => {
    const { weights, shapes } = await merged(recurrent('0.1, 0.2, 0.3'));
    expect(shapes).toMatchObject({ w: '1,2,2', r: '1,2,2', w2: '2,1' });
    expect(weights.w2).toBe('4 2 0');
    await untouched(recurrent('0.1, 0.2, 0.4'));
  });
});

import { describe, expect, test } from 'vitest';
import { lowerSgBlend } from '../../passes/lower-sg-blend.js';
import { Tensor } from '../../src/ir/tensor.js';
import type { Target } from '../../src/passkit/target.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, operators, runGraph, runPass } from './support.js';

interface Case {
  readonly gelu?: string;
  readonly blend?: string;
  readonly parameters?: string;
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
  readonly gamma: readonly number[];
}

const list = (values: readonly number[]): string =>
  `{${values.map((value) => (Number.isInteger(value) ? `${value}.0` : value)).join(', ')}}`;

async function lowered(
  { gelu = 'sigmoid', blend = 'sigmoid', alpha, beta, gamma }: Case,
  target: Target = cpu,
): Promise<string> {
  const dims = (values: readonly number[]): string => (values.length === 1 ? '1' : `${values.length}, 1, 1`);
  const text = `g (float[N, 3, 2, 2] x) => (float[N, 3, 2, 2] y)
<
  float[${dims(alpha)}] a = ${list(alpha)},
  float[${dims(beta)}] b = ${list(beta)},
  float[${dims(gamma)}] c = ${list(gamma)}
>
{
  y = ai.swan.SGBlend <gelu: string = "${gelu}", blend: string = "${blend}"> (x, a, b, c)
}`;
  const { graph } = await runPass(text, [lowerSgBlend], { target });
  await expectSameFunction(graphOf(text), graph, { samples: 8 });
  return operators(graph).join(' ');
}

describe('SG-Blend becomes primitive operators', () => {
  for (const gelu of ['sigmoid', 'tanh', 'erf']) {
    for (const blend of ['sigmoid', 'clip']) {
      test(`with GELU by ${gelu} and blend by ${blend}, for one set of parameters and for one a channel`, async () => {
        await lowered({ gelu, blend, alpha: [0.3], beta: [0.7], gamma: [0.2] });
        await lowered({ gelu, blend, alpha: [0.3, -1, 2], beta: [0.7, 1, 1.702], gamma: [0.2, 0, -0.5] });
        await lowered({ gelu, blend, alpha: [0.3], beta: [0.7, 1, 1.702], gamma: [0.2] });
      });

      test(`with GELU by ${gelu} and blend by ${blend}, where one of the two has no part`, async () => {
        const [none, all] = blend === 'clip' ? [-0.5, 1.5] : [-120, 60];
        await lowered({ gelu, blend, alpha: [none], beta: [0.7], gamma: [0.2] });
        await lowered({ gelu, blend, alpha: [all], beta: [0.7], gamma: [0.2] });
        await lowered({ gelu, blend, alpha: [none, all, 0.5], beta: [0.7], gamma: [0.2] });
      });
    }
  }

  test('fewer where parameters allow', async () => {
    const of = (alpha: number, beta: number, gamma: number, blend = 'clip'): Promise<string> =>
      lowered({ blend, alpha: [alpha], beta: [beta], gamma: [gamma] });
    expect(await of(0, 0.5, 0.3)).toBe('Mul Sigmoid Mul');
    expect(await of(1, 0.5, 0.3)).toBe('Mul Sigmoid Mul Add');
    expect(await of(1, 1, 0)).toBe('Sigmoid Mul');
    expect(await of(0.5, 1.702, 0)).toBe('Mul Sigmoid Mul');
    expect(await of(0.5, 1, 0)).toBe('Sigmoid Mul Mul Sigmoid Mul Add Mul');
    expect(await of(0.5, 0.5, 0.3)).toBe('Mul Sigmoid Mul Mul Sigmoid Mul Add Mul Add');
  });
});

test('parameters that are computed at run time take the definition', async () => {
  const text = `g (float[N, 3] x, float[1] a, float[1] b, float[1] c) => (float[N, 3] y)
{
  y = ai.swan.SGBlend (x, a, b, c)
}`;
  const { graph, findings } = await runPass(text, [lowerSgBlend]);
  expect(findings[0]?.what).toBe('SG-Blend lowered as defined');
  await expectSameFunction(graphOf(text), graph);
});

test('parameters that make the value larger keep its shape', async () => {
  const text = `g (float[N, 1] x) => (float[N, 3] y)
<
  float[3] a = {-1.0, -1.0, -1.0},
  float[1] b = {1.0},
  float[1] c = {0.0}
>
{
  y = ai.swan.SGBlend <blend: string = "clip"> (x, a, b, c)
}`;
  const { graph } = await runPass(text, [lowerSgBlend]);
  await expectSameFunction(graphOf(text), graph);
});

test('every blend behind a convolution gives its factor to the weights, not only the first', async () => {
  const text = `g (float[N, 2, 4, 4] x) => (float[N, 2, 4, 4] y)
<
  float[2, 2, 1, 1] w = {1.0, -2.0, 0.5, 3.0},
  float[1] alpha = {0.3}, float[1] beta = {1.2}, float[1] gamma = {0.1}
>
{
  a = Conv (x, w)
  b = ai.swan.SGBlend <blend: string = "sigmoid", gelu: string = "sigmoid"> (a, alpha, beta, gamma)
  c = Conv (b, w)
  d = ai.swan.SGBlend <blend: string = "sigmoid", gelu: string = "sigmoid"> (c, alpha, beta, gamma)
  y = Conv (d, w)
}`;
  const { graph } = await runPass(text, [lowerSgBlend]);
  const first = graph.nodes.map(({ op }) => op).join(' ');
  expect(first.split('Conv Mul Sigmoid Mul Mul Sigmoid Add Mul Add Mul')).toHaveLength(3);
  await expectSameFunction(graphOf(text), graph);
});

describe('for the fewest kernels', () => {
  const few = (parameters: Case): Promise<string> => lowered({ blend: 'clip', ...parameters }, webgpu);

  test('both activations are what the engine fuses', async () => {
    const one = { alpha: [0.25], beta: [1], gamma: [0] };
    expect(await few(one)).toBe('Mul Sigmoid Mul Sigmoid Mul Mul Add Mul');
    expect(await few({ ...one, gelu: 'tanh' })).toBe('Gelu Sigmoid Mul Mul Add Mul');
    expect(await few({ ...one, gelu: 'erf', gamma: [0.3] })).toBe('Gelu Sigmoid Mul Mul Add Add Mul');
    expect(await few({ ...one, alpha: [0.5] })).toBe('Mul Sigmoid Mul Sigmoid Mul Add Mul');
    expect(await few({ ...one, alpha: [0] })).toBe('Mul Sigmoid Mul');
    expect(await few({ ...one, alpha: [1], gamma: [0.3] })).toBe('Sigmoid Mul Add');
    expect(await few({ ...one, beta: [1.702] })).toBe('Mul Sigmoid Mul');
  });

  for (const gelu of ['sigmoid', 'tanh', 'erf']) {
    for (const blend of ['sigmoid', 'clip']) {
      test(`with GELU by ${gelu} and blend by ${blend}, for any parameters`, async () => {
        const [none, all] = blend === 'clip' ? [-0.5, 1.5] : [-120, 60];
        const of = (alpha: readonly number[], beta: readonly number[], gamma: readonly number[]): Promise<string> =>
          few({ gelu, blend, alpha, beta, gamma });
        await of([0.3], [0.7], [0.2]);
        await of([0.3, -1, 2], [0.7, 1, 1.702], [0.2, 0, -0.5]);
        await of([0.3, -1, 2], [0.7], [0.2, 0, -0.5]);
        await of([0.3], [0.7, 1, 1.702], [0.2]);
        await of([all], [0.7, 1, 2], [0.2]);
        await of([none, all, 0.5], [0.7, 0.1, 10], [0.2]);
        // Slopes that nothing can be divided by.
        await of([0.3, -1, 2], [0, 1e-3, -1], [0.2]);
      });
    }
  }
});

test('a factor that takes weights out of the range of float32 is not taken into them', async () => {
  const text = `g (float[N, 1, 1, 1] x) => (float[N, 1, 1, 1] y)
<
  float[1, 1, 1, 1] w = {-3e38},
  float[1] alpha = {-0.2}, float[1] beta = {1.25}, float[1] gamma = {0.9}
>
{
  a = Conv (x, w)
  y = ai.swan.SGBlend <blend: string = "sigmoid", gelu: string = "sigmoid"> (a, alpha, beta, gamma)
}`;
  const { graph } = await runPass(text, [lowerSgBlend]);
  const feeds = { x: Tensor.floats([2, 1, 1, 1], [1, -1]) };
  const [off, on] = (await runGraph(graph, feeds)).y?.numbers() ?? [];
  expect(off).toBeCloseTo(0, 0);
  expect(on).toBeGreaterThan(1e38);
});

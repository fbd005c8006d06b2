import { describe, expect, test } from 'vitest';
import { foldConstants } from '../../passes/fold-constants.js';
import { lowerGates } from '../../passes/lower-gates.js';
import { Tensor } from '../../src/ir/tensor.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, graphOf, operators, runGraph, runPass } from './support.js';

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

  test('a mask of the scores before they are handed to the units of a group', async () => {
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

  test('a row of a constant mask where it is modal', async () => {
    const text = `g (float[N, 3] x, float[N, 2] r) => (float[N, 3] y)
<float[2, 3] masks = {1.0, -1.0, 0.0, -2.0, 0.5, 3.0}>
{
  m = ArgMax <axis: int = 1, keepdims: int = 0> (r)
  s = Gather <axis: int = 0> (masks, m)
  y = ai.swan.Gate <axis: int = 1> (x, s)
}`;
    const { graph } = await runPass(text, [lowerGates, foldConstants]);
    await expectSameFunction(graphOf(text), graph, { samples: 8 });
    expect(operators(graph)).toEqual(['ArgMax', 'Gather', 'Mul']);
    expect(graph.nodes[1]?.input(0).constant?.numbers()).toEqual([1, 0, 1, 0, 1, 1]);
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

  test('a mask of float16 for features of float16', async () => {
    const text =
      'g (float16[N, 2] x, float[N, 2] s) => (float16[N, 2] y) { y = ai.swan.Gate <threshold: float = 0.5> (x, s) }';
    const { graph } = await runPass(text, [lowerGates]);
    const x = new Tensor('float16', [1, 2], Uint16Array.of(0x3c00, 0x4000));
    const { y } = await runGraph(graph, { x, s: Tensor.floats([1, 2], [0.25, 0.5]) });
    expect([y?.type, y?.data]).toEqual(['float16', Uint16Array.of(0, 0x4000)]);
  });

  test.each(['float16', 'float64'] as const)('a comparison of a %s score with the threshold as it is', async (type) => {
    const element = type === 'float64' ? 'double' : type;
    // 0.1 as float32 is above 0.1 as float16 and as double.
    const text = `g (float[N, 2] x, ${element}[N, 2] s) => (float[N, 2] y) { y = ai.swan.Gate <threshold: float = 0.1> (x, s) }`;
    const s =
      type === 'float64'
        ? new Tensor('float64', [1, 2], Float64Array.of(0.1, 0.100000002))
        : new Tensor('float16', [1, 2], Uint16Array.of(0x2e66, 0x2e67));
    const { graph } = await runPass(text, [lowerGates]);
    for (const form of [graphOf(text), graph]) {
      expect((await runGraph(form, { x: Tensor.floats([1, 2], [1, 2]), s })).y?.numbers()).toEqual([0, 2]);
    }
  });
});

describe('for the fewest kernels, a gate becomes', () => {
  const few = async (text: string): Promise<string> => {
    const { graph } = await runPass(text, [lowerGates, foldConstants], { target: webgpu });
    await expectSameFunction(graphOf(text), graph, { samples: 8 });
    return operators(graph).join(' ');
  };

  test('a selection of rows, compared behind what moves the score', async () => {
    const text = `g (float[N, 4] x, float[N, 2] s) => (float[N, 4] y)
<int64[4] groups = {0, 0, 1, 1}>
{
  each = Gather <axis: int = 1> (s, groups)
  y = ai.swan.Gate (x, each)
}`;
    expect(await few(text)).toBe('Gather GreaterOrEqual Where');
  });

  test('a mask of images, and of modes', async () => {
    expect(
      await few('g (float[N, 2, 3, 3] x, float[N, 2, 1, 1] s) => (float[N, 2, 3, 3] y) { y = ai.swan.Gate (x, s) }'),
    ).toBe('GreaterOrEqual Cast Mul');
    const modal = `g (float[N, 3] x, float[N, 2] r) => (float[N, 3] y)
<float[2, 3] masks = {1.0, -1.0, 0.0, -2.0, 0.5, 3.0}>
{
  m = ArgMax <axis: int = 1, keepdims: int = 0> (r)
  s = Gather <axis: int = 0> (masks, m)
  y = ai.swan.Gate <axis: int = 1> (x, s)
}`;
    expect(await few(modal)).toBe('ArgMax Gather Mul');
  });
});

import { describe, expect, test } from 'vitest';
import { recognizeGates } from '../../passes/recognize-gates.js';
import { Tensor } from '../../src/ir/tensor.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { expectSameFunction, graphOf, operators, runGraph, runPass } from './support.js';

const hand = (nodes: string, inputs = 'float[N, 3] x, float[N, 3] s') => `g (${inputs}) => (float[N, 3] y)
<
  float t = {0.5},
  float zero = {0.0},
  float one = {1.0}
>
{
${nodes}
}`;

async function recognized(text: string) {
  const { graph, body } = await runPass(text, [recognizeGates], { facts: [] });
  await expectSameFunction(graphOf(text), graph, { samples: 16 });
  return {
    graph,
    body,
    gates: gatesOf(graph).map(({ name, axis, units, threshold }) => ({ name, axis, units, threshold })),
  };
}

const above = 0.5000000596046448;

describe('a gate written by hand is recognised', () => {
  test.each([
    ['a product with the mask', 'c = GreaterOrEqual (s, t)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)', 0.5],
    ['the mask first', 'c = GreaterOrEqual (s, t)\n  m = Cast <to: int = 1> (c)\n  y = Mul (m, x)', 0.5],
    [
      'the comparison the other way round',
      'c = LessOrEqual (t, s)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)',
      0.5,
    ],
    ['a strict comparison', 'c = Greater (s, t)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)', above],
    [
      'a strict comparison the other way round',
      'c = Less (t, s)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)',
      above,
    ],
    ['negated', 'c = Less (s, t)\n  n = Not (c)\n  m = Cast <to: int = 1> (n)\n  y = Mul (x, m)', 0.5],
    [
      'negated, not strict',
      'c = LessOrEqual (s, t)\n  n = Not (c)\n  m = Cast <to: int = 1> (n)\n  y = Mul (x, m)',
      above,
    ],
    [
      'negated and the other way round',
      'c = Greater (t, s)\n  n = Not (c)\n  m = Cast <to: int = 1> (n)\n  y = Mul (x, m)',
      0.5,
    ],
    ['Where of 1 and 0', 'c = GreaterOrEqual (s, t)\n  m = Where (c, one, zero)\n  y = Mul (x, m)', 0.5],
    ['Where of 0 and 1', 'c = Less (s, t)\n  m = Where (c, zero, one)\n  y = Mul (x, m)', 0.5],
    ['Where of the features', 'c = GreaterOrEqual (s, t)\n  y = Where (c, x, zero)', 0.5],
    ['Where of zero first', 'c = Less (s, t)\n  y = Where (c, zero, x)', 0.5],
    ['the sigmoid of a score', 'p = Sigmoid (s)\n  c = GreaterOrEqual (p, t)\n  y = Where (c, x, zero)', 0],
  ])('%s', async (_, nodes, threshold) => {
    const { gates, body } = await recognized(hand(nodes));
    expect(gates).toEqual([{ name: 'y', axis: 1, units: 3, threshold }]);
    expect(body).toHaveLength(1);
  });

  test.each([
    ['the tanh of a score', 'p = Tanh (s)\n  c = GreaterOrEqual (p, t)\n  y = Where (c, x, zero)', Math.atanh(0.5)],
    [
      'the hard sigmoid of a score',
      'p = HardSigmoid <alpha: float = 0.25, beta: float = 0.25> (s)\n  c = GreaterOrEqual (p, t)\n  y = Where (c, x, zero)',
      1,
    ],
    ['one of another', 'q = Tanh (s)\n  p = Sigmoid (q)\n  c = GreaterOrEqual (p, t)\n  y = Where (c, x, zero)', 0],
    [
      'a mask of whole numbers',
      'c = GreaterOrEqual (s, t)\n  i = Cast <to: int = 7> (c)\n  m = Cast <to: int = 1> (i)\n  y = Mul (x, m)',
      0.5,
    ],
    ['a sigmoid that is rounded', 'p = Sigmoid (s)\n  m = Round (p)\n  y = Mul (x, m)', 2.384185791015625e-7],
    ['a positive sign', 'p = Sign (s)\n  m = Relu (p)\n  y = Mul (x, m)', 1.401298464324817e-45],
  ])('%s', async (_, nodes, threshold) => {
    const { gates, body } = await recognized(hand(nodes));
    expect(gates).toEqual([{ name: 'y', axis: 1, units: 3, threshold: Math.fround(threshold) }]);
    expect(body).toHaveLength(1);
  });

  /** Rows of scores that gate the channels of an image. */
  const image = (nodes: string) =>
    hand(nodes, 'float[N, 3, 2, 2] x, float[N, 3] s')
      .replace('float[N, 3] y', 'float[N, 3, 2, 2] y')
      .replace('float t', 'int64[2] spatial = {2, 3},\n  int64[4] shape = {0, 3, 1, 1},\n  float t');

  test.each([
    [
      'a mask',
      'c = GreaterOrEqual (s, t)\n  m = Cast <to: int = 1> (c)\n  u = Unsqueeze (m, spatial)\n  y = Mul (x, u)',
      0.5,
    ],
    ['a truth value', 'c = GreaterOrEqual (s, t)\n  u = Reshape (c, shape)\n  y = Where (u, x, zero)', 0.5],
    [
      'a negated one',
      'c = Less (s, t)\n  u = Unsqueeze (c, spatial)\n  n = Not (u)\n  m = Cast <to: int = 1> (n)\n  y = Mul (x, m)',
      0.5,
    ],
    [
      'a sigmoid',
      'p = Sigmoid (s)\n  u = Unsqueeze (p, spatial)\n  c = GreaterOrEqual (u, t)\n  y = Where (c, x, zero)',
      0,
    ],
    [
      'a sigmoid and its mask',
      'p = Sigmoid (s)\n  u = Reshape (p, shape)\n  c = GreaterOrEqual (u, t)\n  m = Cast <to: int = 1> (c)\n  v = Reshape (m, shape)\n  y = Mul (x, v)',
      0,
    ],
  ])('whose elements are moved behind %s', async (_, nodes, threshold) => {
    const { graph, gates } = await recognized(image(nodes));
    expect(gates).toEqual([{ name: 'y', axis: 1, units: 3, threshold }]);
    const left = operators(graph);
    expect(left.filter((op) => ['Sigmoid', 'Cast', 'Where', 'Mul', 'Not'].includes(op))).toEqual([]);
  });

  test('with a score that is only stretched by its threshold', async () => {
    const stretched = 'c = GreaterOrEqual (s, many)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)';
    const text = hand(stretched, 'float[N, 3] x, float[N, 1] s').replace(
      'float t',
      'float[3] many = {0.5, 0.5, 0.5},\n  float t',
    );
    expect((await recognized(text)).gates).toMatchObject([{ units: 1, threshold: 0.5 }]);
    const turned = stretched.replace('y = Mul (x, m)', 'u = Transpose <perm: ints = [0, 1]> (m)\n  y = Mul (x, u)');
    expect((await recognized(text.replace(stretched, turned))).gates).toEqual([]);
  });

  test('exactly: a strict comparison lets nothing through at the threshold, and the next float32 above', async () => {
    for (const [constant, scores] of [
      ['0.5', [0.5, above, 0.49999997]],
      ['0.0', [0, 1.401298464324817e-45, -1.401298464324817e-45]],
      ['-1.0', [-1, -0.99999994, -1.0000001]],
    ] as const) {
      const text = hand('c = Greater (s, t)\n  y = Where (c, x, zero)').replace('{0.5}', `{${constant}}`);
      const { graph } = await runPass(text, [recognizeGates]);
      const feeds = { x: Tensor.floats([1, 3], [1, 1, 1]), s: Tensor.floats([1, 3], scores) };
      expect((await runGraph(graph, feeds)).y?.numbers()).toEqual([0, 1, 0]);
      expect((await runGraph(graphOf(text), feeds)).y?.numbers()).toEqual([0, 1, 0]);
    }
  });

  test('for a whole block, and for each channel of an image', async () => {
    const gate = 'c = GreaterOrEqual (s, t)\n  y = Where (c, x, zero)';
    const shape = 'float[N, 3, 2, 2] x, float[N, 1, 1, 1] s';
    const text = hand(gate, shape).replace('float[N, 3] y', 'float[N, 3, 2, 2] y');
    expect((await recognized(text)).gates).toMatchObject([{ axis: 1, units: 1 }]);
    expect((await recognized(text.replace('[N, 1, 1, 1] s', '[N, 3, 1, 1] s'))).gates).toMatchObject([
      { axis: 1, units: 3 },
    ]);
    expect((await recognized(text.replace('[N, 1, 1, 1] s', '[N, 1, 1, 2] s'))).gates).toMatchObject([
      { axis: 3, units: 2 },
    ]);
  });
});

describe('no gate is', () => {
  test.each([
    ['a product with the opposite mask', 'c = Less (s, t)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)'],
    ['a choice of something else than zero', 'c = GreaterOrEqual (s, t)\n  y = Where (c, x, one)'],
    ['the mask itself', 'c = GreaterOrEqual (s, t)\n  m = Cast <to: int = 1> (c)\n  y = Add (x, m)'],
    ['a comparison of two scores', 'c = GreaterOrEqual (s, x)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)'],
  ])('%s', async (_, nodes) => {
    expect((await recognized(hand(nodes))).gates).toEqual([]);
  });

  test.each([
    ['comparison', 'c = my.ops.GreaterOrEqual (s, t)\n  y = Where (c, x, zero)'],
    ['Not', 'c = Less (s, t)\n  n = my.ops.Not (c)\n  y = Where (n, x, zero)'],
    ['Cast', 'c = GreaterOrEqual (s, t)\n  m = my.ops.Cast <to: int = 1> (c)\n  y = Mul (x, m)'],
    ['Where of 1 and 0', 'c = GreaterOrEqual (s, t)\n  m = my.ops.Where (c, one, zero)\n  y = Mul (x, m)'],
    ['Where of the features', 'c = GreaterOrEqual (s, t)\n  y = my.ops.Where (c, x, zero)'],
    ['product', 'c = GreaterOrEqual (s, t)\n  m = Cast <to: int = 1> (c)\n  y = my.ops.Mul (x, m)'],
  ])('one with a %s of another domain', async (_, nodes) => {
    const { graph } = await runPass(hand(nodes), [recognizeGates], { facts: [] });
    expect(gatesOf(graph)).toEqual([]);
  });

  test('the sigmoid of another domain, which is the score itself', async () => {
    const text = hand('p = my.ops.Sigmoid (s)\n  c = GreaterOrEqual (p, t)\n  y = Where (c, x, zero)').replace(
      'float one = {1.0}',
      'float one = {1.0},\n  float[N, 3] p',
    );
    const { graph } = await runPass(text, [recognizeGates], { facts: [] });
    const [gate] = gatesOf(graph);
    expect([gate?.node.input(1).name, gate?.threshold]).toEqual(['p', 0.5]);
  });

  test('a mask that makes the features larger', async () => {
    const text = hand(
      'c = GreaterOrEqual (s, t)\n  m = Cast <to: int = 1> (c)\n  y = Mul (x, m)',
      'float[N, 1] x, float[N, 3] s',
    );
    expect((await recognized(text)).gates).toEqual([]);
  });
});

test('gates get names of their own; those that have one keep it', async () => {
  const text = `g (float[N, 3] x) => (float[N, 3] y)
{
  a = ai.swan.Gate <name: string = "layer"> (x, x)
  b = ai.swan.Gate (a, x)  # @layer
  y = ai.swan.Gate (b, x)  # @layer
}`;
  expect((await recognized(text)).gates.map(({ name }) => name)).toEqual(['layer', 'layer#2', 'layer#3']);
});

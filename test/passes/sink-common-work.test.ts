import { describe, expect, test } from 'vitest';
import { selectShortBranches } from '../../passes/select-short-branches.js';
import { sinkCommonWork } from '../../passes/sink-common-work.js';
import { expectSameFunction, graphOf, operators, type RunOptions, runPass } from './support.js';

async function sunk(text: string, options: RunOptions = {}, passes = [sinkCommonWork]) {
  const result = await runPass(text, passes, options);
  for (let seed = 1; seed <= 4; seed++) await expectSameFunction(graphOf(text), result.graph, { seed });
  return { ...result, ops: operators(result.graph).join(' ') };
}

const choice = (yes: string, no: string, constants = '') => `g (float[N, 2] x, float[N, 2] v, bool c) => (float[N, 2] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0}${constants}
>
{
  a = Neg (x)
  b = Abs (x)
  y = If <then_branch: graph = on () => (float[N, 2] z)
    <float[2, 2] u = {1.0, 0.5, -1.0, 2.0}>
    {
      ${yes}
    }, else_branch: graph = off () => (float[N, 2] q)
    <float[2, 2] r = {1.0, 0.5, -1.0, 2.0}>
    {
      ${no}
    }> (c)
}`;

/** A target on which an If is dear. */
const dear: RunOptions = { costs: { branch: 100 } };

describe('a sum of products with the same weights in both branches', () => {
  test('moves behind, with what follows it', async () => {
    const { ops, findings } = await sunk(
      choice('p = Tanh (a)\n m = Gemm (p, w)\n z = Relu (m)', 'p2 = Sigmoid (b)\n m2 = Gemm (p2, w)\n q = Relu (m2)'),
    );
    expect(ops).toBe('Neg Abs If Tanh Sigmoid Gemm Relu');
    expect(findings[0]?.what).toBe('2 operators that both branches end with moved behind the If');
  });

  test('holds weights once that both branches had', async () => {
    const { graph, ops } = await sunk(choice('z = MatMul (a, u)', 'q = MatMul (b, r)').replaceAll('MatMul', 'Gemm'));
    expect(ops).toBe('Neg Abs If Identity Identity Gemm');
    expect([...graph.constants].length).toBe(1);
  });

  test('stays with other weights, and with another bias', async () => {
    expect((await sunk(choice('z = Gemm (a, w)', 'q = Gemm (b, r)'))).ops).toBe('Neg Abs If Gemm Gemm');
    const biases = ',\n  float[2] k = {1.0, 2.0},\n  float[2] l = {1.0, 3.0}';
    expect((await sunk(choice('z = Gemm (a, w, k)', 'q = Gemm (b, w, l)', biases))).ops).toBe('Neg Abs If Gemm Gemm');
  });

  test('stays where something else reads its result in a branch', async () => {
    const yes = 'p = Tanh (a)\n m = Gemm (p, w)\n z = Mul (m, m)';
    const no = 'm2 = Gemm (b, w)\n k2 = Neg (m2)\n q = Mul (m2, k2)';
    expect((await sunk(choice(yes, no))).ops).toBe('Neg Abs If Tanh Gemm Mul Gemm Neg Mul');
  });
});

describe('what saves nothing behind the If', () => {
  test('stays', async () => {
    const { ops, findings } = await sunk(choice('z = Tanh (a)', 'q = Tanh (b)'));
    expect(ops).toBe('Neg Abs If Tanh Tanh');
    expect(findings).toEqual([
      {
        where: 'y',
        done: false,
        what: "nothing moved behind 'y': what its branches end with costs as much behind it",
      },
    ]);
  });

  test('moves where nothing is left in the branches and an If is dear', async () => {
    const text = choice('p = Tanh (a)\n z = Mul (p, v)', 'p2 = Tanh (b)\n q = Mul (p2, v)');
    expect((await sunk(text, dear)).ops).toBe('Neg Abs If Identity Identity Tanh Mul');
    expect((await sunk(text, dear, [sinkCommonWork, selectShortBranches])).ops).toBe('Neg Abs Where Tanh Mul');
  });

  test('keeps an input that is by chance the one that differs', async () => {
    const text = choice('z = Sub (a, a)', 'q = Sub (b, a)');
    expect((await sunk(text, dear)).body).toContain('y = Sub (z_1, a)');
    expect((await sunk(choice('z = Mul (a, a)', 'q = Mul (b, b)'), dear)).body).toContain('y = Mul (z_1, z_1)');
  });

  test('keeps the place of the input that differs, and stays if several do', async () => {
    expect((await sunk(choice('z = Sub (v, a)', 'q = Sub (v, b)'), dear)).body).toContain('y = Sub (v, z_1)');
    expect((await sunk(choice('z = Sub (a, b)', 'q = Sub (b, a)'), dear)).ops).toBe('Neg Abs If Sub Sub');
  });

  test('stays if the branches end differently, or on values of different shapes', async () => {
    expect((await sunk(choice('z = Tanh (a)', 'q = Relu (b)'), dear)).ops).toBe('Neg Abs If Tanh Relu');
    const short = ',\n  float[1, 2] k = {1.0, 2.0}';
    const { ops } = await sunk(choice('z = Add (a, x)', 'o = Neg (k)\n q = Add (o, x)', short), dear);
    expect(ops).toBe('Neg If Add Neg Add');
  });
});

test('each output of an If is looked at by itself', async () => {
  const text = `g (float[N, 2] x, bool c) => (float[N, 2] y, float[N, 2] o)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0}
>
{
  y, o = If <then_branch: graph = on () => (float[N, 2] z, float[N, 2] s)
    {
      a = Tanh (x)
      z = Gemm (a, w)
      s = Neg (x)
    }, else_branch: graph = off () => (float[N, 2] q, float[N, 2] t)
    {
      b = Sigmoid (x)
      q = Gemm (b, w)
      t = Relu (x)
    }> (c)
}`;
  const { ops, graph } = await sunk(text);
  expect(ops).toBe('If Tanh Neg Sigmoid Relu Gemm');
  expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'o']);
});

import { describe, expect, test } from 'vitest';
import { decideBranches } from '../../passes/decide-branches.js';
import { mergeBranches } from '../../passes/merge-branches.js';
import { recognizeGates } from '../../passes/recognize-gates.js';
import { removeAlwaysOnGates } from '../../passes/remove-always-on-gates.js';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeIdentities } from '../../passes/remove-identities.js';
import { scoreGraph } from '../../src/compiler/gates/score-graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { conditionsOf } from '../../src/passkit/conditions.js';
import { at } from '../../src/support/assert.js';
import { expectSameFunction, fakeProfile, graphOf, operators, type RunOptions, runGraph, runPass } from './support.js';

const choice = (condition: string) => `g (float[N, 2] x) => (float[N, 2] y)
<
  float k = {1.5},
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  int64[2] all = {0, 1}
>
{
  p = Sigmoid (x)
  ${condition}
  z = MatMul (x, w)
  y = If <then_branch: graph = on () => (float[N, 2] a)
    {
      a = Relu (z)
    }, else_branch: graph = off () => (float[N, 2] b)
    {
      b = Neg (x)
    }> (c)  # @block
}`;

const decided = (text: string, options: RunOptions = {}) => runPass(text, [decideBranches, mergeBranches], options);

const most = 's = ReduceMax <keepdims: int = 0> (p, all)';

describe('an If whose condition is proved', () => {
  test.each([
    ['holds', 'c = Less (s, k)', ['Sigmoid', 'ReduceMax', 'Less', 'MatMul', 'Relu'], 'on'],
    ['fails', 'c = GreaterOrEqual (s, k)', ['Neg'], 'off'],
    ['is the contrary', 'd = GreaterOrEqual (s, k)\n  c = Not (d)', ['MatMul', 'Relu'], 'on'],
    ['is logic', 'd = Less (s, k)\n  e = Greater (s, k)\n  f = Or (d, e)\n  c = And (f, d)', ['MatMul', 'Relu'], 'on'],
    ['is a cast', 'n = Less (k, s)\n  i = Cast <to: int = 6> (n)\n  c = Cast <to: int = 9> (i)', ['Neg'], 'off'],
  ])('becomes the branch that runs where it %s', async (_, condition, left, reason) => {
    const text = choice(`${most}\n  ${condition}`);
    const { graph, removed, findings } = await decided(text);
    expect(operators(graph)).toEqual(left.slice(-2));
    expect(removed).toEqual([{ gate: 'block condition', units: [0], basis: 'proved', reason }]);
    expect(findings[0]?.what).toMatch(/branch alone \(proved\)/);
    await expectSameFunction(graphOf(text), graph);
  });

  test('needs the range of the inputs where these decide', async () => {
    const text = choice('t = ReduceMax <keepdims: int = 0> (x, all)\n  c = Less (t, k)');
    expect((await decided(text)).findings[0]?.what).toMatch(/both branches stay/);
    expect((await decided(text, { inputRange: [0, 1] })).removed).toMatchObject([{ basis: 'proved', reason: 'on' }]);
  });

  test('goes from a nested graph, too', async () => {
    const text = `g (float[N, 2] x, bool c) => (float[N, 2] y)
<
  float k = {1.5},
  int64[2] all = {0, 1}
>
{
  p = Sigmoid (x)
  y = If <then_branch: graph = on () => (float[N, 2] a)
    {
      s = ReduceMax <keepdims: int = 0> (p, all)
      d = Less (s, k)
      a = If <then_branch: graph = inner () => (float[N, 2] e)
        {
          e = Abs (x)
        }, else_branch: graph = other () => (float[N, 2] f)
        {
          f = Neg (x)
        }> (d)
    }, else_branch: graph = off () => (float[N, 2] b)
    {
      b = Exp (x)
    }> (c)
}`;
    const { graph, removed } = await decided(text);
    expect(operators(graph)).toEqual(['If', 'Abs', 'Exp']);
    expect(removed).toEqual([]);
    await expectSameFunction(graphOf(text), graph);
  });
});

describe('an If whose condition was the same in every run', () => {
  const text = choice('t = ReduceMax <keepdims: int = 0> (x, all)\n  c = Less (t, k)');

  test('becomes that branch, if observations count', async () => {
    const off = fakeProfile({ 'block condition': [0] });
    const { graph, removed, findings } = await decided(text, { profile: off });
    expect(operators(graph)).toEqual(['Neg']);
    expect(removed).toEqual([{ gate: 'block condition', units: [0], basis: 'observed', reason: 'off' }]);
    expect(findings[0]?.what).toBe('takes the else branch alone (observed; the other with p <= 0.030 at 95 %)');
    expect((await decided(text, { profile: off, dead: 'proved' })).removed).toEqual([]);
    const on = await decided(text, { profile: fakeProfile({ 'block condition': [100] }) });
    expect(operators(on.graph)).toEqual(['MatMul', 'Relu']);
  });

  test('stays where it was both, and without a run', async () => {
    expect((await decided(text, { profile: fakeProfile({ 'block condition': [99] }) })).removed).toEqual([]);
    expect((await decided(text, { profile: fakeProfile({ 'block condition': [0] }, 0) })).removed).toEqual([]);
    expect((await decided(text, { profile: fakeProfile({}) })).removed).toEqual([]);
  });
});

describe('conditions', () => {
  const two = `g (float[N, 2] x, bool c, bool d) => (float[N, 2] y, float[N, 2] z)
{
  y = If <then_branch: graph = one () => (float[N, 2] a)
    {
      a = Relu (x)
    }, else_branch: graph = two () => (float[N, 2] b)
    {
      b = Neg (x)
    }> (c)  # @block
  z = If <then_branch: graph = three () => (float[N, 2] e)
    {
      e = Abs (x)
    }, else_branch: graph = four () => (float[N, 2] f)
    {
      f = Exp (x)
    }> (d)  # @block
}`;

  test('of the same layer have names that stay when one of them goes', () => {
    const graph = graphOf(two);
    expect(conditionsOf(graph).map(({ name }) => name)).toEqual(['block condition (y)', 'block condition (z)']);
    const truth = graph.addConstant('truth', new Tensor('bool', [], Uint8Array.of(1)));
    graph.setInput(at(graph.nodes, 0), 0, truth);
    expect(conditionsOf(graph).map(({ name }) => name)).toEqual(['block condition']);
  });

  test('are computed as scores of one event for the whole batch', async () => {
    const scores = scoreGraph(graphOf(choice('t = ReduceMax <keepdims: int = 0> (x, all)\n  c = Less (t, k)')));
    expect(scores?.scores.map(({ gate }) => gate)).toEqual([
      { name: 'block condition', units: 1, sourceUnits: [0], threshold: 0.5, isForBatch: true },
    ]);
    const run = async (...x: number[]) => {
      const results = scores && (await runGraph(scores.graph, { x: Tensor.floats([x.length / 2, 2], x) }));
      return Object.values(results ?? {}).map((result) => [result.dims, result.numbers()]);
    };
    expect(await run(0, 1, 1, 1)).toEqual([[[1, 1], [1]]]);
    expect(await run(0, 2, 1, 1)).toEqual([[[1, 1], [0]]]);
  });
});

/** A residual branch behind a gate of one unit for all of it. */
const block = (gate: string) => `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2, 3] w1 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[2, 1] ws = {0.0, 0.0},
  float[1] high = {3.0},
  float[1] low = {-3.0},
  float zero = {0.0}
>
{
  h = MatMul (x, w1)
  r = Relu (h)
  f = MatMul (r, w2)
  m = MatMul (x, ws)
  ${gate}
  y = Add (x, g)
}`;

const written = (limit: string) => [
  `s = Add (m, ${limit})\n  g = ai.swan.Gate (f, s)`,
  `s = Add (m, ${limit})\n  b = GreaterOrEqual (s, zero)\n  c = Cast <to: int = 1> (b)\n  g = Mul (f, c)`,
];

describe('a gate of a whole block, also written as a product with a comparison', () => {
  test.each(written('high'))('that always fires goes', async (gate) => {
    const { graph, removed } = await runPass(block(gate), [recognizeGates, removeAlwaysOnGates]);
    expect(removed).toMatchObject([{ units: [0], basis: 'proved', reason: 'on' }]);
    expect(operators(graph)).toEqual(['MatMul', 'Relu', 'MatMul', 'Add']);
    await expectSameFunction(graphOf(block(gate)), graph);
  });

  test.each(written('low'))('that never fires goes with its branch', async (gate) => {
    const { graph, removed } = await runPass(block(gate), [recognizeGates, removeConstantUnits, removeIdentities]);
    expect(removed).toMatchObject([{ units: [0], basis: 'proved', reason: 'off' }]);
    expect(operators(graph).filter((op) => op === 'MatMul' || op === 'Relu')).toEqual([]);
    await expectSameFunction(graphOf(block(gate)), graph);
  });
});

test('constants that are no numbers prove nothing', async () => {
  const text = `g (float[1, 2, 2] x) => (float[1, 2, 2] y)
<
  float[1, 2, 1] k = {nan, 5.0},
  float[2] m = {1.0, 2.0},
  int64[3] all = {0, 1, 2}
>
{
  z = Mul (x, m)
  l = Less (z, k)
  i = Cast <to: int = 1> (l)
  s = ReduceMax <keepdims: int = 0> (i, all)
  c = Cast <to: int = 9> (s)
  y = If <then_branch: graph = on () => (float[1, 2, 2] a)
    {
      a = Relu (x)
    }, else_branch: graph = off () => (float[1, 2, 2] b)
    {
      b = Neg (x)
    }> (c)
}`;
  const { graph } = await runPass(text, [decideBranches], { inputRange: [-1, 1] });
  expect(operators(graph)).toContain('If');
  await expectSameFunction(graphOf(text), graph);
});

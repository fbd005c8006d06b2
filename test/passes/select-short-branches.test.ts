import { describe, expect, test } from 'vitest';
import { selectShortBranches } from '../../passes/select-short-branches.js';
import { Tensor } from '../../src/ir/tensor.js';
import { cpu } from '../../targets/cpu.js';
import { webgpu } from '../../targets/webgpu.js';
import { expectSameFunction, fakeProfile, graphOf, operators, type RunOptions, runGraph, runPass } from './support.js';

/** A target on which an If is dear. */
const dear: RunOptions = { costs: { branch: 100 } };

async function selected(text: string, options: RunOptions = {}) {
  const result = await runPass(text, [selectShortBranches], options);
  const stays = result.findings.map(({ what }) => what).join();
  return { ...result, ops: operators(result.graph).join(' '), stays };
}

async function same(text: string, options: RunOptions = {}) {
  const result = await selected(text, options);
  for (let seed = 1; seed <= 4; seed++) await expectSameFunction(graphOf(text), result.graph, { seed });
  return result;
}

const choice = (
  yes: string,
  no: string,
  type = 'float[N, 2]',
  inputs = '',
  condition = 'bool c',
) => `g (float[N, 2] x, float[N, 2] v${inputs}, ${condition}) => (${type} y)
{
  y = If <then_branch: graph = on () => (${type} z) { ${yes} }, else_branch: graph = off () => (${type} q) { ${no} }> (c)
}`;

describe('an If', () => {
  test('that only chooses a value of a few elements becomes a Where', async () => {
    const { body, findings } = await same(choice('z = Identity (x)', 'q = Identity (v)'));
    expect(body).toEqual(['y = Where (c, x, v)']);
    expect(findings).toEqual([{ where: 'y', done: true, what: 'If with short branches became a selection' }]);
  });

  test('stays where it takes less time: with work in its branches, or many elements', async () => {
    const work = await same(choice('z = Tanh (x)', 'q = Neg (v)'));
    expect(work.ops).toBe('If Tanh Neg');
    expect(work.stays).toMatch(/^If stays: 1\.2 µs, and both branches with a selection 1\.9 µs$/);
    const wide = choice('z = Identity (x)', 'q = Identity (v)').replaceAll('[N, 2]', '[N, 4096]');
    expect((await same(wide)).ops).toBe('If Identity Identity');
  });

  test('is judged by the branch that the profile says will run', async () => {
    const text = choice(
      'a = Tanh (x)\n b = Sigmoid (a)\n d = Tanh (b)\n e = Mul (d, a)\n z = Neg (e)',
      'q = Identity (v)',
    );
    const options = { costs: { branch: 1.5 } };
    const profile = (fired: number) => fakeProfile({ 'y condition': [fired] });
    expect((await same(text, { ...options, profile: profile(100) })).ops).toBe('Tanh Sigmoid Tanh Mul Neg Where');
    expect((await same(text, { ...options, profile: profile(0) })).ops).toBe('If Tanh Sigmoid Tanh Mul Neg Identity');
  });

  test('in an If goes first', async () => {
    const inner =
      'z = If <then_branch: graph = p () => (float[N, 2] s) { s = Identity (x) }, else_branch: graph = o () => (float[N, 2] t) { t = Neg (v) }> (c)';
    expect((await same(choice(inner, 'q = Identity (v)'), dear)).ops).toBe('Neg Where Where');
  });

  test('of several outputs becomes as many selections', async () => {
    const text = `g (float[N, 2] x, bool c) => (float[N, 2] y, float[1] k)
{
  y, k = If <then_branch: graph = on () => (float[N, 2] z, float[1] one) <float[1] one = {1.0}> { z = Neg (x) }, else_branch: graph = off () => (float[N, 2] q, float[1] two) <float[1] two = {2.0}> { q = Abs (x) }> (c)
}`;
    const { ops, graph } = await same(text, dear);
    expect(ops).toBe('Neg Abs Where Where');
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'k']);
  });
});

describe('what must not run where its result is not wanted keeps its If', () => {
  test('a division of whole numbers that may be by zero', async () => {
    const text = (divisor: string) =>
      `g (int64[N] x, int64[N] v, bool c) => (int64[N] y)
<int64 k = {3}, int64 zero = {0}, int64 minus = {-1}>
{
  y = If <then_branch: graph = on () => (int64[N] z) { z = Div (x, ${divisor}) }, else_branch: graph = off () => (int64[N] q) { q = Identity (x) }> (c)
}`;
    for (const divisor of ['v', 'zero', 'minus']) {
      const { ops, stays } = await selected(text(divisor), dear);
      expect(ops).toBe('If Div Identity');
      expect(stays).toBe("If stays: Div 'z' in a branch may fail where its result is not wanted");
    }
    expect((await selected(text('k'), dear)).ops).toBe('Div Where');
  });

  test('positions that may lie outside', async () => {
    const text = `g (float[4] x, int64[4] i, bool c) => (float[4] y)
{
  y = If <then_branch: graph = on () => (float[4] z) { z = Gather (x, i) }, else_branch: graph = off () => (float[4] q) { q = Neg (x) }> (c)
}`;
    expect((await selected(text, dear)).ops).toBe('If Gather Neg');
  });

  test('sizes that may not fit', async () => {
    const sizes = choice('z = Add (x, b)', 'q = Identity (x)', 'float[N, 2]', ', float[M, 2] b');
    expect((await selected(sizes, dear)).ops).toBe('If Add Identity');
    const product = choice('z = MatMul (x, b)', 'q = Identity (x)', 'float[N, 2]', ', float[K, 2] b');
    expect((await selected(product, dear)).ops).toBe('If MatMul Identity');
    const right = choice('z = MatMul (x, b)', 'q = Identity (x)', 'float[N, 2]', ', float[2, 2] b');
    expect((await same(right, dear)).ops).toBe('MatMul Where');
    const slopes = choice('z = PRelu (x, b)', 'q = Identity (x)', 'float[N, 2]', ', float[1, 2] b');
    expect((await same(slopes, dear)).ops).toBe('PRelu Where');
    const larger = `g (float[2] x, float[3, 2] b, float[3, 2] v, bool c) => (float[3, 2] y)
{
  y = If <then_branch: graph = on () => (float[3, 2] z) { z = PRelu (x, b) }, else_branch: graph = off () => (float[3, 2] q) { q = Identity (v) }> (c)
}`;
    expect((await selected(larger, dear)).ops).toBe('If PRelu Identity');
  });

  test('random numbers, unknown operators, nested loops', async () => {
    const custom = choice('z = my.ops.Thing (x)', 'q = Identity (x)');
    expect((await selected(custom, dear)).stays).toMatch(/^If stays: Thing 'z' in a branch may fail/);
  });
});

describe('what a Where cannot choose keeps its If', () => {
  test('results of different shapes', async () => {
    const text = `g (float[N, 2] x, float[1, 2] v, bool c) => (float[M, 2] y)
{
  y = If <then_branch: graph = on () => (float[N, 2] z) { z = Identity (x) }, else_branch: graph = off () => (float[1, 2] q) { q = Identity (v) }> (c)
}`;
    const { ops, stays } = await selected(text, dear);
    expect(ops).toBe('If Identity Identity');
    expect(stays).toBe("If stays: its branches may give different shapes for 'y'");
  });

  test('a condition with more axes than the results, or of unknown size', async () => {
    const text = (condition: string) => `g (float x, float v, ${condition}) => (float y)
{
  y = If <then_branch: graph = on () => (float z) { z = Identity (x) }, else_branch: graph = off () => (float q) { q = Identity (v) }> (c)
}`;
    expect((await selected(text('bool[1] c'), dear)).stays).toBe("If stays: its condition has more axes than 'y'");
    expect((await selected(text('bool[K] c'), dear)).stays).toBe(
      'If stays: its condition is not known to be a single element',
    );
    expect((await selected(text('bool c'), dear)).ops).toBe('Where');
  });

  test('types that the target has no Where for', async () => {
    const text = `g (bool x, bool v, bool c) => (bool y)
{
  y = If <then_branch: graph = on () => (bool z) { z = Identity (x) }, else_branch: graph = off () => (bool q) { q = Identity (v) }> (c)
}`;
    expect((await selected(text, dear)).stays).toBe('If stays: the target has no Where for bool');
  });
});

test('infinities and NaN on the side that is not taken do no harm', async () => {
  const text = choice('a = Sub (x, x)\n z = Div (x, a)', 'q = Neg (v)');
  const { graph, ops } = await selected(text, dear);
  expect(ops).toBe('Sub Div Neg Where');
  const feeds = {
    x: Tensor.floats([1, 2], [0, 1]),
    v: Tensor.floats([1, 2], [3, 4]),
    c: new Tensor('bool', [], Uint8Array.of(0)),
  };
  expect((await runGraph(graph, feeds)).y?.numbers()).toEqual([-3, -4]);
});

describe('on a device', () => {
  const text = (condition: string): string => `g (float[N, 2, 2, 2] x, float[1] s) => (float[N, 2, 2, 2] y)
<float[1] zero = {0.0}>
{
  c = ${condition} (s, zero)
  y = If <then_branch: graph = on () => (float[N, 2, 2, 2] z) { z = Tanh (x) }, else_branch: graph = off () => (float[N, 2, 2, 2] q) { q = Neg (x) }> (c)
}`;
  const costs = { branch: 0, select: 100, operator: 0 };

  test('an If that the processor would wait for is dear', async () => {
    expect((await same(text('Greater'), { costs, target: { ...cpu, readBack: 1000 } })).ops).toBe(
      'Greater Tanh Neg Where',
    );
    // The processor makes this condition itself.
    const host = { ...cpu, readBack: 1000, placement: () => 'host' as const };
    expect((await same(text('Greater'), { costs, target: host })).ops).toBe('Greater If Tanh Neg');
  });

  test('a condition loses its axes, which would be turned with those of images', async () => {
    const { body } = await same(text('Greater'), { target: webgpu });
    expect(body.filter((line) => /Reshape|Where/.test(line))).toEqual([
      expect.stringMatching(/^(\S+) = Reshape \(c, \S+\)$/),
      expect.stringMatching(/^y = Where \((?!c,)/),
    ]);
  });
});

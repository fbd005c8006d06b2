import { describe, expect, test } from 'vitest';
import { assumeConditions } from '../../passes/assume-conditions.js';
import { mergeBranches } from '../../passes/merge-branches.js';
import { Tensor } from '../../src/ir/tensor.js';
import { graphOf, operators, runGraph, runPass } from './support.js';

/** Runs both graphs with every value of the conditions c and d. */
async function expectSame(text: string, passes = [assumeConditions, mergeBranches]) {
  const result = await runPass(text, passes);
  for (const bits of [0, 1, 2, 3]) {
    const truth = (bit: number) => new Tensor('bool', [], Uint8Array.of((bits >> bit) & 1));
    const feeds = { x: Tensor.floats([2], [-1, 2]), c: truth(0), d: truth(1) };
    const [wanted, found] = [await runGraph(graphOf(text), feeds), await runGraph(result.graph, feeds)];
    expect(found.y?.numbers()).toEqual(wanted.y?.numbers());
  }
  return { ...result, ops: operators(result.graph).join(' ') };
}

/** y = outer ? (inner ? -x : |x|) : relu(x), or the inner If on the other side. */
function nested(outer: string, inner: string, side: 'then' | 'else' = 'then', logic = ''): string {
  const graph = `
      r = If <then_branch: graph = p () => (float[2] s) { s = Neg (x) }, else_branch: graph = q () => (float[2] t) { t = Abs (x) }> (${inner})`;
  const [yes, no] = side === 'then' ? [graph, 'w = Relu (x)'] : ['w = Relu (x)', graph];
  const [one, two] = side === 'then' ? ['r', 'w'] : ['w', 'r'];
  return `g (float[2] x, bool c, bool d) => (float[2] y)
{
  ${logic}
  y = If <then_branch: graph = on () => (float[2] ${one}) { ${yes} }, else_branch: graph = off () => (float[2] ${two}) { ${no} }> (${outer})
}`;
}

describe('an If in a branch of another', () => {
  test('on the same condition takes one branch', async () => {
    expect((await expectSame(nested('c', 'c'))).ops).toBe('If Neg Relu');
    expect((await expectSame(nested('c', 'c', 'else'))).ops).toBe('If Relu Abs');
  });

  test('on the negation takes the other', async () => {
    expect((await expectSame(nested('c', 'n', 'then', 'n = Not (c)'))).ops).toBe('If Abs Relu');
    expect((await expectSame(nested('n', 'c', 'then', 'n = Not (c)'))).ops).toBe('If Relu Abs');
  });

  test('on logic that the outer one decides takes one branch', async () => {
    expect((await expectSame(nested('c', 'o', 'then', 'o = Or (c, d)'))).ops).toBe('If Neg Relu');
    expect((await expectSame(nested('c', 'a', 'else', 'a = And (d, c)'))).ops).toBe('If Relu Abs');
    expect((await expectSame(nested('a', 'd', 'then', 'a = And (d, c)'))).ops).toBe('And If Neg Relu');
    expect((await expectSame(nested('o', 'd', 'else', 'o = Or (d, c)'))).ops).toBe('Or If Relu Abs');
    expect((await expectSame(nested('a', 'x2', 'then', 'a = And (d, c)\n x2 = Xor (c, d)'))).ops).toBe(
      'And If Abs Relu',
    );
  });

  test('on what the outer one leaves open stays', async () => {
    expect((await expectSame(nested('c', 'd'))).ops).toBe('If If Neg Abs Relu');
    expect((await expectSame(nested('c', 'a', 'then', 'a = And (d, c)'))).ops).toBe('And If If Neg Abs Relu');
    expect((await expectSame(nested('o', 'd', 'then', 'o = Or (d, c)'))).ops).toBe('Or If If Neg Abs Relu');
    const { findings } = await runPass(nested('c', 'd'), [assumeConditions]);
    expect(findings).toEqual([{ where: 'r', done: false, what: 'the conditions around it do not imply its own' }]);
  });

  test('in a loop in the branch takes one branch as well', async () => {
    const text = `g (float[2] x, bool c, bool d) => (float[2] y)
<
  int64 two = {2}
>
{
  y = If <then_branch: graph = on () => (float[2] z)
    {
      z = Loop <body: graph = body (int64 i, bool go, float[2] s) => (bool still, float[2] next)
        {
          still = Identity (go)
          next = If <then_branch: graph = p () => (float[2] u) { u = Neg (s) }, else_branch: graph = q () => (float[2] v) { v = Abs (s) }> (c)
        }> (two, "", x)
    }, else_branch: graph = off () => (float[2] w) { w = Relu (x) }> (c)
}`;
    expect((await expectSame(text)).ops).toBe('If Loop Identity Neg Relu');
  });
});

test('other reads of a condition in its branch are constants', async () => {
  const text = `g (float[2] x, bool c, bool d) => (float[2] y)
{
  a = And (c, d)
  y = If <then_branch: graph = on () => (float[2] z)
    {
      d2 = Neg (x)
      k = Where (c, d2, x)
      z = Where (d, k, x)
    }, else_branch: graph = off () => (float[2] w) { w = Where (c, x, x) }> (a)
}`;
  const { body } = await expectSame(text, [assumeConditions]);
  expect(body).toContain('k = Where (c_known, d2, x)');
  expect(body).toContain('z = Where (d_known, k, x)');
  expect(body).toContain('w = Where (c, x, x)');
});

test('an If on a negation, or on a double one, is on what is negated', async () => {
  const text = (logic: string) => `g (float[2] x, bool c, bool d) => (float[2] y)
{
  ${logic}
  y = If <then_branch: graph = on () => (float[2] z) { z = Neg (x) }, else_branch: graph = off () => (float[2] w) { w = Abs (x) }> (n)
}`;
  expect((await expectSame(text('n = Not (c)'))).ops).toBe('If Abs Neg');
  expect((await expectSame(text('m = Not (c)\n  n = Not (m)'))).ops).toBe('If Neg Abs');
});

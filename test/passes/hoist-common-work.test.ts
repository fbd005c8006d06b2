import { describe, expect, test } from 'vitest';
import { hoistCommonWork } from '../../passes/hoist-common-work.js';
import { mergeBranches } from '../../passes/merge-branches.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

async function hoisted(text: string, passes = [hoistCommonWork, mergeBranches]) {
  const result = await runPass(text, passes);
  for (let seed = 1; seed <= 4; seed++) await expectSameFunction(graphOf(text), result.graph, { seed });
  return { ...result, ops: operators(result.graph).join(' ') };
}

const choice = (yes: string, no: string, outputs = 1) => {
  const list = (name: string) => Array.from({ length: outputs }, (_, i) => `float[N] ${name}${i}`).join(', ');
  return `g (float[N] x, bool c) => (${list('o')})
<
  float[1] k = {2.0}
>
{
  ${list('o').replaceAll('float[N] ', '')} = If <then_branch: graph = on () => (${list('y')})
    <float[1] a = {3.0}>
    {
      ${yes}
    }, else_branch: graph = off () => (${list('n')})
    <float[1] b = {3.0}>
    {
      ${no}
    }> (c)
}`;
};

describe('what both branches compute', () => {
  test('is computed before the If, with what follows from it', async () => {
    const { ops } = await hoisted(
      choice('p = Tanh (x)\n q = Mul (p, k)\n y0 = Neg (q)', 'p2 = Tanh (x)\n q2 = Mul (p2, k)\n n0 = Relu (q2)'),
    );
    expect(ops).toBe('Tanh Mul If Neg Relu');
  });

  test('may stand in another order, on equal constants of either branch', async () => {
    const { ops, findings } = await hoisted(
      choice('p = Mul (x, a)\n q = Tanh (x)\n y0 = Sub (p, q)', 'q2 = Tanh (x)\n p2 = Mul (x, b)\n n0 = Sub (q2, p2)'),
    );
    expect(ops).toBe('Mul Tanh If Sub Sub');
    expect(findings[0]?.what).toBe('2 operators that both branches compute moved before the If');
  });

  test('stays if it is not the same', async () => {
    const { ops, findings } = await hoisted(
      choice('p = Mul (x, a)\n y0 = Neg (p)', 'p2 = Mul (x, k)\n n0 = Relu (p2)'),
    );
    expect(ops).toBe('If Mul Neg Mul Relu');
    expect(findings[0]).toMatchObject({ done: false });
  });

  test('all of it leaves no If', async () => {
    const { ops } = await hoisted(choice('p = Mul (x, a)\n y0 = Neg (p)', 'p2 = Mul (x, b)\n n0 = Neg (p2)'));
    expect(ops).toBe('Mul Neg');
  });

  test('goes past the If if it is given by both, and other outputs stay', async () => {
    const { ops, graph } = await hoisted(choice('y0 = Tanh (x)\n y1 = Neg (x)', 'n0 = Tanh (x)\n n1 = Relu (x)', 2));
    expect(ops).toBe('Tanh If Neg Relu');
    expect(graph.outputs.map(({ name }) => name)).toEqual(['o0', 'o1']);
  });

  test('of an inner If moves out as far as it goes', async () => {
    const inner = (name: string, out: string, op: string) =>
      `${out} = If <then_branch: graph = t${name} () => (float[N] u${name}) { v${name} = Tanh (x)\n u${name} = ${op} (v${name}) }, else_branch: graph = e${name} () => (float[N] w${name}) { z${name} = Tanh (x)\n w${name} = Abs (z${name}) }> (c)`;
    const { ops } = await hoisted(choice(inner('p', 'y0', 'Neg'), inner('q', 'n0', 'Relu')));
    expect(ops).toBe('Tanh If If Neg Abs If Relu Abs');
  });
});

test('a constant that both branches give is no longer chosen', async () => {
  const text = `g (float[1] x, bool c) => (float[1] y)
{
  k = If <then_branch: graph = on () => (float[1] z)
    <float[1] z = {2.0}>
    {
    }, else_branch: graph = off () => (float[1] w)
    <float[1] a = {2.0}>
    {
      w = Identity (a)
    }> (c)
  y = Mul (x, k)
}`;
  expect((await hoisted(text)).ops).toBe('Mul');
});

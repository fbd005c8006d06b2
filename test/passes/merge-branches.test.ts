import { describe, expect, test } from 'vitest';
import { mergeBranches } from '../../passes/merge-branches.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const merged = async (text: string) => {
  const { graph, body } = await runPass(text, [mergeBranches]);
  await expectSameFunction(graphOf(text), graph);
  return { ops: operators(graph).join(' '), body };
};

const choice = (yes: string, no: string, condition = 'c', constants = '') => `g (float[N] x, bool c) => (float[N] y)
<
  bool always = {1},
  bool never = {0},
  float[1] k = {2.0}${constants}
>
{
  h = Relu (x)
  y = If <then_branch: graph = on () => (float[N] z)
    {
      ${yes}
    }, else_branch: graph = off () => (float[N] w)
    {
      ${no}
    }> (${condition})
}`;

describe('an If', () => {
  test('with a constant condition becomes its branch, which reads what it captured', async () => {
    expect((await merged(choice('z = Neg (h)', 'w = Abs (h)', 'always'))).body).toEqual([
      'h = Relu (x)',
      'y = Neg (h)',
    ]);
    expect((await merged(choice('z = Neg (h)', 'w = Abs (h)', 'never'))).body).toEqual(['h = Relu (x)', 'y = Abs (h)']);
  });

  test('with equal branches becomes one of them', async () => {
    const { body } = await merged(choice('a = Mul (h, k)\n      z = Tanh (a)', 'b = Mul (h, k)\n      w = Tanh (b)'));
    expect(body).toEqual(['h = Relu (x)', 'a_1 = Mul (h, k)', 'y = Tanh (a_1)']);
  });

  test('with branches that differ in an operator, input, attribute or constant stays', async () => {
    expect((await merged(choice('z = Neg (h)', 'w = Abs (h)'))).ops).toBe('Relu If Neg Abs');
    expect((await merged(choice('z = Neg (h)', 'w = Neg (x)'))).ops).toBe('Relu If Neg Neg');
    expect((await merged(choice('z = Elu <alpha: float = 1.0> (h)', 'w = Elu <alpha: float = 2.0> (h)'))).ops).toBe(
      'Relu If Elu Elu',
    );
    expect((await merged(choice('z = Mul (h, k)', 'w = Mul (h, j)', 'c', ',\n  float[1] j = {2.5}'))).ops).toBe(
      'Relu If Mul Mul',
    );
  });

  test('with branches that differ in an attribute that is no ordinary number stays', async () => {
    const values = ['inf', '-inf', 'nan', '0.0', '-0.0'];
    const elu = (name: string, value: string) => `${name} = Elu <alpha: float = ${value}> (h)`;
    for (const yes of values) {
      for (const no of values) {
        const { graph } = await runPass(choice(elu('z', yes), elu('w', no)), [mergeBranches]);
        expect([yes, no, operators(graph).join(' ')]).toEqual([yes, no, yes === no ? 'Relu Elu' : 'Relu If Elu Elu']);
      }
    }
  });

  test('with branches that differ in one of several numbers of an attribute stays', async () => {
    const custom = (name: string, values: string) => `${name} = my.ops.Scale <factors: floats = [${values}]> (h)`;
    for (const [yes, no, ops] of [
      ['1.0, inf', '1.0, inf', 'Relu Scale'],
      ['1.0, inf', '1.0, -inf', 'Relu If Scale Scale'],
      ['1.0, 0.0', '1.0, -0.0', 'Relu If Scale Scale'],
      ['1.0', '1.0, 1.0', 'Relu If Scale Scale'],
    ] as const) {
      const { graph } = await runPass(choice(custom('z', yes), custom('w', no)), [mergeBranches]);
      expect(operators(graph).join(' ')).toBe(ops);
    }
  });

  test('in an If: branches that are equal once the inner one is gone become one', async () => {
    const inner = (name: string, out: string) => `${out} = If <then_branch: graph = in_${name} () => (float[N] t${name})
        {
          t${name} = Neg (h)
        }, else_branch: graph = else_${name} () => (float[N] e${name})
        {
          e${name} = Abs (h)
        }> (always)`;
    expect((await merged(choice(inner('p', 'z'), inner('q', 'w')))).body).toEqual(['h = Relu (x)', 'y = Neg (h)']);
    expect((await merged(choice(inner('p', 'z'), 'w = Neg (h)', 'c'))).body).toEqual(['h = Relu (x)', 'y = Neg (h)']);
    expect((await merged(choice(inner('p', 'z'), inner('q', 'w'), 'never'))).body).toEqual([
      'h = Relu (x)',
      'y = Neg (h)',
    ]);
  });

  test('whose branch is a constant gives the constant', async () => {
    const text = `g (float[1] x) => (float[1] y)
<
  bool always = {1}
>
{
  k = If <then_branch: graph = on () => (float[1] z)
    <
      float[1] z = {2.0}
    >
    {
    }, else_branch: graph = off () => (float[1] w)
    {
      w = Abs (x)
    }> (always)
  y = Mul (x, k)
}`;
    expect((await merged(text)).ops).toBe('Mul');
  });
});

describe('an output of an If', () => {
  const text = (yes: string, no: string, outputs = 'float[N] y, float[N] o') => `g (float[N] x, bool c) => (${outputs})
{
  h = Relu (x)
  y, o = If <then_branch: graph = on () => (float[N] z, float[N] s)
    {
      ${yes}
    }, else_branch: graph = off () => (float[N] w, float[N] t)
    {
      ${no}
    }> (c)
}`;

  test('that both branches hand on is the value itself, and keeps its name', async () => {
    const { graph, body } = await runPass(
      text('z = Neg (x)\n a = Identity (h)\n s = Identity (a)', 'w = Abs (x)\n t = Identity (h)'),
      [mergeBranches],
    );
    expect(operators(graph).join(' ')).toBe('Relu If Neg Abs');
    expect(body[0]).toBe('o = Relu (x)');
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'o']);
  });

  test('that nobody reads is not computed', async () => {
    const source = text('z = Neg (x)\n s = Tanh (h)', 'w = Abs (x)\n t = Sigmoid (h)', 'float[N] y');
    expect((await merged(source)).ops).toBe('If Neg Abs');
  });

  test('of different values stays', async () => {
    const source = text('z = Neg (x)\n s = Identity (h)', 'w = Abs (x)\n t = Identity (x)');
    expect((await merged(source)).ops).toBe('Relu If Neg Identity Abs Identity');
  });
});

test('findings name the If as it was called, not what takes its place', async () => {
  const { findings } = await runPass(choice('z = Neg (h)', 'w = Abs (h)', 'always'), [mergeBranches]);
  expect(findings.map(({ where }) => where)).toEqual(['y']);
});

test('branches with equal loops are equal, with unequal ones they are not', async () => {
  const loop = (
    name: string,
    out: string,
    op: string,
  ) => `${out} = Loop <body: graph = b${name} (int64 i${name}, bool g${name}, float[N] s${name}) => (bool k${name}, float[N] n${name})
      {
        k${name} = Identity (g${name})
        n${name} = ${op} (s${name}, k)
      }> (two, "", h)`;
  const two = ',\n  int64 two = {2}';
  expect((await merged(choice(loop('p', 'z', 'Mul'), loop('q', 'w', 'Mul'), 'c', two))).ops).toBe(
    'Relu Loop Identity Mul',
  );
  expect((await merged(choice(loop('p', 'z', 'Mul'), loop('q', 'w', 'Add'), 'c', two))).ops).toBe(
    'Relu If Loop Identity Mul Loop Identity Add',
  );
});

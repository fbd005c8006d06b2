import { describe, expect, test } from 'vitest';
import { sinkIntoBranches } from '../../passes/sink-into-branches.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

async function sunk(text: string) {
  const result = await runPass(text, [sinkIntoBranches]);
  for (let seed = 1; seed <= 4; seed++) await expectSameFunction(graphOf(text), result.graph, { seed });
  return { ...result, ops: operators(result.graph).join(' ') };
}

const weights = (name: string) => `float[9, 9] ${name} = {${Array.from({ length: 81 }, (_, i) => `${i / 81 - 0.25}`)}}`;

/** y = c ? yes : no, of x and what `before` computes. */
const choice = (
  before: string,
  yes: string,
  no: string,
  more = '',
  outputs = '',
) => `g (float[N, 9] x, bool c) => (float[N, 9] y${outputs})
<
  ${weights('w')},
  float[9] bias = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}
>
{
  ${before}
  y = If <then_branch: graph = on () => (float[N, 9] z)
    {
      ${yes}
    }, else_branch: graph = off () => (float[N, 9] q)
    {
      ${no}
    }> (c)
  ${more}
}`;

describe('work that one branch alone reads', () => {
  test('moves into it, with its weights', async () => {
    const { ops, graph, findings } = await sunk(
      choice('h = Gemm (x, w, bias)\n  r = Relu (h)', 'z = Tanh (r)', 'q = Neg (x)'),
    );
    expect(ops).toBe('If Gemm Relu Tanh Neg');
    expect(graph.constants.size).toBe(0);
    expect(findings).toEqual([
      { where: 'y', done: true, what: '2 operators moved into the only branch that needs them' },
    ]);
  });

  test('stays where the other branch, a later node or an output reads it', async () => {
    expect((await sunk(choice('h = Tanh (x)', 'z = Neg (h)', 'q = Relu (h)'))).ops).toBe('Tanh If Neg Relu');
    const read = choice('h = Tanh (x)', 'z = Neg (h)', 'q = Relu (x)', 'o = Mul (h, y)', ', float[N, 9] o');
    expect((await sunk(read)).ops).toBe('Tanh If Neg Relu Mul');
    const given = choice('h = Tanh (x)', 'z = Neg (h)', 'q = Relu (x)', '', ', float[N, 9] h');
    expect((await sunk(given)).ops).toBe('Tanh If Neg Relu');
  });

  test('goes as far in as it can, but not into a loop', async () => {
    const inner = `z = If <then_branch: graph = p () => (float[N, 9] s) { s = Neg (h) }, else_branch: graph = o () => (float[N, 9] t) { t = Abs (x) }> (d)`;
    const nested = choice('h = Tanh (x)\n  d = Not (c)', inner, 'q = Relu (x)');
    expect((await sunk(nested)).ops).toBe('If Not If Tanh Neg Abs Relu');
    const looped = choice(
      'h = Tanh (x)',
      `z = Loop <body: graph = body (int64 i, bool go, float[N, 9] s) => (bool still, float[N, 9] next)
        {
          still = Identity (go)
          next = Mul (s, h)
        }> (trips, "", x)`,
      'q = Relu (x)',
    ).replace('float[9] bias', 'int64 trips = {2},\n  float[9] bias');
    expect((await sunk(looped)).ops).toBe('If Tanh Loop Identity Mul Relu');
  });

  test('takes along an If with its branches and what these alone read', async () => {
    const before = `h = Tanh (x)
  k = If <then_branch: graph = p () => (float[N, 9] s) { s = Neg (h) }, else_branch: graph = o () => (float[N, 9] t) { t = Abs (x) }> (c)`;
    expect((await sunk(choice(before, 'z = Relu (k)', 'q = Relu (x)'))).ops).toBe('If If Tanh Neg Abs Relu Relu');
  });
});

describe('weights', () => {
  test('of a branch move into it', async () => {
    const { text } = await sunk(choice('', 'z = Gemm (x, w, bias)', 'q = Relu (x)'));
    const inside = text.slice(text.indexOf('then_branch'), text.indexOf('else_branch'));
    expect(inside).toContain('float[9, 9] w');
    expect(inside).toContain('float[9] bias');
  });

  test('of a loop move into its body, and small ones that it shares are there twice', async () => {
    const looped = choice(
      't = Mul (x, bias)',
      'z = Neg (t)',
      'q = Relu (x)',
      `o = Loop <body: graph = body (int64 i, bool go, float[N, 9] s) => (bool still, float[N, 9] next)
    {
      still = Identity (go)
      next = Gemm (s, w, bias)
    }> (trips, "", x)`,
      ', float[N, 9] o',
    ).replace('float[9] bias', 'int64 trips = {2},\n  float[9] bias');
    const { graph, text } = await sunk(looped);
    const [loop] = graph.nodes.filter(({ op }) => op === 'Loop').flatMap(({ subgraphs }) => subgraphs);
    expect([...(loop?.constants ?? [])].map(({ name }) => name)).toContain('w');
    expect([...graph.constants].map(({ name }) => name)).toEqual(['trips']);
    expect(text.match(/float\[9\] bias/g)?.length).toBe(2);
  });

  test('that others read keep their reader outside, and what it reads', async () => {
    const { ops, findings, graph } = await sunk(
      choice('t = Tanh (x)\n h = Gemm (t, w)', 'z = Neg (h)', 'q = Gemm (x, w, bias)'),
    );
    expect(ops).toBe('Tanh Gemm If Neg Gemm');
    expect([...graph.constants].map(({ name }) => name)).toEqual(['w']);
    expect(findings).toEqual([
      { where: 'h', done: false, what: "not moved into the only branch that needs it: others read 'w', too" },
    ]);
  });

  test('of a few elements may be there twice', async () => {
    const { ops, text } = await sunk(choice('t = Mul (x, bias)', 'z = Neg (t)', 'q = Mul (x, bias)'));
    expect(ops).toBe('If Mul Neg Mul');
    expect(text.match(/float\[9\] bias/g)?.length).toBe(2);
  });
});

test('what would move into different branches of two If nodes stays', async () => {
  const text = choice(
    'h = Tanh (x)',
    'z = Neg (h)',
    'q = Relu (x)',
    'o = If <then_branch: graph = p () => (float[N, 9] s) { s = Neg (h) }, else_branch: graph = u () => (float[N, 9] t) { t = Abs (x) }> (c)',
    ', float[N, 9] o',
  );
  expect((await sunk(text)).ops).toBe('Tanh If Neg Relu If Neg Abs');
});

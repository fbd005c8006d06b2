import { describe, expect, test } from 'vitest';
import { fuseBranches } from '../../passes/fuse-branches.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

async function fused(text: string) {
  const result = await runPass(text, [fuseBranches]);
  for (let seed = 1; seed <= 6; seed++) await expectSameFunction(graphOf(text), result.graph, { seed });
  return { ...result, ops: operators(result.graph).join(' ') };
}

/** name = condition ? yes(of) : no(of) */
const choice = (name: string, yes: string, no: string, of: string, condition = 'c') =>
  `${name} = If <then_branch: graph = t${name} () => (float[N] y${name}) { y${name} = ${yes} (${of}) }, else_branch: graph = e${name} () => (float[N] n${name}) { n${name} = ${no} (${of}) }> (${condition})`;

const model = (outputs: string, lines: readonly string[]) => `g (float[N] x, bool c, bool d) => (${outputs
  .split(' ')
  .map((name) => `float[N] ${name}`)
  .join(', ')})
{
  ${lines.join('\n  ')}
}`;

describe('two If nodes on one condition', () => {
  test('that have nothing to do with each other become one', async () => {
    const { ops, graph } = await fused(
      model('a b', [choice('a', 'Neg', 'Abs', 'x'), choice('b', 'Relu', 'Tanh', 'x')]),
    );
    expect(ops).toBe('If Neg Relu Abs Tanh');
    expect(graph.outputs.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('one after the other are chained inside, and what only the second read stays there', async () => {
    const { ops, graph } = await fused(model('b', [choice('a', 'Neg', 'Abs', 'x'), choice('b', 'Relu', 'Tanh', 'a')]));
    expect(ops).toBe('If Neg Relu Abs Tanh');
    expect(graph.nodes[0]?.outputs.map(({ name }) => name)).toEqual(['b']);
  });

  test('stay where something outside stands between them', async () => {
    const text = model('b', [choice('a', 'Neg', 'Abs', 'x'), 'm = Tanh (a)', choice('b', 'Relu', 'Tanh', 'm')]);
    const { ops, findings } = await fused(text);
    expect(ops).toBe('If Neg Abs Tanh If Relu Tanh');
    expect(findings).toEqual([
      {
        where: 'b',
        done: false,
        what: "If stays: what it reads is computed from the outputs of 'a', which has the same condition",
      },
    ]);
  });

  test('become one though readers of the first stand between them', async () => {
    const { ops } = await fused(
      model('m b', [choice('a', 'Neg', 'Abs', 'x'), 'm = Tanh (a)', choice('b', 'Relu', 'Tanh', 'x')]),
    );
    expect(ops).toBe('If Neg Relu Abs Tanh Tanh');
  });

  test('become one across an If on another condition, which stays', async () => {
    const { ops } = await fused(
      model('a d2 b', [
        choice('a', 'Neg', 'Abs', 'x'),
        choice('d2', 'Relu', 'Tanh', 'x', 'd'),
        choice('b', 'Neg', 'Relu', 'x'),
      ]),
    );
    expect(ops).toBe('If Relu Tanh If Neg Neg Abs Relu');
  });

  test('stay apart where one of them stands in a branch of another condition', async () => {
    const inner = choice('a', 'Neg', 'Abs', 'x').replace(/^a = /, 'r = ');
    const text = model('o b', [
      `o = If <then_branch: graph = p () => (float[N] r) { ${inner} }, else_branch: graph = q () => (float[N] s) { s = Relu (x) }> (d)`,
      choice('b', 'Neg', 'Tanh', 'x'),
    ]);
    expect((await fused(text)).ops).toBe('If If Neg Abs Relu If Neg Tanh');
  });
});

test('three become one, in nested graphs as well', async () => {
  const lines = [choice('a', 'Neg', 'Abs', 'x'), choice('b', 'Relu', 'Tanh', 'a'), choice('e', 'Tanh', 'Neg', 'b')];
  expect((await fused(model('e', lines))).ops).toBe('If Neg Relu Tanh Abs Tanh Neg');
  const text = model('o', [
    `o = If <then_branch: graph = p () => (float[N] e) { ${lines.join('\n')} }, else_branch: graph = q () => (float[N] s) { s = Relu (x) }> (d)`,
  ]);
  expect((await fused(text)).ops).toBe('If If Neg Relu Tanh Abs Tanh Neg Relu');
});

test('nodes in nested graphs of what is joined are joined first', async () => {
  const pair = (name: string) =>
    `${choice(`p${name}`, 'Neg', 'Abs', 'x', 'd')}\n ${choice(`q${name}`, 'Relu', 'Tanh', `p${name}`, 'd')}`;
  const block = (name: string) =>
    `${name} = If <then_branch: graph = t${name} () => (float[N] q${name}) { ${pair(name)} }, else_branch: graph = e${name} () => (float[N] s${name}) { s${name} = Relu (x) }> (c)`;
  const { ops } = await fused(model('a b', [block('a'), block('b')]));
  // Inside the joined branch the two inner ones are on one condition again.
  expect(ops.split(' ').filter((op) => op === 'If').length).toBeLessThanOrEqual(3);
});

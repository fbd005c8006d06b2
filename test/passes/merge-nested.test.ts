import { describe, expect, test } from 'vitest';
import { foldConstants } from '../../passes/fold-constants.js';
import { mergeNested } from '../../passes/merge-nested.js';
import { at } from '../../src/support/assert.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const merged = async (nodes: string, outputs = 'float[N, v] y') => {
  const text = `g (float[N, 2] a, float[N, 2] b, float[N, 2] c, float[N, 2] d) => (${outputs})\n{\n${nodes}\n}`;
  const { graph, body } = await runPass(text, [mergeNested]);
  await expectSameFunction(graphOf(text), graph);
  return { ops: operators(graph).join(' '), body };
};

describe('nested operators become one:', () => {
  test.each(['Concat <axis: int = 1>', 'Max', 'Min', 'Sum'])('%s', async (op) => {
    const { body } = await merged(`i = ${op} (b, c)\n  y = ${op} (a, i, d)`);
    expect(body).toEqual([`y = ${op} (a, b, c, d)`]);
  });

  test('nested on both sides and to any depth', async () => {
    const concat = 'Concat <axis: int = 1>';
    const nodes = `i = ${concat} (a, b)\n  j = ${concat} (i, c)\n  k = ${concat} (d, a)\n  y = ${concat} (j, k)`;
    expect((await merged(nodes)).body).toEqual([`y = ${concat} (a, b, c, d, a)`]);
  });

  test('at once, however deep', async () => {
    const nodes = Array.from({ length: 50 }, (_, depth) => `i${depth + 1} = Max (i${depth}, b)`);
    const text = `g (float[N, 2] a, float[N, 2] b) => (float[N, 2] y)\n{\n  i0 = Max (a, b)\n  ${nodes.join('\n  ')}\n  y = Neg (i50)\n}`;
    const { graph, findings } = await runPass(text, [mergeNested]);
    expect(operators(graph)).toEqual(['Max', 'Neg']);
    expect(at(graph.nodes, 0).inputs).toHaveLength(52);
    expect(findings).toHaveLength(1);
  });
});

describe('an inner operator stays', () => {
  test.each([
    ['if others read it', 'i = Max (a, b)\n  j = Max (i, c)\n  k = Neg (i)\n  y = Add (j, k)', 'Max Max Neg Add'],
    ['if it is read twice', 'i = Concat <axis: int = 1> (a, b)\n  y = Concat <axis: int = 1> (i, i)', 'Concat Concat'],
    ['if it is another operator', 'i = Min (a, b)\n  y = Max (i, c)', 'Min Max'],
    [
      'if its attributes differ',
      'i = Concat <axis: int = 0> (a, b)\n  j = Concat <axis: int = 0> (c, d)\n  y = Concat <axis: int = 1> (i, j)',
      'Concat Concat Concat',
    ],
    ['if nobody says that it may go', 'i = Mean (a, b)\n  y = Mean (i, c)', 'Mean Mean'],
  ])('%s', async (_, nodes, ops) => {
    expect((await merged(nodes)).ops).toBe(ops);
  });

  test('if it is an output', async () => {
    const { ops } = await merged('i = Max (a, b)\n  y = Max (i, c)', 'float[N, v] y, float[N, v] i');
    expect(ops).toBe('Max Max');
  });
});

describe('constants that are added one after the other', () => {
  const text = (nodes: string, outputs = 'float[N, 2] y') => `g (float[N, 2] x) => (${outputs})
<
  float[2] c = {1.0, 2.0},
  float[1, 2] d = {0.5, -3.0},
  float e = {0.25}
>
{
${nodes}
}`;

  test('are added up first', async () => {
    const nodes = '  i = Add (x, c)\n  j = Add (d, i)\n  k = Add (j, e)\n  y = Relu (k)';
    const { graph, body } = await runPass(text(nodes), [mergeNested, foldConstants]);
    expect(body).toHaveLength(2);
    expect(body[0]).toMatch(/^k = Add \(x, /);
    await expectSameFunction(graphOf(text(nodes)), graph);
  });

  test.each([
    [
      'if others read the inner sum',
      '  i = Add (x, c)\n  y = Add (i, d)\n  z = Neg (i)',
      'float[N, 2] y, float[N, 2] z',
    ],
    ['if the inner sum is an output', '  i = Add (x, c)\n  y = Add (i, d)', 'float[N, 2] y, float[N, 2] i'],
    ['if one of them is no constant', '  i = Add (x, x)\n  y = Add (i, d)', 'float[N, 2] y'],
  ])('stay %s', async (_, nodes, outputs) => {
    const { body } = await runPass(text(nodes, outputs), [mergeNested]);
    expect(body).toEqual(nodes.split('\n').map((line) => line.trim()));
  });
});

test.each([
  ['that round x', '12582912.0', '-12582912.0'],
  ['that overflow together', '3.0e38', '3.0e38'],
  ['that are no numbers', 'nan', '1.0'],
])('constants stay apart %s', async (_, c, d) => {
  const text = `g (float[N, 1] x) => (float[N, 1] y)
<
  float[1] c = {${c}},
  float[1] d = {${d}}
>
{
  i = Add (x, c)
  y = Add (i, d)
}`;
  expect((await runPass(text, [mergeNested])).body).toHaveLength(2);
});

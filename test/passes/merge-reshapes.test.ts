import { assert, asyncProperty, constantFrom, integer, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeReshapes } from '../../passes/merge-reshapes.js';
import { countInferences, expectSameFunction, graphOf, operators, runPass } from './support.js';

const merged = async (text: string) => {
  const { graph, body } = await runPass(text, [mergeReshapes]);
  await expectSameFunction(graphOf(text), graph);
  return { ops: operators(graph).join(' '), body, graph };
};

const model = (nodes: string, output = 'float[N, a, b, c] y') => `g (float[N, 2, 3, 4] x) => (${output})
<
  int64[4] square = {0, 2, 2, 6},
  int64[2] flat = {0, -1},
  int64[3] rest = {-1, 4, 6},
  int64[4] same = {-1, 2, 3, 4},
  int64[1] one = {1},
  int64[2] last = {2, 3},
  int64[4] keeps = {0, 2, 1, 1}
>
{
  ${nodes}
}`;

describe('a shape given behind another', () => {
  test.each([
    ['Reshape behind Reshape', 'f = Reshape (x, flat)\n  y = Reshape (f, square)', 'Reshape'],
    ['Reshape behind Flatten', 'f = Flatten (x)\n  y = Reshape (f, rest)', 'Reshape'],
    ['Flatten behind Reshape', 'f = Reshape (x, rest)\n  y = Flatten (f)', 'Reshape'],
    ['Flatten behind Unsqueeze', 'u = Unsqueeze (x, one)\n  y = Flatten (u)', 'Reshape'],
    ['a row of three', 'f = Flatten (x)\n  r = Reshape (f, rest)\n  y = Reshape (r, square)', 'Reshape'],
    ['what gives back the first shape', 'f = Flatten (x)\n  r = Reshape (f, same)\n  y = Relu (r)', 'Relu'],
    ['an Unsqueeze that is taken back', 'u = Unsqueeze (x, one)\n  s = Squeeze (u, one)\n  y = Relu (s)', 'Relu'],
  ])('is the only one: %s', async (_, nodes, ops) => {
    const shape = ops === 'Relu' || nodes.endsWith('square)') ? undefined : 'float[N, v] y';
    const rows = nodes.endsWith('rest)') ? 'float[N, v, w] y' : shape;
    expect((await merged(model(nodes, rows))).ops).toBe(ops);
  });

  test('leaves the first where others read it', async () => {
    const nodes = 'f = Flatten (x)\n  r = Reshape (f, rest)\n  y = Relu (r)\n  z = Neg (f)';
    expect((await merged(model(nodes, 'float[N, 4, 6] y, float[N, 24] z'))).body).toEqual([
      'f = Flatten (x)',
      'reshape = Reshape (x, shape)',
      'y = Relu (reshape)',
      'z = Neg (f)',
    ]);
  });

  test('stays if it brings back an input as an output', async () => {
    expect((await merged(model('f = Flatten (x)\n  y = Reshape (f, same)'))).ops).toBe('Identity');
  });

  test('stays if two sizes are unknown', async () => {
    const text = `g (float[N, T, 2] x) => (float[1, 1, N, T, 2] y)
<int64[1] first = {0}>
{
  u = Unsqueeze (x, first)
  y = Unsqueeze (u, first)
}`;
    expect((await merged(text)).ops).toBe('Unsqueeze Unsqueeze');
  });
});

describe('a reduction gives its shape itself', () => {
  test('with its axes kept', async () => {
    const { body } = await merged(
      model('m = ReduceMean <keepdims: int = 0> (x, last)\n  y = Reshape (m, keeps)', 'float[N, 2, 1, 1] y'),
    );
    expect(body).toEqual(['y = ReduceMean <keepdims: int = 1> (x, last)']);
  });

  test('with its axes dropped', async () => {
    const { body } = await merged(model('m = ReduceMax (x, last)\n  y = Flatten (m)', 'float[N, 2] y'));
    expect(body).toEqual(['y = ReduceMax <keepdims: int = 0> (x, last)']);
  });

  test('but not another shape', async () => {
    const { ops } = await merged(
      model('m = ReduceMean <keepdims: int = 0> (x, last)\n  y = Unsqueeze (m, one)', 'float[N, 1, 2] y'),
    );
    expect(ops).toBe('ReduceMean Unsqueeze');
  });

  test('and not where others read it', async () => {
    const nodes = 'm = ReduceMean (x, last)\n  y = Flatten (m)\n  z = Relu (m)';
    expect((await merged(model(nodes, 'float[N, 2] y, float[N, 2, 1, 1] z'))).ops).toBe('ReduceMean Flatten Relu');
  });
});

test('rows of any length keep their function and end as one', async () => {
  const shape = constantFrom([-1, 24], [0, 24], [0, -1, 6], [0, 2, 3, 4], [0, 1, 24], [-1, 4, 6, 1], [0, 2, -1, 2, 2]);
  const length = integer({ min: 2, max: 4 });
  await assert(
    asyncProperty(tuple(shape, shape, shape, shape), length, async (shapes, count) => {
      const used = shapes.slice(0, count);
      const constants = used.map((dims, index) => `int64[${dims.length}] s${index} = {${dims}}`).join(', ');
      const names = ['x', ...used.map((_, index) => (index === count - 1 ? 'y' : `r${index}`))];
      const nodes = used.map((_, index) => `  ${names[index + 1]} = Reshape (${names[index]}, s${index})`).join('\n');
      const rank = used
        .at(-1)
        ?.map((_, axis) => (axis === 0 ? 'N' : `d${axis}`))
        .join(', ');
      const { graph } = await merged(`g (float[N, 2, 3, 4] x) => (float[${rank}] y)\n<${constants}>\n{\n${nodes}\n}`);
      expect(graph.nodes).toHaveLength(1);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('a long chain is gone through once', async () => {
  const length = 150;
  const nodes = Array.from({ length }, (_, index) => {
    const target = ['flat', 'square', 'rest'][index % 3];
    return `  r${index + 1} = Reshape (${index === 0 ? 'x' : `r${index}`}, ${target})`;
  });
  const text = model(`${nodes.join('\n')}\n  y = Relu (r${length})`, 'float[N, v, w] y');
  const { result, inferences } = await countInferences('Reshape', () => runPass(text, [mergeReshapes]));
  expect(operators(result.graph)).toEqual(['Reshape', 'Relu']);
  expect(inferences).toBeLessThan(10 * length);
});

import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

/** What is proved goes without gates and without a profile. */

async function removal(text: string, inputRange?: readonly [number, number]) {
  const before = graphOf(text);
  const result = await runPass(text, [removeConstantUnits], inputRange === undefined ? {} : { inputRange });
  expect(await expectSameFunction(before, result.graph, { samples: 8 })).toBeGreaterThan(0);
  const shapes = Object.fromEntries([...result.graph.constants].map(({ name, shape }) => [name, shape?.join()]));
  return { ...result, shapes };
}

/** A hidden layer of three units with weights `w` and `b`, read through `rest` by `y`, whose weights are `w2`. */
const layer = (w: string, b: string, w2: string, rest = '  a = Relu (h)') => `g (float[N, 2] x) => (float[N, 2] y)
<
  float[2, 3] w = {${w}},
  float[3] b = {${b}},
  float[3, 2] w2 = {${w2}}
>
{
  h = Gemm (x, w, b)
${rest}
  y = Gemm (a, w2)
}`;

const anyWeights = '1.0, 2.0, 3.0, 4.0, 5.0, 6.0';
const anyBias = '0.5, -9.0, 0.25';

describe('a unit goes', () => {
  test('whose weights are all zero: what its bias becomes is added behind', async () => {
    const { shapes, body, findings } = await removal(
      layer('1.0, 0.0, 3.0, 4.0, 0.0, 6.0', '0.5, 2.0, 0.25', anyWeights, '  a = Sigmoid (h)'),
    );
    expect(shapes).toMatchObject({ w: '2,2', b: '2', w2: '2,2' });
    expect(body.at(-1)).toContain('Add');
    expect(findings).toEqual([
      expect.objectContaining({ where: 'h', done: true, what: expect.stringContaining('1 of 3 units removed') }),
    ]);
  });

  test('that a ReLU never lets through, for the range of the inputs', async () => {
    const text = layer('1.0, 2.0, 3.0, 4.0, 5.0, 6.0', '0.5, -9.0, 0.25', anyWeights);
    expect((await removal(text)).shapes).toMatchObject({ w: '2,3' });
    expect((await removal(text, [-1, 1])).shapes).toMatchObject({ w: '2,2', b: '2', w2: '2,2' });
  });

  test('that every reader meets with zero weights', async () => {
    const { shapes, body } = await removal(layer(anyWeights, anyBias, '1.0, 2.0, 0.0, 0.0, 3.0, 4.0'));
    expect(shapes).toMatchObject({ w: '2,2', b: '2', w2: '2,2' });
    expect(body).toHaveLength(3);
  });

  test('that is zero before it is multiplied by something else', async () => {
    const text = `g (float[N, 3, 4, 4] x) => (float[N, 2, 4, 4] y)
<
  float[3, 3, 1, 1] w = {1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 4.0, 5.0, 6.0},
  float[3, 3] squeeze = {1.0, 0.5, -0.5, 2.0, 1.0, 1.0, -1.0, 0.5, 1.0},
  float[2, 3, 1, 1] w2 = {1.0, -1.0, 2.0, 0.5, 0.25, 1.5},
  int64[2] axes = {2, 3}
>
{
  h = Conv (x, w)
  pooled = GlobalAveragePool (x)
  flat = Flatten (pooled)
  score = Gemm (flat, squeeze)
  weight = Sigmoid (score)
  wide = Unsqueeze (weight, axes)
  excited = Mul (h, wide)
  y = Conv (excited, w2)
}`;
    const { shapes } = await removal(text);
    expect(shapes).toMatchObject({ w: '2,3,1,1', squeeze: '3,2', w2: '2,2,1,1' });
  });
});

describe('a unit stays', () => {
  test('if one of two readers meets it with other weights', async () => {
    const text = layer(anyWeights, anyBias, '1.0, 2.0, 0.0, 0.0, 3.0, 4.0', '  a = Relu (h)\n  z = Gemm (a, v)')
      .replace('(float[N, 2] y)', '(float[N, 2] y, float[N, 1] z)')
      .replace('float[3] b', 'float[3, 1] v = {0.0, 1.0, 0.0},\n  float[3] b');
    expect((await removal(text)).shapes).toMatchObject({ w: '2,3' });
  });

  test('if it is part of an output', async () => {
    const text = layer(anyWeights, anyBias, '1.0, 2.0, 0.0, 0.0, 3.0, 4.0').replace(
      '(float[N, 2] y)',
      '(float[N, 2] y, float[N, 3] h)',
    );
    expect((await removal(text)).shapes).toMatchObject({ w: '2,3' });
  });

  test('if a sum adds something else to its zero', async () => {
    const text = layer(
      '1.0, 0.0, 3.0, 4.0, 0.0, 6.0',
      '0.5, 0.0, 0.25',
      anyWeights,
      '  p = Gemm (x, v)\n  a = Add (h, p)',
    ).replace('float[3] b', 'float[2, 3] v = {0.5, 1.0, 2.0, 1.5, -1.0, 1.0},\n  float[3] b');
    expect((await removal(text)).shapes).toMatchObject({ w: '2,3' });
  });
});

test('a unit stays where its constant would be added at every place for more than it saves', async () => {
  const text = `g (float[N, 2, 8, 8] x) => (float[N, 2, 8, 8] y)
<
  float[3, 2, 1, 1] w = {1.0, 2.0, 0.0, 0.0, 4.0, 5.0},
  float[3] b = {0.5, 2.0, 0.25},
  float[2, 3, 3, 3] w2 = {${Array.from({ length: 54 }, (_, index) => (index % 7) - 2.5).join(', ')}}
>
{
  h = Conv (x, w, b)
  a = Sigmoid (h)
  y = Conv <pads: ints = [1, 1, 1, 1]> (a, w2)
}`;
  const dear = await runPass(text, [removeConstantUnits], { costs: { addedElement: 1 } });
  expect(dear.body).toHaveLength(3);
  const cheap = await removal(text);
  expect(cheap.body).toHaveLength(4);
  expect(cheap.shapes).toMatchObject({ w: '2,2,1,1', w2: '2,2,3,3' });
});

import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { compaction, densifying, dynamicGating, preparation } from '../../src/compiler/forms/pipeline.js';
import { seededRandom } from '../../src/support/random.js';
import { expectSameFunction, fakeProfile, graphOf, runPass } from './support.js';

/** Units of a hidden layer between two Einsums: a gated feed-forward as attention layers write it. */

/** Letters of the data, the weights and the result, and the shape of `w2` for H hidden units and 2 outputs. */
const readers: Readonly<Record<string, { readonly equation: string; readonly shape: readonly number[] }>> = {
  'rows of weights': { equation: 'nth,ho->nto', shape: [5, 2] },
  'columns of weights': { equation: 'nth,oh->nto', shape: [2, 5] },
  'weights with two more axes': { equation: 'nth,hab->ntab', shape: [5, 2, 3] },
  'a batch that comes last': { equation: 'nth,ho->otn', shape: [5, 2] },
  'steps that are summed over too': { equation: 'nth,ho->no', shape: [5, 2] },
};

function network(equation: string, shape: readonly number[], seed: number): string {
  const random = seededRandom(seed);
  const list = (size: number, item: (index: number) => number = () => random.normal()) =>
    Array.from({ length: size }, (_, index) => Math.fround(item(index))).join();
  const rank = equation.split('>')[1]?.length ?? 0;
  const symbols = Array.from({ length: rank }, (_, axis) => `d${axis}`).join(', ');
  return `g (float[N, 3, 4] x) => (float[${symbols}] y)
<
  float[4, 5] w = {${list(20)}},
  float[4, 5] ws = {${list(20, (index) => ([1, 3].includes(index % 5) ? 0 : random.normal()))}},
  float[5] bs = {${list(5, (unit) => ([1, 3].includes(unit) ? -9 : random.normal()))}},
  float[${shape.join(', ')}] w2 = {${list(shape.reduce((size, dim) => size * dim, 1))}}
>
{
  h = Einsum <equation: string = "nti,ih->nth"> (x, w)
  sums = MatMul (x, ws)
  s = Add (sums, bs)
  gated = ai.swan.Gate <axis: int = 2, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
  y = Einsum <equation: string = "${equation}"> (active, w2)
}`;
}

const profile = fakeProfile({ gate: [40, 0, 60, 0, 50] });

describe('units that never fire before an Einsum', () => {
  test.each(Object.entries(readers))('keep the function with %s', async (_, { equation, shape }) => {
    for (let seed = 1; seed <= 4; seed++) {
      const graph = graphOf(network(equation, shape, seed));
      const alone = await runPass(graph, [removeConstantUnits, removeDeadUnits], { profile });
      expect(await expectSameFunction(graph, alone.graph, { seed, samples: 6 })).toBeGreaterThan(0);
      for (const form of [densifying, dynamicGating]) {
        const whole = await runPass(graph, [...preparation, ...compaction, ...form], { profile, facts: [] });
        expect(await expectSameFunction(graph, whole.graph, { seed, samples: 6 })).toBeGreaterThan(0);
      }
    }
  });

  test('go from the weights, and what they add is added behind', async () => {
    const { equation, shape } = readers['columns of weights'] ?? expect.fail();
    // Scores of nothing but a bias below the threshold are proved.
    const { graph, removed } = await runPass(network(equation, shape, 1), [removeConstantUnits], { profile });
    expect(removed.map(({ units }) => units)).toEqual([[1, 3]]);
    const dims = (name: string) => [...graph.constants].find((value) => value.name === name)?.shape;
    expect([dims('w'), dims('w2')]).toEqual([
      [4, 3],
      [2, 3],
    ]);
  });

  test('stay where another letter is summed over with them', async () => {
    const { equation, shape } = readers['steps that are summed over too'] ?? expect.fail();
    const { removed } = await runPass(network(equation, shape, 1), [removeConstantUnits, removeDeadUnits], { profile });
    expect(removed).toEqual([]);
  });
});

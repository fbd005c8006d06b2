import { describe, expect, test } from 'vitest';
import { lowerGates } from '../../../../passes/lower-gates.js';
import { planGates } from '../../../../passes/plan-gates.js';
import { eagerCosts, expectSameFunction, graphOf, operators, profileOfPatterns } from '../../../passes/support.js';
import { allPlans, planned } from '../same-as-mask.js';

const numbers = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${((i * 7) % 13) - 6}.5`).join(', ');

/** Two pairs of convolutions in a row, gated by scores from outside: four units each. */
const row = `g (float[N, 2, 4, 4] x, float[N, 4, 1, 1] s, float[N, 4, 1, 1] t) => (float[N, 2, 4, 4] y)
<
  float[4, 2, 3, 3] w1 = {${numbers(72)}},
  float[4] b1 = {0.1, 0.2, 0.3, 0.4},
  float[4, 4, 3, 3] w2 = {${numbers(144)}},
  float[4] b2 = {0.4, 0.2, 0.3, 0.1},
  float[2, 4, 1, 1] w3 = {${numbers(8)}},
  float[2] b3 = {1.0, 2.0}
>
{
  h1 = Conv <pads: ints = [1, 1, 1, 1]> (x, w1, b1)
  g1 = ai.swan.Gate <axis: int = 1, name: string = "one"> (h1, s)
  r1 = Relu (g1)
  h2 = Conv <pads: ints = [1, 1, 1, 1]> (r1, w2, b2)
  r2 = Relu (h2)
  g2 = ai.swan.Gate <axis: int = 1, name: string = "two"> (r2, t)
  y = Conv (g2, w3, b3)
}`;

const profile = profileOfPatterns({
  one: { units: 4, patterns: [[0, 2], [0, 2], [1], [3]] },
  two: { units: 4, patterns: [[1, 2], [0], [1]] },
});

const options = { profile, costs: eagerCosts, widths: { block: 1 } };

describe('dispatch', () => {
  test.each([
    ['one', ['dispatch-2', 'dispatch-4']],
    ['two', ['dispatch-2', 'dispatch-4']],
    ['one + two', ['dispatch-2x2', 'dispatch-4x4']],
  ])('to branches that are compact, for %s', async (region, names) => {
    const all = (await allPlans(graphOf(row), options)).filter((plan) => plan.region === region);
    const found = all.map(({ plan }) => plan).filter((plan) => plan.startsWith('dispatch'));
    expect(found.toSorted()).toEqual(names);
    for (const name of names) {
      const { graph, body } = await planned(row, { [region]: name }, options, [planGates, lowerGates]);
      for (const seed of [1, 2, 3]) {
        for (const samples of [1, 2, 5]) await expectSameFunction(graphOf(row), graph, { samples, seed });
      }
      // Each gate is decided once, whatever the number of branches.
      expect(body.filter((line) => line.includes('ArgMin'))).toHaveLength(region.split(' + ').length);
    }
  });

  test('gives a modal gate a branch for each mode, and a mask only where samples are of several', async () => {
    const text = `g (float[N, 3] x) => (float[N, 2] y)
<
  float[3, 4] w = {${numbers(12)}},
  float[3, 4] wr = {${numbers(12)}},
  float[4, 2] w2 = {${numbers(8)}},
  float[4, 4] masks = {1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 2.0}
>
{
  h = Gemm (x, w)
  r = Gemm (x, wr)
  m = ArgMax <axis: int = 1, keepdims: int = 0> (r)
  s = Gather <axis: int = 0> (masks, m)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  y = Gemm (gated, w2)
}`;
    const modes = profileOfPatterns({ gate: { units: 4, patterns: [[0], [0], [1, 2], [3]] } });
    const { graph } = await planned(text, { gate: 'dispatch-5' }, { ...options, profile: modes });
    // Two layers in each of five branches, and the scores of the modes.
    expect(operators(graph).filter((op) => op === 'Gemm')).toHaveLength(11);
    expect(operators(graph).filter((op) => op === 'If')).toHaveLength(4);
    expect(operators(graph).filter((op) => op === 'Mul')).toHaveLength(1);
    for (const samples of [1, 5]) await expectSameFunction(graphOf(text), graph, { samples });
  });
});

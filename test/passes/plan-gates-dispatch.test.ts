import { describe, expect, test } from 'vitest';
import { lowerGates } from '../../passes/lower-gates.js';
import { planGates } from '../../passes/plan-gates.js';
import { expectSameFunction, graphOf, profileOfPatterns, runPass } from './support.js';

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

/** Prices at which every unit that is left out pays. */
const costs = { operator: 0, branch: 0, flop: 1 };
const options = { profile, costs, widths: { block: 1 } };

const planned = async (plans: Readonly<Record<string, string>>, text = row) => {
  const result = await runPass(text, [planGates, lowerGates], { ...options, plans });
  expect(result.text).toContain('If');
  for (const seed of [1, 2, 3]) {
    for (const samples of [1, 2, 5]) await expectSameFunction(graphOf(text), result.graph, { samples, seed });
  }
  return result;
};

const namesOf = async (text: string, region: string): Promise<string[]> => {
  const { regions } = await runPass(text, [planGates], options);
  const found = regions.find((other) => other.region === region);
  return (found?.considered ?? []).flatMap(({ plan }) => (plan.startsWith('dispatch') ? [plan] : []));
};

describe('branches that are compact', () => {
  for (const region of ['one', 'two', 'one + two']) {
    test(`for ${region}`, async () => {
      const names = await namesOf(row, region);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) await planned({ [region]: name });
    });
  }

  test('decide each gate once, whatever the number of branches', async () => {
    const [name = ''] = await namesOf(row, 'one + two');
    const { body } = await planned({ 'one + two': name });
    expect(body.filter((line) => line.includes('ArgMin'))).toHaveLength(2);
  });
});

import { describe, expect, test } from 'vitest';
import { removeAlwaysOnGates } from '../../passes/remove-always-on-gates.js';
import { expectSameFunction, fakeProfile, graphOf, runPass } from './support.js';

const gated = (
  before: string,
  gate: string,
  outputs = 'float[N, 2] y',
  inputs = 'float[N, 2] x',
) => `g (${inputs}) => (${outputs})
<
  float[2] high = {3.0, 4.0},
  float[2] mixed = {3.0, -4.0}
>
{
  p = Sigmoid (x)
  s = Add (p, high)
  t = Add (p, mixed)
  ${before}
  ${gate}
}`;

describe('a gate that always fires', () => {
  const on = async (text: string, options = {}) => {
    const result = await runPass(text, [removeAlwaysOnGates], options);
    await expectSameFunction(graphOf(text), result.graph);
    return result;
  };

  test('goes, and its score with it, if bounds prove it', async () => {
    const { body, removed } = await on(
      gated('h = Relu (x)\n  g = ai.swan.Gate <name: string = "gate"> (h, s)', 'y = Neg (g)'),
    );
    expect(body).toEqual(['h = Relu (x)', 'y = Neg (h)']);
    expect(removed).toEqual([{ gate: 'gate', units: [0, 1], basis: 'proved', reason: 'on' }]);
  });

  test('goes if it did in every event of the profile, and observations count', async () => {
    const text = gated(
      'h = Relu (x)\n  g = ai.swan.Gate <name: string = "gate", threshold: float = -9.0> (h, x)',
      'y = Neg (g)',
    );
    const profile = fakeProfile({ gate: [100, 100] });
    expect((await on(text, { profile })).removed[0]?.basis).toBe('observed');
    expect((await on(text, { profile, dead: 'proved' })).removed).toEqual([]);
    const some = await on(text, { profile: fakeProfile({ gate: [100, 99] }) });
    expect(some.findings[0]?.what).toContain('1 of 2 units are always on');
  });

  test('stays if some unit does not', async () => {
    const { removed } = await on(gated('g = ai.swan.Gate <name: string = "gate"> (x, t)', 'y = Neg (g)'));
    expect(removed).toEqual([]);
  });

  test('hands an output its name, a computed value or not', async () => {
    expect((await on(gated('h = Relu (x)', 'y = ai.swan.Gate (h, s)'))).body).toEqual(['y = Relu (x)']);
    expect((await on(gated('', 'y = ai.swan.Gate (x, s)'))).body).toEqual(['y = Identity (x)']);
    const two = await on(gated('z = Relu (x)', 'y = ai.swan.Gate (z, s)', 'float[N, 2] y, float[N, 2] z'));
    expect(two.body).toEqual(['z = Relu (x)', 'y = Identity (z)']);
  });

  test('stays if it makes the features larger', async () => {
    const text = `g (float[N, 1] x, float[N, 3] c) => (float[N, 3] y)
<
  float two = {2.0}
>
{
  p = Sigmoid (c)
  s = Add (p, two)
  g = ai.swan.Gate <name: string = "gate"> (x, s)
  y = Neg (g)
}`;
    expect((await on(text)).removed).toEqual([]);
  });

  test('stays if the number of its units is not known', async () => {
    const text = `g (float[N, C] x, float[N, C] s) => (float[N, C] y)
{
  g = ai.swan.Gate <name: string = "gate"> (x, s)
  y = Neg (g)
}`;
    expect((await runPass(text, [removeAlwaysOnGates])).body).toHaveLength(2);
  });

  test('is bounded along its own axis', async () => {
    const text = `g (float[N, 2, 2] x) => (float[N, 2, 2] y)
<
  float[2, 1] shift = {9.0, -9.0}
>
{
  p = Sigmoid (x)
  s = Add (p, shift)
  y = ai.swan.Gate <axis: int = 2, name: string = "gate"> (x, s)
}`;
    expect((await on(text)).removed).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { removeAlwaysOnGates } from '../../../passes/remove-always-on-gates.js';
import { removeConstantUnits } from '../../../passes/remove-constant-units.js';
import { gatesOf } from '../../../src/passkit/gates.js';
import { modesOf } from '../../../src/passkit/gating/firing/modes.js';
import { expectSameFunction, graphOf, operators, runPass } from '../../passes/support.js';

/** A modal gate of four units and three modes: unit 1 is off in all of them, unit 2 on. */
const modal = (rest = 'y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)', type = 'float[N, 4]') => `
g (float[N, 2] x) => (${type} y)
<
  float[2, 4] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0},
  float[2, 3] wr = {1.0, -1.0, 0.5, -2.0, 1.0, 0.25},
  float[3] br = {0.0, 0.1, 0.2},
  float[3, 4] masks = {1.0, -1.0, 0.0, -0.5, -1.0, -1.0, 2.0, 3.0, 0.5, -0.25, 1.0, 1.0},
  int64[2] last = {2, 3},
  int64[8] pairs = {0, 0, 1, 1, 2, 2, 3, 3},
  int64[4] turned = {3, 2, 1, 0}
>
{
  h = Gemm (x, w)
  r = Gemm (x, wr, br)
  m = ArgMax <axis: int = 1, keepdims: int = 0> (r)
  s = Gather <axis: int = 0> (masks, m)
  ${rest}
}`;

const modesIn = (text: string) => {
  const [gate] = gatesOf(graphOf(text));
  const modes = gate === undefined ? undefined : modesOf(gate);
  return modes && { choice: modes.choice.name, masks: modes.masks.map((mask) => mask.members()) };
};

describe('the modes of a gate', () => {
  test('are the rows of its masks that reach the threshold', () => {
    expect(modesIn(modal())).toEqual({
      choice: 'm',
      masks: [
        [0, 2],
        [2, 3],
        [0, 2, 3],
      ],
    });
    const higher = modal('y = ai.swan.Gate <axis: int = 1, threshold: float = 1.0> (h, s)');
    expect(modesIn(higher)?.masks).toEqual([[0], [2, 3], [2, 3]]);
  });

  test('are seen through operators that only move elements', () => {
    const aligned = `k = Unsqueeze (h, last)
  u = Unsqueeze (s, last)
  t = Transpose <perm: ints = [0, 2, 1, 3]> (u)
  b = Transpose <perm: ints = [0, 2, 1, 3]> (t)
  y = ai.swan.Gate <axis: int = 1> (k, b)`;
    expect(modesIn(modal(aligned, 'float[N, 4, 1, 1]'))?.masks).toEqual([
      [0, 2],
      [2, 3],
      [0, 2, 3],
    ]);
    const groups = `f = Gather <axis: int = 1> (h, pairs)
  u = Gather <axis: int = 1> (s, pairs)
  y = ai.swan.Gate <axis: int = 1> (f, u)`;
    expect(modesIn(modal(groups, 'float[N, 8]'))?.masks[1]).toEqual([4, 5, 6, 7]);
    const order = 'u = Gather <axis: int = 1> (s, turned)\n  y = ai.swan.Gate <axis: int = 1> (h, u)';
    expect(modesIn(modal(order))?.masks[0]).toEqual([1, 3]);
  });

  test('are not those of scores that are computed', () => {
    expect(modesIn(modal('y = ai.swan.Gate <axis: int = 1> (h, h)'))).toBeUndefined();
    expect(modesIn(modal('u = Neg (s)\n  y = ai.swan.Gate <axis: int = 1> (h, u)'))).toBeUndefined();
    const scored = modal('u = Gather <axis: int = 1> (s, turned)\n  y = ai.swan.Gate <axis: int = 1> (h, u)');
    expect(modesIn(scored.replace('(masks, m)', '(h, m)'))).toBeUndefined();
  });
});

/** The gate with readers that let units go. */
const read = (masks?: string) => {
  const text = modal(
    'k = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)\n  y = Gemm (k, w2)',
    'float[N, 2]',
  ).replace('int64[2] last', 'float[4, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0},\n  int64[2] last');
  return masks === undefined ? text : text.replace(/masks = \{.*\}/, `masks = {${masks}}`);
};

describe('masks prove', () => {
  test('units dead that are off in every mode, whatever the inputs', async () => {
    const { graph, removed } = await runPass(read(), [removeConstantUnits], { dead: 'proved' });
    expect(removed).toMatchObject([{ gate: 'gate', units: [1], basis: 'proved', reason: 'off' }]);
    await expectSameFunction(graphOf(read()), graph, { samples: 32 });
    const [gate] = gatesOf(graph);
    expect(gate?.sourceUnits).toEqual([0, 2, 3]);
    expect(gate === undefined ? undefined : modesOf(gate)?.masks.map((mask) => mask.members())).toEqual([
      [0, 1],
      [1, 2],
      [0, 1, 2],
    ]);
  });

  test('a gate always on whose units are on in every mode', async () => {
    const text = read(Array<string>(12).fill('0.0').join(', '));
    const { graph, removed } = await runPass(text, [removeAlwaysOnGates], { dead: 'proved' });
    expect(removed).toMatchObject([{ gate: 'gate', units: [0, 1, 2, 3], basis: 'proved', reason: 'on' }]);
    expect(operators(graph)).toEqual(['Gemm', 'Gemm']);
    await expectSameFunction(graphOf(text), graph);
  });
});

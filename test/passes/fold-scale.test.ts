import { describe, expect, test } from 'vitest';
import { foldConstants } from '../../passes/fold-constants.js';
import { foldScale } from '../../passes/fold-scale.js';
import { expectSameFunction, graphOf, operators, runPass } from './support.js';

const scaled = async (nodes: string, constants = '', output = 'float[N, 1, h, v] y') => {
  const text = `g (float[N, 2, 4, 4] x) => (${output})
<
  float two = {2.0},
  float minus = {-2.0},
  float[2, 1, 1] c = {3.0, 0.5},
  float[4] rows = {3.0, 0.5, 1.0, 2.0},
  float[1, 2, 2, 2] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}${constants}
>
{
${nodes}
}`;
  const { graph } = await runPass(text, [foldScale, foldConstants]);
  await expectSameFunction(graphOf(text), graph, { absolute: 1e-5 });
  return operators(graph).join(' ');
};

describe('a positive factor', () => {
  test('goes into the weights behind it, padded or not', async () => {
    expect(await scaled('  a = Mul (x, two)\n  y = Conv (a, w)')).toBe('Conv');
    expect(await scaled('  a = Mul (c, x)\n  y = Conv <pads: ints = [1, 1, 1, 1]> (a, w)')).toBe('Conv');
  });

  test('goes through gates, poolings and residual readers', async () => {
    expect(
      await scaled(
        '  a = Mul (x, c)\n  g = ai.swan.Gate <axis: int = 1> (a, x)\n  m = MaxPool <kernel_shape: ints = [2, 2]> (g)\n  y = Conv (m, w)',
      ),
    ).toBe('Gate MaxPool Conv');
    expect(await scaled('  a = Mul (x, c)\n  p = Conv (a, w)\n  q = Conv (a, w)\n  y = Add (p, q)')).toBe(
      'Conv Conv Add',
    );
  });

  test('stays before what it does not pass: an activation, a score, a sum, itself', async () => {
    expect(await scaled('  a = Mul (x, two)\n  s = Sigmoid (a)\n  y = Conv (s, w)')).toBe('Mul Sigmoid Conv');
    expect(
      await scaled(
        '  a = Mul (x, two)\n  g = ai.swan.Gate <axis: int = 1, threshold: float = 0.5> (x, a)\n  y = Conv (g, w)',
      ),
    ).toBe('Mul Gate Conv');
    expect(await scaled('  a = Mul (x, two)\n  s = Add (a, x)\n  y = Conv (s, w)')).toBe('Mul Add Conv');
    expect(await scaled('  a = Mul (x, two)\n  s = Mul (a, a)\n  y = Conv (s, w)')).toBe('Mul Mul Conv');
  });

  test('stays if it is negative, varies along another axis, or is an output', async () => {
    expect(await scaled('  a = Mul (x, minus)\n  y = Conv (a, w)')).toBe('Mul Conv');
    expect(await scaled('  a = Mul (x, rows)\n  y = Conv (a, w)')).toBe('Mul Conv');
    expect(await scaled('  a = Mul (x, two)\n  y = Conv (a, w)', '', 'float[N, 1, h, v] y, float[N, 2, 4, 4] a')).toBe(
      'Mul Conv',
    );
  });
});

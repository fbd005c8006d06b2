import { describe, expect, test } from 'vitest';
import { allPlans, planned } from '../passkit/gating/same-as-mask.js';
import { eagerCosts, expectSameFunction, graphOf, profileOfPatterns } from './support.js';

/** Gates in graphs of an uncommon kind: every plan that there is for them is forced. */

const numbers = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${((i * 7) % 13) - 6}.5`).join(', ');

const profile = profileOfPatterns({ gate: { units: 4, patterns: [[0, 2], [0, 2], [1], [3]] } });
const options = { profile, costs: eagerCosts, widths: { block: 1 } };

/** Two layers of which the first one's units are gated by `score`; `constants` and `rest` say what else there is. */
const layers = (
  inputs: string,
  score: string,
  rest: string,
  constants = '',
): string => `g (float[N, 3] x, ${inputs}) => (float[N, 2] y)
<
  float[3, 4] w = {${numbers(12)}},
  float[4] b = {0.1, 0.2, 0.3, 0.4},
  float[4, 2] w2 = {${numbers(8)}},
  float[1, 2] w3 = {2.0, -3.0},
  float[4, 4] masks = {1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0},
  int64[1] last = {1}${constants}
>
{
  h = Gemm (x, w, b)
${score}
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
${rest}
}`;

const plain = '  y = Gemm (gated, w2)';

const graphs = {
  'a mean over the units': layers(
    'float[N, 4] s',
    '',
    '  z = Gemm (gated, w2)\n  m = ReduceMean (gated, last)\n  v = MatMul (m, w3)\n  y = Add (z, v)',
  ),
  'modes by number, also from the end': layers(
    'float[N, 4] r',
    '  a = ArgMax <axis: int = 1, keepdims: int = 0> (r)\n  m = Sub (a, four)\n  s = Gather <axis: int = 0> (masks, m)',
    plain,
    ',\n  int64 four = {4}',
  ),
  'modes by numbers of 32 bits': layers(
    'float[N, 4] r',
    '  a = ArgMax <axis: int = 1, keepdims: int = 0> (r)\n  m = Cast <to: int = 6> (a)\n  s = Gather <axis: int = 0> (masks, m)',
    plain,
  ),
  'scores that are rows of a table': layers(
    'float[5, 4] t, float[N, 5] r',
    '  a = ArgMax <axis: int = 1, keepdims: int = 0> (r)\n  s = Gather <axis: int = 0> (t, a)',
    plain,
  ),
};

describe('every plan keeps the function with', () => {
  for (const [name, text] of Object.entries(graphs)) {
    for (const batch of [1, 4]) {
      test(`${name}, planned for a batch of ${batch}`, async () => {
        const source = graphOf(text);
        const plans = await allPlans(source, { ...options, batch });
        expect(plans.length).toBeGreaterThan(0);
        for (const { plan } of plans) {
          const { graph } = await planned(source, { gate: plan }, { ...options, batch });
          for (const samples of [1, 2, 5]) {
            for (const seed of [1, 2, 3]) await expectSameFunction(source, graph, { samples, seed });
          }
        }
      });
    }
  }
});

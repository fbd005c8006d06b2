import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { expectSameFunction, graphOf, profileOf, runPass } from './support.js';

/** Small graphs whose function removal once changed: what random graphs showed, shrunk. */
const cases: readonly {
  readonly what: string;
  readonly dead: Readonly<Record<string, readonly number[]>>;
  readonly text: string;
}[] = [
  {
    what: 'a mean over positions, those among them that a Pad fills in',
    dead: { gate: [2] },
    text: `g (float[N, 2, 3] x) => (float[N, 2] y)
<
  float[3, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0},
  float[3] b = {1.0, 1.0, -50.0},
  int64[6] pads = {0, 1, 0, 0, 1, 0},
  float fill = {-1.0},
  int64[1] axis = {1},
  float[3, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
>
{
  h = MatMul (x, w)
  s = Add (x, b)
  gated = ai.swan.Gate <axis: int = 2, name: string = "gate"> (h, s)
  padded = Pad (gated, pads, fill)
  mean = ReduceMean <keepdims: int = 0> (padded, axis)
  y = Gemm (mean, w2)
}`,
  },
];

describe('removal keeps the function of', () => {
  test.each(cases)('$what', async ({ text, dead }) => {
    const graph = graphOf(text);
    const { graph: after } = await runPass(graph, [removeConstantUnits, removeDeadUnits], {
      profile: profileOf(graph, dead),
    });
    expect(await expectSameFunction(graph, after)).toBeGreaterThan(0);
  });
});

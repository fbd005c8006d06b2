import { describe, expect, test } from 'vitest';
import { orderUnits } from '../../passes/order-units.js';
import { gatesOf } from '../../src/passkit/gates.js';
import { seededRandom } from '../../src/support/random.js';
import { expectSameFunction, fakeProfile, graphOf, profileOfPatterns, runPass } from './support.js';

/** A constant in the text form. */
const random = seededRandom(7);
const constant = (name: string, ...dims: readonly number[]): string => {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const data = Array.from({ length: size }, () => random.normal().toFixed(3));
  return `  float[${dims.join(', ')}] ${name} = {${data.join(', ')}}`;
};

const constants = [
  constant('w', 3, 6),
  constant('b', 6),
  constant('v', 3, 6),
  constant('a', 6),
  constant('w2', 6, 2),
  constant('w3', 3, 6),
  constant('w4', 12, 2),
  constant('k', 6, 3, 1, 1),
  constant('pooled', 3, 6),
  constant('dense', 24, 2),
  constant('grouped', 4, 3, 3, 3),
  constant('half', 3, 2),
  constant('masks', 2, 6),
  constant('logits', 3, 2),
].join(',\n');

const gate = (name: string, features: string, score = 's'): string =>
  `  ${name}_on = ai.swan.Gate <axis: int = 1, name: string = "${name}"> (${features}, ${score})`;

const rows = (...lines: readonly string[]): string =>
  `g (float[N, 3] x) => (float[N, P] y)\n<\n${constants}\n>\n{\n  s = Gemm (x, v, a)\n  h = Gemm (x, w, b)\n${lines.join('\n')}\n}`;

const image = (...lines: readonly string[]): string =>
  `g (float[N, 3, 2, 2] x) => (float y)\n<\n${constants},\n  int64[2] places = {2, 3}\n>\n{
  m = ReduceMean <keepdims: int = 0> (x, places)\n  r = Gemm (m, pooled, a)\n  s = Unsqueeze (r, places)
  h = Conv (x, k, b)\n${lines.join('\n')}\n}`;

/** Units of two modes, every other one of each. */
const alternating = {
  units: 6,
  patterns: [
    [0, 2, 4],
    [1, 3, 5],
  ],
};
const gathered = 'its units fire in 1.0 runs on average, and not in 3.0';

async function ordered(text: string, profile = profileOfPatterns({ gate: alternating, other: alternating })) {
  const before = graphOf(text);
  const result = await runPass(before, [orderUnits], { profile });
  await expectSameFunction(before, result.graph);
  return { ...result, what: result.findings.map(({ what }) => what), gates: gatesOf(result.graph) };
}

describe('units are put where those are that fire with them', () => {
  test('in dense layers', async () => {
    const { what, gates, graph } = await ordered(rows(gate('gate', 'h'), '  t = Relu (gate_on)', '  y = Gemm (t, w2)'));
    expect(what).toEqual([gathered]);
    expect(gates[0]?.sourceUnits).toEqual([0, 2, 4, 1, 3, 5]);
    // Once more, nothing is left to do: the profile goes by the numbers in the source model.
    const again = await runPass(graph, [orderUnits], { profile: profileOfPatterns({ gate: alternating }) });
    expect(again.findings[0]?.done).toBe(false);
  });

  test('through flattened positions', async () => {
    const { what } = await ordered(image(gate('gate', 'h'), '  f = Flatten (gate_on)', '  y = Gemm (f, dense)'));
    expect(what).toEqual([gathered]);
  });

  test('in gates of one residual sum together', async () => {
    const { what, gates } = await ordered(
      rows(
        gate('gate', 'h'),
        '  h2 = Gemm (x, w3)',
        gate('other', 'h2'),
        '  sum = Add (gate_on, other_on)',
        '  y = Gemm (sum, w2)',
      ),
    );
    expect(what).toEqual([gathered, gathered]);
    expect(gates.map(({ sourceUnits }) => sourceUnits)).toEqual([
      [0, 2, 4, 1, 3, 5],
      [0, 2, 4, 1, 3, 5],
    ]);
  });

  test('within each part of a concatenation', async () => {
    const { what } = await ordered(
      rows(
        gate('gate', 'h'),
        '  h2 = Gemm (x, w3)',
        gate('other', 'h2'),
        '  both = Concat <axis: int = 1> (gate_on, other_on)',
        '  y = Gemm (both, w4)',
      ),
    );
    expect(what).toEqual([gathered, gathered]);
  });

  test('within each group of a convolution', async () => {
    const text = image(gate('gate', 'h'), '  y = Conv <group: int = 2, pads: ints = [1, 1, 1, 1]> (gate_on, grouped)');
    const profile = profileOfPatterns({ gate: { units: 6, patterns: [[0, 2], [3, 5], [1], [4]] } });
    const { what, gates } = await ordered(text, profile);
    expect(what).toEqual(['its units fire in 1.0 runs on average, and not in 1.5']);
    const source = gates[0]?.sourceUnits ?? [];
    expect(source.slice(3)).toEqual(source.slice(0, 3).map((unit) => unit + 3));
  });

  test('in modal gates, by their masks, without a profile', async () => {
    const masks = '  float[2, 6] masks2 = {1, -1, 1, -1, 1, -1, -1, 1, -1, 1, -1, 1}';
    const text = rows(
      '  l = Gemm (x, logits)',
      '  m = ArgMax <axis: int = -1, keepdims: int = 0> (l)',
      '  row = Gather <axis: int = 0> (masks2, m)',
      gate('gate', 'h', 'row'),
      '  y = Gemm (gate_on, w2)',
    ).replace(constants, `${constants},\n${masks}`);
    const { what } = await ordered(text, fakeProfile({}));
    expect(what).toEqual([gathered]);
  });
});

describe('units keep their order', () => {
  const findings = async (text: string, profile?: Parameters<typeof ordered>[1]) => (await ordered(text, profile)).what;

  test('where an operator takes a part of them', async () => {
    const text = rows(
      gate('gate', 'h'),
      '  left, right = Split <axis: int = 1, num_outputs: int = 2> (gate_on)',
      '  p = Mul (left, right)',
      '  y = Gemm (p, half)',
    );
    expect(await findings(text)).toEqual([expect.stringContaining('keep their order')]);
  });

  test('where they are an output of the model', async () => {
    const text = rows(gate('gate', 'h'), '  y = Relu (gate_on)');
    expect(await findings(text)).toEqual(["its units keep their order: it is part of the output 'y'"]);
  });

  test('where nothing is known of them', async () => {
    const text = rows(gate('gate', 'h'), '  y = Gemm (gate_on, w2)');
    expect(await findings(text, fakeProfile({}))).toEqual([expect.stringContaining('no profile that tells')]);
  });

  test('where they lie well', async () => {
    const text = rows(gate('gate', 'h'), '  y = Gemm (gate_on, w2)');
    const profile = profileOfPatterns({
      gate: {
        units: 6,
        patterns: [
          [0, 1, 2],
          [3, 4, 5],
        ],
      },
    });
    expect(await findings(text, profile)).toEqual([expect.stringContaining('no other is much better than 1.0 runs')]);
  });

  test('where one gate is for the whole block', async () => {
    const text = rows('  one = ReduceMax (s, axis)', gate('gate', 'h', 'one'), '  y = Gemm (gate_on, w2)').replace(
      constants,
      `${constants},\n  int64[1] axis = {1}`,
    );
    const profile = profileOfPatterns({ gate: { units: 1, patterns: [[0], []] } });
    expect(await findings(text, profile)).toEqual([expect.stringContaining('one unit for the whole block')]);
  });
});

import { describe, expect, test } from 'vitest';
import { mergeDuplicateUnits } from '../../passes/merge-duplicate-units.js';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { seededRandom } from '../../src/support/random.js';
import { expectSameFunction, graphOf, runPass } from './support.js';

/** Removal through operators that cut, fill, group, resize and sum up axes, and through recurrent ones. */

/** A constant of random weights in the text form. */
function weights(name: string, ...dims: readonly number[]): string {
  const random = seededRandom([...name].reduce((seed, letter) => 31 * seed + letter.charCodeAt(0), dims.length));
  const size = dims.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: size }, () => (0.05 + random.uniform()) * (random.uniform() < 0.5 ? -1 : 1));
  return `float[${dims.join(', ')}] ${name} = {${values.map((value) => value.toFixed(4)).join(', ')}}`;
}

interface Network {
  readonly units: number;
  /** Units whose gate never fires. */
  readonly off: readonly number[];
  readonly rest: string;
  readonly constants?: readonly string[];
  readonly outputs?: string;
}

const numbers = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(', ');

const biases = ({ units, off }: Network): string =>
  `float[${units}] bs = {${numbers(Array.from({ length: units }, (_, unit) => (off.includes(unit) ? -90 : 0.1)))}}`;

/** Channels of a convolution [N, units, 4, 3] that are gated: \`gated\`, and \`active\` which is 0.5 where they are off. */
const channels = (network: Network): string => `g (float[N, 2, 4, 3] x) => (${network.outputs ?? 'float[N, 3, P, Q] y'})
<
  ${[weights('w', network.units, 2, 1, 1), weights('ws', network.units, 2, 1, 1), biases(network), ...(network.constants ?? [])].join(',\n  ')}
>
{
  h = Conv (x, w)
  pooled = GlobalAveragePool (x)
  s = Conv (pooled, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
${network.rest}
}`;

/** Features of a dense layer [N, units] that are gated in the same way. */
const features = (network: Network): string => `g (float[N, 3] x) => (${network.outputs ?? 'float[N, 2] y'})
<
  ${[weights('w', 3, network.units), weights('ws', 3, network.units), biases(network), ...(network.constants ?? [])].join(',\n  ')}
>
{
  h = MatMul (x, w)
  s = Gemm (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
${network.rest}
}`;

async function removal(text: string) {
  const result = await runPass(text, [removeConstantUnits], { inputRange: [-10, 10] });
  expect(await expectSameFunction(graphOf(text), result.graph, { samples: 5 })).toBeGreaterThan(0);
  const shapes = Object.fromEntries([...result.graph.constants].map(({ name, shape }) => [name, shape?.join()]));
  const lists = Object.fromEntries(
    [...result.graph.constants].flatMap(({ name, constant }) =>
      constant?.type === 'int64' ? [[name, constant.numbers()]] : [],
    ),
  );
  const units = result.removed.filter(({ gate }) => gate === 'gate').flatMap((removed) => removed.units);
  return { ...result, shapes, lists, units };
}

/** Nothing goes, and the report says why. */
async function stays(text: string, reason: string): Promise<void> {
  const { units, findings } = await removal(text);
  expect(units).toEqual([]);
  expect(findings.map(({ what }) => what).join('\n')).toContain(reason);
}

describe('parts of an axis', () => {
  test('of a Split lose what each of them has lost', async () => {
    const { shapes, lists, body } = await removal(
      features({
        units: 6,
        off: [1, 4, 5],
        rest: '  left, right = Split <axis: int = 1, num_outputs: int = 2> (active)\n  a = MatMul (left, wl)\n  b = MatMul (right, wr)\n  y = Add (a, b)',
        constants: [weights('wl', 3, 2), weights('wr', 3, 2)],
      }),
    );
    expect(shapes).toMatchObject({ w: '3,3', wl: '2,2', wr: '1,2' });
    expect(Object.values(lists)).toEqual([[2, 1]]);
    expect(body.join('\n')).not.toContain('num_outputs');
  });

  test('of a Split that are not there again as they were come from it at other places', async () => {
    // The units of the first part are those of the second, as both are added up.
    const { units } = await removal(
      features({
        units: 6,
        off: [1, 4],
        rest: '  left, right = Split <axis: int = 1, num_outputs: int = 2> (active)\n  both = Mul (left, right)\n  y = MatMul (both, wl)',
        constants: [weights('wl', 3, 2)],
      }),
    );
    expect(units).toEqual([1, 4]);
    const one = await removal(
      features({
        units: 6,
        off: [1],
        rest: '  left, right = Split <axis: int = 1, num_outputs: int = 2> (active)\n  both = Mul (left, right)\n  y = MatMul (both, wl)',
        constants: [weights('wl', 3, 2)],
      }),
    );
    expect(one.units).toEqual([]);
  });

  test('of a Split keep one slot each', async () => {
    const { shapes, lists } = await removal(
      features({
        units: 4,
        off: [0, 1, 3],
        rest: '  left, right = Split <axis: int = 1, num_outputs: int = 2> (active)\n  a = MatMul (left, wl)\n  b = MatMul (right, wr)\n  y = Add (a, b)',
        constants: [weights('wl', 2, 2), weights('wr', 2, 2)],
      }),
    );
    expect(shapes).toMatchObject({ w: '3,2', wl: '1,2', wr: '1,2' });
    expect(Object.values(lists)).toEqual([[1, 1]]);
  });

  test('that a Slice cuts out move with what is left before them, and what it leaves out goes', async () => {
    const { shapes, lists, units } = await removal(
      features({
        units: 7,
        off: [0, 3],
        rest: '  part = Slice (active, starts, ends, axes)\n  y = MatMul (part, wl)',
        constants: ['int64[1] starts = {-5}', 'int64[1] ends = {6}', 'int64[1] axes = {-1}', weights('wl', 4, 2)],
      }),
    );
    expect(units).toEqual([0, 3]);
    // Units 0, 1 and 6 are read by nobody.
    expect(shapes).toMatchObject({ w: '3,3', wl: '3,2' });
    expect(lists).toMatchObject({ part_starts: [0], part_ends: [3] });
  });

  test('that a Slice leaves out stay where somebody else reads them', async () => {
    const { shapes, lists } = await removal(
      channels({
        units: 7,
        off: [0, 3],
        rest: '  part = Slice (active, starts, ends, axes)\n  a = Conv (part, wl)\n  b = Conv (active, wr)\n  y = Add (a, b)',
        constants: [
          'int64[3] starts = {2, 0, -3}',
          'int64[3] ends = {6, 9223372036854775807, 9223372036854775807}',
          'int64[3] axes = {1, 2, 3}',
          weights('wl', 3, 4, 1, 1),
          weights('wr', 3, 7, 1, 1),
        ],
      }),
    );
    expect(shapes).toMatchObject({ w: '5,2,1,1', wl: '3,3,1,1', wr: '3,5,1,1' });
    expect(lists).toMatchObject({ part_starts: [1, 0, -3] });
    expect(lists.part_ends?.[0]).toBe(4);
  });

  test('that a Slice takes in steps stay', async () => {
    await stays(
      features({
        units: 4,
        off: [0],
        rest: '  part = Slice (active, starts, ends, axes, steps)\n  y = MatMul (part, wl)',
        constants: [
          'int64[1] starts = {0}',
          'int64[1] ends = {4}',
          'int64[1] axes = {1}',
          'int64[1] steps = {2}',
          weights('wl', 2, 2),
        ],
      }),
      'Slice',
    );
  });
});

describe('a Pad', () => {
  const padded = (off: readonly number[], fill: string, rest: string, constants: readonly string[] = []): string =>
    channels({
      units: 3,
      off,
      rest: `  wide = Pad (active, pads${fill === '' ? '' : ', fill'})\n${rest}`,
      constants: [
        'int64[8] pads = {0, 2, 0, 0, 0, 1, 0, 0}',
        ...(fill === '' ? [] : [`float fill = {${fill}}`]),
        weights('w2', 3, 6, 1, 1),
        ...constants,
      ],
    });

  test('of channels loses those that it is given, and keeps what it fills in elsewhere', async () => {
    const { shapes, units } = await removal(padded([1], '', '  y = Conv (wide, w2)'));
    expect(units).toEqual([1]);
    // The channels that are filled in are constant, too.
    expect(shapes).toMatchObject({ w: '2,2,1,1', w2: '3,2,1,1' });
  });

  test('fills in channels that are added to others', async () => {
    // Unit 0 of the sum is what is filled in and an off unit of the first layer.
    const text = padded(
      [],
      '0.25',
      '  more = Conv (x, wm)\n  open = Sigmoid (more)\n  sum = Add (wide, open)\n  y = Conv (sum, w2)',
      [weights('wm', 6, 2, 1, 1)],
    );
    const dead = text.replace(/float\[6, 2, 1, 1\] wm = \{\S+ \S+/, 'float[6, 2, 1, 1] wm = {0.0, 0.0,');
    const { shapes } = await removal(dead);
    expect(shapes).toMatchObject({ wm: '5,2,1,1', w2: '3,5,1,1' });
  });

  test('of positions does not make zero of a channel what it fills in', async () => {
    const text = channels({
      units: 3,
      off: [1],
      rest: '  wide = Pad (gated, pads, fill)\n  y = Conv (wide, w2)',
      constants: ['int64[8] pads = {0, 1, 1, 0, 0, 0, 0, 2}', 'float fill = {0.75}', weights('w2', 3, 4, 2, 2)],
    });
    const { units } = await removal(text);
    expect(units).toEqual([1]);
  });

  test('of positions that a mean is taken over goes: what it fills in is added', async () => {
    const text = channels({
      units: 3,
      off: [2],
      rest: '  wide = Pad (gated, pads, fill)\n  mean = ReduceMean <keepdims: int = 0> (wide, rows)\n  y = MatMul (mean, w2)',
      constants: [
        'int64[8] pads = {0, 0, 1, 0, 0, 0, 1, 0}',
        'float fill = {-1.0}',
        'int64[1] rows = {2}',
        weights('w2', 3, 2),
      ],
      outputs: 'float[N, 3, 2] y',
    });
    const { lists, body } = await removal(text);
    expect(lists.wide_pads).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(body.at(-2)).toMatch(/= Add/);
  });

  test('that repeats channels keeps them', async () => {
    await stays(
      channels({
        units: 3,
        off: [1],
        rest: '  wide = Pad <mode: string = "edge"> (active, pads)\n  y = Conv (wide, w2)',
        constants: ['int64[8] pads = {0, 2, 0, 0, 0, 1, 0, 0}', weights('w2', 3, 6, 1, 1)],
      }),
      'Pad',
    );
  });
});

describe('grouped convolutions', () => {
  test('lose the same input channels in every group', async () => {
    const { shapes, units, body } = await removal(
      channels({
        units: 6,
        off: [1, 4, 5],
        rest: '  y = Conv <group: int = 2, pads: ints = [1, 0, 1, 0]> (active, w2, b2)',
        constants: [weights('w2', 4, 3, 3, 1), weights('b2', 4)],
        outputs: 'float[N, 4, 4, 3] y',
      }),
    );
    expect(units).toEqual([1, 4]);
    expect(shapes).toMatchObject({ w: '4,2,1,1', w2: '4,2,3,1' });
    expect(body.join('\n')).toContain('group: int = 2');
  });

  test('lose the same output channels in every group', async () => {
    const grouped = (off: readonly number[]): string => `g (float[N, 4, 4, 3] x) => (float[N, 3, 4, 3] y)
<
  ${[
    weights('w', 6, 2, 1, 1),
    weights('b', 6),
    weights('ws', 6, 4, 1, 1),
    biases({ units: 6, off, rest: '' }),
    weights('w2', 3, 6, 1, 1),
  ].join(',\n  ')}
>
{
  h = Conv <group: int = 2> (x, w, b)
  pooled = GlobalAveragePool (x)
  s = Conv (pooled, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
  y = Conv (active, w2)
}`;
    const { shapes, units } = await removal(grouped([0, 3, 4]));
    expect(units).toEqual([0, 3]);
    expect(shapes).toMatchObject({ w: '4,2,1,1', b: '4', w2: '3,4,1,1' });
    expect((await removal(grouped([0, 4]))).units).toEqual([]);
  });

  test('that are transposed lose the same channels in every group', async () => {
    const { shapes, units } = await removal(
      channels({
        units: 6,
        off: [1, 4, 5],
        rest: '  wide = ConvTranspose <group: int = 2, strides: ints = [2, 1]> (active, wt, bt)\n  y = Conv (wide, w2)',
        constants: [weights('wt', 6, 2, 2, 1), weights('bt', 4), weights('w2', 3, 4, 1, 1)],
      }),
    );
    expect(units).toEqual([1, 4]);
    expect(shapes).toMatchObject({ w: '4,2,1,1', wt: '4,2,2,1', bt: '4' });
  });

  test('that are transposed keep a channel whose weights are zero in one group alone', async () => {
    // Channel 1 of the first group is read with zeros, its partner is not, and is constant.
    const text = channels({
      units: 4,
      off: [3],
      rest: '  wide = ConvTranspose <group: int = 2> (active, wt)\n  y = Conv (wide, w2)',
      constants: ['float[4, 1, 1, 1] wt = {1.0, 0.0, 2.0, 3.0}', weights('w2', 3, 2, 1, 1)],
    });
    const { units } = await removal(text);
    expect(units).toEqual([]);
    const both = await removal(text.replace('{1.0, 0.0, 2.0, 3.0}', '{1.0, 0.0, 2.0, 0.0}'));
    expect(both.shapes).toMatchObject({ w: '2,2,1,1', wt: '2,1,1,1' });
  });

  test('that are transposed lose output channels in every group', async () => {
    const text = `g (float[N, 4, 3, 2] x) => (float[N, 3, P, Q] y)
<
  ${[
    weights('wt', 4, 3, 2, 1),
    weights('bt', 6),
    weights('ws', 6, 4, 1, 1),
    biases({ units: 6, off: [1, 4], rest: '' }),
    weights('w2', 3, 6, 1, 1),
  ].join(',\n  ')}
>
{
  h = ConvTranspose <group: int = 2, strides: ints = [2, 1]> (x, wt, bt)
  pooled = GlobalAveragePool (x)
  s = Conv (pooled, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
  y = Conv (active, w2)
}`;
    const { shapes, units } = await removal(text);
    expect(units).toEqual([1, 4]);
    expect(shapes).toMatchObject({ wt: '4,2,2,1', bt: '4', w2: '3,4,1,1' });
  });

  test('with one channel a group lose whole groups, transposed as well', async () => {
    const { shapes, units, body } = await removal(
      channels({
        units: 4,
        off: [2],
        rest: '  wide = ConvTranspose <group: int = 4, strides: ints = [2, 1]> (active, wt, bt)\n  open = Sigmoid (wide)\n  y = Conv (open, w2)',
        constants: [weights('wt', 4, 2, 2, 1), weights('bt', 8), weights('w2', 3, 8, 1, 1)],
      }),
    );
    expect(units).toEqual([2]);
    expect(shapes).toMatchObject({ w: '3,2,1,1', wt: '3,2,2,1', bt: '6', w2: '3,6,1,1' });
    expect(body.join('\n')).toContain('group: int = 3');
  });

  test('that are transposed do not merge equal channels of different groups', async () => {
    const text = channels({
      units: 4,
      off: [],
      rest: '  ends = Conv (x, wd)\n  wide = ConvTranspose <group: int = 2> (ends, wt)\n  y = Conv (wide, w2)',
      constants: [
        'float[4, 2, 1, 1] wd = {1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0}',
        weights('wt', 4, 1, 1, 1),
        weights('w2', 3, 2, 1, 1),
      ],
    });
    const { graph } = await runPass(text, [mergeDuplicateUnits]);
    await expectSameFunction(graphOf(text), graph);
  });

  test('that are depthwise and transposed do not take channels of other weights for equal', async () => {
    const text = channels({
      units: 4,
      off: [],
      rest: '  ends = Conv (x, wd)\n  wide = ConvTranspose <group: int = 2> (ends, wt)\n  y = Conv (wide, w2)',
      constants: ['float[2, 2, 1, 1] wd = {1.0, 2.0, 1.0, 2.0}', weights('wt', 2, 1, 1, 1), weights('w2', 3, 2, 1, 1)],
    });
    const { graph } = await runPass(text, [mergeDuplicateUnits, removeConstantUnits]);
    await expectSameFunction(graphOf(text), graph);
  });
});

describe('channels of another size of image', () => {
  const resized = (attributes: string, inputs: string, constants: readonly string[]): string =>
    channels({
      units: 3,
      off: [1],
      rest: `  wide = Resize <${attributes}> (active${inputs})\n  y = Conv (wide, w2)`,
      constants: [weights('w2', 3, 3, 1, 1), ...constants],
    });
  const scales = ['float[4] scales = {1.0, 1.0, 2.0, 1.5}'];

  test('go with their sizes by scale', async () => {
    for (const mode of ['nearest', 'linear', 'cubic']) {
      const { shapes, units } = await removal(resized(`mode: string = "${mode}"`, ', , scales', scales));
      expect(units).toEqual([1]);
      expect(shapes).toMatchObject({ w: '2,2,1,1', w2: '3,2,1,1' });
    }
  });

  test('go with sizes that are given', async () => {
    const { units, lists } = await removal(
      resized('mode: string = "linear", axes: ints = [1, 2, 3]', ', , , sizes', ['int64[3] sizes = {3, 7, 5}']),
    );
    expect(units).toEqual([1]);
    expect(Object.values(lists)).toEqual([[2, 7, 5]]);
  });

  test('stay where an engine may do otherwise', async () => {
    await stays(resized('mode: string = "linear", antialias: int = 1', ', , scales', scales), 'Resize');
    await stays(
      resized('coordinate_transformation_mode: string = "tf_half_pixel_for_nn"', ', , scales', scales),
      'Resize',
    );
  });

  test('go with the shape that they are expanded to', async () => {
    const { units, lists, shapes } = await removal(
      features({
        units: 4,
        off: [2],
        rest: '  row = Unsqueeze (active, one)\n  rows = Expand (row, shape)\n  y = MatMul (rows, wl)',
        constants: ['int64[1] one = {1}', 'int64[2] shape = {3, 4}', weights('wl', 4, 2)],
        outputs: 'float[N, 3, 2] y',
      }),
    );
    expect(units).toEqual([2]);
    expect(lists).toMatchObject({ rows_shape: [3, 3] });
    expect(shapes).toMatchObject({ w: '3,3', wl: '3,2' });
  });
});

describe('sums over units', () => {
  const summed = (op: string, rest = ''): string =>
    features({
      units: 5,
      off: [1, 3],
      rest: `  total = ${op} <keepdims: int = 1> (active, one)\n${rest}  y = Mul (total, wl)`,
      constants: ['int64[1] one = {1}', weights('wl', 1, 2)],
    });

  test('lose what is constant, which is added', async () => {
    const { units, body } = await removal(summed('ReduceSum'));
    expect(units).toEqual([1, 3]);
    expect(body.at(-2)).toMatch(/= Add/);
  });

  test('are still divided by the number that there were if they are means', async () => {
    const { units, body } = await removal(summed('ReduceMean'));
    expect(units).toEqual([1, 3]);
    expect(body.slice(-4).map((line) => line.replace(/^.* = (\w+) .*/, '$1'))).toEqual([
      'ReduceMean',
      'Mul',
      'Add',
      'Mul',
    ]);
  });

  test('of positions as well count what they share once', async () => {
    const { units } = await removal(
      channels({
        units: 4,
        off: [0],
        rest: '  total = ReduceMean <keepdims: int = 0> (active, axes)\n  flat = Flatten (total)\n  y = Mul (flat, wl)',
        constants: ['int64[2] axes = {1, 3}', weights('wl', 1, 4)],
        outputs: 'float[N, 4] y',
      }),
    );
    expect(units).toEqual([0]);
  });

  test('that are graph outputs keep their name', async () => {
    const { units } = await removal(
      features({
        units: 5,
        off: [1, 3],
        rest: '  y = ReduceMean <keepdims: int = 0> (active, one)',
        constants: ['int64[1] one = {1}'],
        outputs: 'float[N] y',
      }),
    );
    expect(units).toEqual([1, 3]);
  });

  test('that are no sums keep all units', async () => {
    for (const op of ['ReduceMax', 'ReduceProd', 'ReduceL1', 'ReduceL2']) await stays(summed(op), op);
  });
});

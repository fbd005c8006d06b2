import { describe, expect, test } from 'vitest';
import { removeConstantUnits } from '../../passes/remove-constant-units.js';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { Tensor } from '../../src/ir/tensor.js';
import { expectSameFunction, fakeProfile, graphOf, runGraph, runPass } from './support.js';

/** What is proved, then what the profile says. */
const unitRemoval = [removeConstantUnits, removeDeadUnits];

/** A dense hidden layer of three units, the second of which is gated off, and what follows it. */
const dense = (rest: string, constants = '', outputs = 'float[N, 2] y') => `g (float[N, 2] x) => (${outputs})
<
  float[2, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3] b = {0.1, 0.2, 0.3},
  float[2, 3] ws = {1.0, 0.0, -1.0, 1.0, 0.0, 1.0},
  float[3] bs = {0.5, -9.0, 0.25},
  float[3, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5}${constants === '' ? '' : `,\n${constants}`}
>
{
  h = Gemm (x, w, b)
  s = Gemm (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
${rest}
}`;

/** Two convolutions with a channel gate between that never lets channel 1 through. */
const convolutions = (
  between: string,
  pads: string,
  constants = '',
) => `g (float[N, 1, 4, 4] x) => (float[N, 1, 4, 4] y)
<
  float[3, 1, 1, 1] w = {1.0, 2.0, 3.0},
  float[1, 3] ws = {1.0, 0.0, -1.0},
  float[3] bs = {0.5, -9.0, 0.25},
  int64[2] axes = {2, 3},
  float[1, 3, 3, 3] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5,
    -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0}${constants === '' ? '' : `,\n${constants}`}
>
{
  h = Conv (x, w)
  pooled = GlobalAveragePool (x)
  rows = Flatten (pooled)
  scores = Gemm (rows, ws, bs)
  s = Unsqueeze (scores, axes)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
${between}
  y = Conv <pads: ints = [${pads}]> (active, w2)
}`;

async function removal(text: string, options: Parameters<typeof runPass>[2] = {}) {
  const before = graphOf(text);
  const result = await runPass(text, unitRemoval, { inputRange: [-10, 10], ...options });
  expect(await expectSameFunction(before, result.graph, { samples: 6 })).toBeGreaterThan(0);
  const shapes = Object.fromEntries([...result.graph.constants].map(({ name, shape }) => [name, shape?.join()]));
  return { ...result, shapes };
}

describe('a unit that never fires', () => {
  test('goes from the weights that make it, its score and the weights that read it', async () => {
    const { body, shapes, findings, removed } = await removal(dense('  y = Gemm (gated, w2)'));
    expect(body.join('\n')).toMatchInlineSnapshot(`
      "h = Gemm (x, w, b)
      s = Gemm (x, ws, bs)
      gated = ai.swan.Gate <axis: int = 1, name: string = "gate", units: ints = [0, 2]> (h, s)
      y = Gemm (gated, w2)"
    `);
    expect(shapes).toMatchObject({ w: '2,2', b: '2', ws: '2,2', bs: '2', w2: '2,2' });
    expect(removed).toEqual([{ gate: 'gate', units: [1], basis: 'proved', reason: 'off' }]);
    expect(findings).toEqual([{ where: 'gate', done: true, what: '1 of 3 units removed (1 proved, 0 observed)' }]);
  });

  test('leaves what it adds behind an activation that is not zero at zero', async () => {
    const { body } = await removal(dense('  active = Sigmoid (gated)\n  y = Gemm (active, w2)'));
    expect(body.at(-1)).toMatch(/^y = Add \(/);
  });

  test('leaves a map over positions where zero padding hides its constant from the border', async () => {
    const { graph, shapes } = await removal(convolutions('  active = Sigmoid (gated)', '1, 1, 1, 1'));
    expect(shapes).toMatchObject({ w: '2,1,1,1', w2: '1,2,3,3' });
    expect([...graph.constants].some(({ shape }) => shape?.join() === '1,1,4,4')).toBe(true);
  });

  test('leaves nothing behind where its constant is zero', async () => {
    const { graph, body } = await removal(convolutions('  active = Relu (gated)', '1, 1, 1, 1'));
    expect(body.at(-1)).toMatch(/^y = Conv/);
    expect(graph.nodes).toHaveLength(8);
  });

  test('goes on the ground of a profile only if observations count', async () => {
    const text = dense('  y = Gemm (gated, w2)').replace(
      'float[3] bs = {0.5, -9.0, 0.25}',
      'float[3] bs = {0.5, -9.0, -12.0}',
    );
    const profile = fakeProfile({ gate: [50, 0, 0] });
    const observed = await removal(text, { profile, dead: 'observed', inputRange: [-8, 8] });
    expect(observed.removed.map(({ basis, units }) => [basis, units])).toEqual([
      ['proved', [1]],
      ['observed', [2]],
    ]);
    expect(observed.findings.map(({ what }) => what).join()).toContain('p <= 0.030 at 95 %');
    const proved = await removal(text, { profile, dead: 'proved', inputRange: [-8, 8] });
    expect(proved.removed.map(({ units }) => units)).toEqual([[1]]);
  });

  test('is proved never to fire by the range of the input', async () => {
    const text = dense('  y = Gemm (gated, w2)').replace('{0.5, -9.0, 0.25}', '{0.5, -9.0, -2.5}');
    const { removed } = await runPass(text, unitRemoval, { dead: 'proved', inputRange: [0, 1] });
    expect(removed.map(({ units }) => units)).toEqual([[1, 2]]);
  });

  test('goes from both sides of a residual only if it is constant on both', async () => {
    const one = await removal(dense('  sum = Add (gated, h)\n  y = Gemm (sum, w2)'));
    expect(one.removed).toEqual([]);
    expect(one.findings[0]?.what).toBe("1 units that are off stay: 'y' reads it where it is not constant");
    const both = await removal(
      dense(
        '  twin = ai.swan.Gate <axis: int = 1, name: string = "twin"> (h, s)\n  sum = Add (gated, twin)\n  y = Gemm (sum, w2)',
      ),
    );
    expect(both.shapes).toMatchObject({ w2: '2,2', w: '2,2' });
  });
});

describe('a unit that is off stays', () => {
  const stays = async (rest: string, constants = '', outputs?: string) => {
    const { removed, findings } = await removal(dense(rest, constants, outputs));
    expect(removed).toEqual([]);
    return findings.at(-1)?.what;
  };

  test('if somebody reads it before the gate', async () => {
    const what = await stays(
      '  y = Gemm (gated, w2)\n  z = Gemm (h, w3)',
      '  float[3, 1] w3 = {1.0, 1.0, 1.0}',
      'float[N, 2] y, float[N, 1] z',
    );
    expect(what).toBe("1 units that are off stay: 'z' reads it where it is not constant");
  });

  test('if a normalization sees the number of units', async () => {
    const what = await stays('  n = LayerNormalization (gated, b)\n  y = Gemm (n, w2)');
    expect(what).toContain('LayerNormalization');
  });

  test('if it is part of an output', async () => {
    expect(await stays('  y = Identity (gated)', '', 'float[N, 3] y')).toContain("it is part of the output 'y'");
  });

  test('if the score is computed from the units themselves', async () => {
    const { removed } = await removal(
      dense(
        '  s2 = Gemm (gated, wss)\n  again = ai.swan.Gate <axis: int = 1, name: string = "again"> (h, s2)\n  y = Gemm (again, w2)',
        '  float[3, 3] wss = {1.0, 0.5, 0.25, 9.0, 9.0, 9.0, -1.0, 1.0, 0.0}',
      ),
    );
    expect(removed).toEqual([]);
  });
});

describe('a gate that lets nothing through', () => {
  test('in front of a sum takes its whole branch away', async () => {
    const { body, removed, findings } = await removal(
      dense('  sum = Add (gated, h)\n  y = Gemm (sum, w2)')
        .replace('{0.5, -9.0, 0.25}', '{-9.0, -9.0, -9.0}')
        .replace('{1.0, 0.0, -1.0, 1.0, 0.0, 1.0}', '{0.0, 0.0, 0.0, 0.0, 0.0, 0.0}'),
    );
    expect(body.join('\n')).not.toContain('Gate');
    expect(removed[0]?.units).toEqual([0, 1, 2]);
    expect(findings[0]?.what).toBe('never fires: the branch it gates adds nothing (3 proved, 0 observed)');
  });

  test('is added to itself: one of the two is closed, the shape stays', async () => {
    await removal(
      dense('  sum = Add (gated, gated)\n  y = Gemm (sum, w2)')
        .replace('{0.5, -9.0, 0.25}', '{-9.0, -9.0, -9.0}')
        .replace('{1.0, 0.0, -1.0, 1.0, 0.0, 1.0}', '{0.0, 0.0, 0.0, 0.0, 0.0, 0.0}'),
    );
  });

  test('for a whole block leaves one channel', async () => {
    const block = await removal(
      convolutions('  active = Sigmoid (gated)', '1, 1, 1, 1')
        .replace('float[1, 3] ws = {1.0, 0.0, -1.0}', 'float[1, 1] ws = {0.0}')
        .replace('float[3] bs = {0.5, -9.0, 0.25}', 'float[1] bs = {-9.0}'),
    );
    expect(block.shapes).toMatchObject({ w: '1,1,1,1', w2: '1,1,3,3' });
    expect(block.removed).toEqual([{ gate: 'gate', units: [0], basis: 'proved', reason: 'off' }]);
  });
});

describe('constants on the way', () => {
  test('of a gate that lets a constant unit through are not taken for zero', async () => {
    // Unit 1 is off in the first gate and 0.5 behind the Sigmoid; the second gates units by themselves and passes 0.5.
    const { shapes } = await removal(
      dense(
        '  active = Sigmoid (gated)\n  self = ai.swan.Gate <axis: int = 1, name: string = "self"> (active, active)\n  y = Gemm (self, w2)',
      ),
      { profile: fakeProfile({ gate: [50, 0, 50], self: [50, 100, 50] }) },
    );
    expect(shapes).toMatchObject({ w2: '2,2' });
  });

  test('of a gate some units of which are off and others constant for another reason', async () => {
    // Unit 1 passes the second gate as a constant, unit 2 never does.
    const text = dense(
      '  active = Sigmoid (gated)\n  shifted = Mul (active, m)\n  self = ai.swan.Gate <axis: int = 1, name: string = "self"> (active, shifted)\n  y = Gemm (self, w2)',
      '  float[3] m = {1.0, 1.0, -1.0}',
    );
    const { removed, shapes } = await removal(text, {
      profile: fakeProfile({ gate: [50, 0, 50], self: [50, 100, 0] }),
    });
    expect(removed.map(({ gate, units }) => [gate, units])).toEqual([
      ['gate', [1]],
      ['self', [2]],
    ]);
    expect(shapes).toMatchObject({ w2: '1,2' });
  });

  test('are computed for all of a batch of fixed size', async () => {
    const text = `g (float[3, 2, 2, 2] x) => (float[3, 1] y)
<
  float[2, 2, 1, 1] w = {1.0, 2.0, 3.0, 4.0},
  float[2, 2, 1, 1] ws = {1.0, 1.0, 0.0, 0.0},
  float[2] bs = {0.1, -9.0},
  int64[2] shape = {3, 8},
  float[8, 1] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}
>
{
  h = Conv (x, w)
  s = Conv (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
  flat = Reshape (active, shape)
  y = Gemm (flat, w2)
}`;
    const before = graphOf(text);
    const { graph, removed } = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
    expect(removed.map(({ units }) => units)).toEqual([[1]]);
    await expectSameFunction(before, graph, { samples: 3 });
  });

  test('are followed along the right one of two axes that a flatten merges', async () => {
    const text = `g (float[N, 1, 2, 1] x, float[N, 2, 1, 1] z) => (float[N, 1] y)
<
  float[2, 1, 1, 1] w = {1.0, 2.0},
  float[2, 1, 1, 1] ws = {0.0, 0.0},
  float[2] bs = {-9.0, -9.0},
  float[8, 1] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}
>
{
  h = Conv (x, w)
  s = Conv (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  turned = Transpose <perm: ints = [0, 2, 3, 1]> (gated)
  other = Tanh (z)
  both = Concat <axis: int = 3> (turned, other, other)
  flat = Flatten (both)
  y = Gemm (flat, w2)
}`;
    const { graph } = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
    await expectSameFunction(graphOf(text), graph);
  });

  test('along an axis of unknown size that is no batch are not guessed', async () => {
    // The first axis becomes the one that a padded depthwise convolution slides over.
    const text = `g (float[T, 2] x) => (float[T, 1] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0},
  float[2, 2] ws = {1.0, 0.0, 1.0, 0.0},
  float[2] bs = {0.1, -9.0},
  int64[1] zero = {0},
  float[2, 1, 3] wd = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[2, 1] w2 = {1.0, 2.0}
>
{
  h = Gemm (x, w)
  s = Gemm (x, ws, bs)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  active = Sigmoid (gated)
  turned = Transpose <perm: ints = [1, 0]> (active)
  rows = Unsqueeze (turned, zero)
  mixed = Conv <group: int = 2, pads: ints = [1, 1]> (rows, wd)
  single = Squeeze (mixed, zero)
  back = Transpose <perm: ints = [1, 0]> (single)
  y = Gemm (back, w2)
}`;
    const before = graphOf(text);
    const { graph } = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
    await expectSameFunction(before, graph, { samples: 5 });
  });

  test('of a softmax over the samples of a batch are not guessed', async () => {
    await removal(dense('  soft = Softmax <axis: int = 0> (gated)\n  y = Gemm (soft, w2)'));
  });
});

test('scores are bounded along the axis of units, not along another', async () => {
  // Bounds of the score are known along axis 1, of positions; units lie along axis 2.
  const text = `g (float[N, 2, 2] x) => (float[N, 2, 1] y)
<
  float[2, 1] shift = {-9.0, 9.0},
  float[2, 1] w2 = {1.0, 2.0}
>
{
  bounded = Sigmoid (x)
  s = Add (bounded, shift)
  gated = ai.swan.Gate <axis: int = 2, name: string = "gate"> (x, s)
  y = MatMul (gated, w2)
}`;
  const { removed, graph } = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
  expect(removed).toEqual([]);
  await expectSameFunction(graphOf(text), graph);
});

test('gates in branches are not reported as gone', async () => {
  const text = `g (float[N, 2] x, bool c) => (float[N, 2] y)
<
  float[2] never = {-9.0, -9.0}
>
{
  y = If <then_branch: graph = on () => (float[N, 2] z)
    {
      s = Min (x, never)
      z = ai.swan.Gate <axis: int = 1, name: string = "gate"> (x, s)
    }, else_branch: graph = off () => (float[N, 2] w)
    {
      w = Relu (x)
    }> (c)
}`;
  const { removed } = await runPass(text, unitRemoval, { profile: fakeProfile({ gate: [0, 0] }) });
  expect(removed).toEqual([]);
});

test('removing again finds nothing more, and the same text comes out twice', async () => {
  const text = convolutions('  active = Sigmoid (gated)', '1, 1, 1, 1');
  const first = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
  const second = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
  const again = await runPass(first.graph, unitRemoval, { inputRange: [-10, 10] });
  expect(second.text).toBe(first.text);
  expect(again.text).toBe(first.text);
});

test('a unit stays whose mask is an output', async () => {
  const rest = '  kept, mask = Dropout (gated)\n  y = Gemm (kept, w2)';
  const text = dense(rest, undefined, 'float[N, 2] y, bool[N, 3] mask');
  const { graph, removed, findings } = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
  expect(removed).toEqual([]);
  expect(findings.map(({ what }) => what)).toEqual([expect.stringContaining('Dropout')]);
  const { mask } = await runGraph(graph, { x: Tensor.floats([1, 2], [1, 2]) });
  expect(mask?.dims).toEqual([1, 3]);
});

test('a gate that never opens and that somebody else reads is reported as removed', async () => {
  const text = `g (float[N, 3] x, float[N, 3] s) => (float[N, 3] z, float[N, 3] y)
{
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (x, s)
  y = Add (x, gated)
  z = Softmax (gated)
}`;
  const { removed, body } = await runPass(text, unitRemoval, { profile: fakeProfile({ gate: [0, 0, 0] }) });
  expect(removed).toEqual([{ gate: 'gate', units: [0, 1, 2], basis: 'observed', reason: 'off' }]);
  expect(body).toContain('y = Add (x, gated_off)');
});

test('the branch of a float16 gate that never opens adds nothing of its type', async () => {
  const text = `g (float16[N, 2] x, float[N, 2] s) => (float16[N, 2] y)
{
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (x, s)
  y = Add (x, gated)
}`;
  const { graph } = await runPass(text, unitRemoval, { profile: fakeProfile({ gate: [0, 0] }) });
  const x = new Tensor('float16', [1, 2], Uint16Array.of(0x3c00, 0x4000));
  expect((await runGraph(graph, { x, s: Tensor.floats([1, 2], [-1, -1]) })).y?.data).toEqual(x.data);
});

test('units stay that are added up in float16', async () => {
  const text = dense('  active = Sigmoid (gated)\n  half = Cast <to: int = 10> (active)\n  y = MatMul (half, wh)')
    .replace('float[N, 2] y', 'float16[N, 1] y')
    .replace('float[3, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5}', 'float16[3, 1] wh = {15360, 15360, 15360}');
  const { removed, graph } = await runPass(text, unitRemoval, { inputRange: [-10, 10] });
  expect(removed).toEqual([]);
  const feeds = { x: Tensor.floats([1, 2], [1, 2]) };
  expect((await runGraph(graph, feeds)).y?.data).toEqual((await runGraph(graphOf(text), feeds)).y?.data);
});

test('units are counted along an axis given from the end', async () => {
  const text = dense('  y = Gemm (gated, w2)').replace('axis: int = 1', 'axis: int = -1');
  const { removed, shapes } = await removal(text);
  expect(removed).toEqual([{ gate: 'gate', units: [1], basis: 'proved', reason: 'off' }]);
  expect(shapes).toMatchObject({ w: '2,2', ws: '2,2', w2: '2,2' });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planGates } from '../../passes/plan-gates.js';
import { Tensor } from '../../src/ir/tensor.js';
import { modelBytes } from '../../src/onnx/write.js';
import { checkModel, hasChecker } from '../onnx/checker.js';
import { planned } from '../passkit/gating/same-as-mask.js';
import { expectSameFunction, fakeProfile, graphOf, type RunOptions, runGraph, runPass } from './support.js';

const plans = { gate: 'gather' };
const profile = fakeProfile({ gate: [1, 1, 1] });

/** Units of `h` are gated by a score of their own input `c`, so that a test decides which fire. */
const dense = (rest: string, score = 'c') => `g (float[N, 2] x, float[N, 3] c) => (float[N, 2] y)
<
  float[2, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3] b = {0.1, 0.2, 0.3},
  float[3, 2] w2 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5},
  float[3, 3] w3 = {1.0, -1.0, 2.0, -2.0, 3.0, 0.5, 1.0, 2.0, 3.0}
>
{
  h = Gemm (x, w, b)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, ${score})
${rest}
}`;

const convolution = `g (float[N, 2, 4, 4] x, float[N, 3, 1, 1] c) => (float[N, 1, 4, 4] y)
<
  float[3, 2, 1, 1] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3] b = {0.1, 0.2, 0.3},
  float[3] one = {1.0, 1.5, 2.0},
  float[1, 3, 3, 3] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5,
    -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0}
>
{
  h = Conv (x, w, b)
  n = BatchNormalization (h, one, b, b, one)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (n, c)
  r = Relu (gated)
  y = Conv <pads: ints = [1, 1, 1, 1]> (r, w2)
}`;

/** What some are gathered of. */
const gathered = (body: readonly string[]): string[] =>
  body.flatMap((line) => /= Gather <.*> \((\w+),/.exec(line)?.[1] ?? []);

describe('units that fire are gathered', () => {
  test('as rows of the weights that make them and of those that read them', async () => {
    const { body, findings } = await planned(dense('  r = Relu (gated)\n  y = Gemm (r, w2)'), plans, { profile });
    expect(findings).toEqual([expect.objectContaining({ done: true })]);
    expect(gathered(body)).toEqual(expect.arrayContaining(['b', 'w2']));
    expect(body.some((line) => line.includes('Transpose'))).toBe(false);
  });

  for (const [name, text] of [
    ['dense', dense('  r = Relu (gated)\n  y = Gemm (r, w2)')],
    ['convolution', convolution],
  ] as const) {
    test(`${name}: for none, one, all and different ones of a batch`, async () => {
      const before = graphOf(text);
      const { graph } = await planned(text, plans, { profile });
      for (const scores of [
        [-1, -1, -1],
        [-1, 1, -1],
        [1, 1, 1],
        [-1, -1, -1, 1, -1, -1, -1, 1, 1],
      ]) {
        const samples = scores.length / 3;
        const [xShape, cShape] = before.inputs.map(({ shape }) =>
          (shape ?? []).map((dim) => (typeof dim === 'number' ? dim : samples)),
        );
        const size = (xShape ?? []).reduce((product, dim) => product * dim, 1);
        const feeds = {
          x: Tensor.floats(
            xShape ?? [],
            Array.from({ length: size }, (_, index) => Math.sin(index + 1)),
          ),
          c: Tensor.floats(cShape ?? [], scores),
        };
        const [expected, actual] = [await runGraph(before, feeds), await runGraph(graph, feeds)];
        const found = actual.y?.numbers() ?? [];
        for (const [index, value] of (expected.y?.numbers() ?? []).entries())
          expect(found[index]).toBeCloseTo(value, 4);
        expect(actual.y?.dims).toEqual(expected.y?.dims);
      }
    });
  }
});

describe('units that are made in full come as they are', () => {
  test('where the score is the feature itself', async () => {
    const text = dense('  y = Gemm (gated, w2)', 'h');
    const { graph, findings } = await planned(text, plans, { profile });
    expect(findings).toEqual([expect.objectContaining({ done: true })]);
    for (const samples of [1, 3]) await expectSameFunction(graphOf(text), graph, { samples });
  });

  test('where the score is computed from the features', async () => {
    const text = dense('  y = Gemm (gated, w2)', 's').replace('  gated =', '  s = Gemm (h, w3)\n  gated =');
    const { graph, body } = await planned(text, plans, { profile });
    for (const samples of [1, 3]) await expectSameFunction(graphOf(text), graph, { samples });
    expect(gathered(body)).toEqual(expect.arrayContaining(['h', 'w2']));
    expect(gathered(body)).not.toContain('b');
  });
});

describe('units leave with zeros in place of those that are off', () => {
  const leaving = async (text: string) => {
    const { graph } = await planned(text, plans, { profile });
    for (const samples of [1, 3]) await expectSameFunction(graphOf(text), graph, { samples });
  };
  const sized = (text: string, width: number): string => text.replace('float[N, 2] y', `float[N, ${width}] y`);

  test('as an output of the model', async () => {
    await leaving(sized(dense('').replace('  gated =', '  y ='), 3));
  });

  test('to a sum with what comes from elsewhere', async () => {
    await leaving(sized(dense('  y = Add (gated, c)'), 3));
  });

  test('to a product with the score', async () => {
    const text = dense('  p = Sigmoid (s)\n  q = Mul (gated, p)\n  y = Gemm (q, w2)', 's');
    await leaving(text.replace('  gated =', '  s = Gemm (c, w3)\n  gated ='));
  });

  test('to a concatenation', async () => {
    const text = dense('  r = Concat <axis: int = 1> (gated, x)\n  y = Gemm (r, w5)');
    await leaving(
      text.replace(
        '  float[3] b',
        '  float[5, 2] w5 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0},\n  float[3] b',
      ),
    );
  });
});

describe('a gate keeps its mask', () => {
  const refusal = async (text: string, options: RunOptions = { plans, profile }) => {
    const result = await runPass(text, [planGates], options);
    expect(result.findings.every(({ done }) => !done)).toBe(true);
    await expectSameFunction(graphOf(text), result.graph);
    return result.findings[0]?.what ?? '';
  };

  test('where gathering costs more', async () => {
    const what = await refusal(dense('  y = Gemm (gated, w2)'), { profile });
    expect(what).toContain('predicted to be faster');
  });

  test('where units that are off are not zero at a reader', async () => {
    const what = await refusal(dense('  r = Sigmoid (gated)\n  y = Gemm (r, w2)'));
    expect(what).toContain("not zero where 'y' reads them");
  });

  test('where units are read before the gate', async () => {
    const what = await refusal(dense('  z = Gemm (h, w2)\n  q = Gemm (gated, w2)\n  y = Add (z, q)'));
    expect(what).toContain('reads units before the gate');
  });

  test('in front of a flatten, a depthwise convolution, what states its sizes', async () => {
    const flat = convolution
      .replace('  y = Conv <pads: ints = [1, 1, 1, 1]> (r, w2)', '  f = Flatten (r)\n  y = Gemm (f, wf)')
      .replace('float[N, 1, 4, 4] y', 'float[N, 1] y')
      .replace(
        '  float[3] one',
        `  float[48, 1] wf = {${Array.from({ length: 48 }, (_, i) => `${i}.5`)}},\n  float[3] one`,
      );
    expect(await refusal(flat)).toContain("the units of 'wf' are repeated");
    const depthwise = convolution
      .replace('(r, w2)', '(d, w2)')
      .replace('  y =', '  d = Conv <group: int = 3> (r, wd)\n  y =')
      .replace('  float[3] one', '  float[3, 1, 1, 1] wd = {1.0, 2.0, 3.0},\n  float[3] one');
    expect(await refusal(depthwise)).toContain('needs a fixed number of units');
    const behind = (line: string, constant: string): string =>
      convolution
        .replace('(r, w2)', '(d, w2)')
        .replace('  y =', `  d = ${line}\n  y =`)
        .replace('  float[3] one', `  ${constant},\n  float[3] one`);
    const sized = behind('Resize <axes: ints = [1, 2, 3]> (r, , , sizes)', 'int64[3] sizes = {3, 4, 4}');
    expect(await refusal(sized)).toContain('needs a fixed number of units');
    const expanded = behind('Expand (r, shape)', 'int64[4] shape = {1, 3, 4, 4}');
    expect(await refusal(expanded)).toContain('needs a fixed number of units');
    const transposed = behind('ConvTranspose <group: int = 3> (r, wd)', 'float[3, 1, 1, 1] wd = {1.0, 2.0, 3.0}');
    expect(await refusal(transposed)).toContain('needs a fixed number of units');
  });

  test('in a branch', async () => {
    const text = `g (float[N, 2] x, bool c) => (float[N, 2] y)
<
  float[2, 2] w = {1.0, 2.0, 3.0, 4.0}
>
{
  h = Gemm (x, w)
  y = If <then_branch: graph = on () => (float[N, 2] z)
    {
      q = Gemm (x, w)
      gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (q, x)
      z = Gemm (gated, w)
    }, else_branch: graph = off () => (float[N, 2] v)
    {
      v = Relu (x)
    }> (c)
}`;
    expect(await refusal(text, { plans, profile: fakeProfile({ gate: [1, 1] }) })).toContain('branch');
  });
});

test.skipIf(!hasChecker())('gathered graphs pass the official checker at every opset', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'swanc-gathered-'));
  try {
    const paths: string[] = [];
    for (const text of [dense('  r = Relu (gated)\n  y = Gemm (r, w2)'), convolution]) {
      const { graph } = await planned(text, plans, { profile });
      for (const opset of [13, 15, 18, 20]) {
        const path = join(folder, `${paths.length}.onnx`);
        writeFileSync(path, modelBytes(graph, { opset }));
        paths.push(path);
      }
    }
    checkModel(paths);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scoreGraph } from '../../src/compiler/gates/score-graph.js';
import { writeNpy } from '../../src/data/npy.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import { temporaryFolder } from './support.js';

const folder = await temporaryFolder();
let count = 0;

/** Three modes whose logits are the inputs; the second and the third fire the same units. */
const modal = (masks = '1.0, -1.0, -1e-9, 1e-9, -2.0, 3.0', search = 'ArgMax') => `
g (float[N, 3] x) => (float[N, 2] y)
<
  float[3, 2] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 3] wr = {1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0},
  float[3, 2] masks = {${masks}}
>
{
  h = Gemm (x, w)
  r = Gemm (x, wr)
  m = ${search} <axis: int = 1, keepdims: int = 0> (r)
  s = Gather <axis: int = 0> (masks, m)
  y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
}`;

async function compiled(text: string, samples: readonly (readonly number[])[]) {
  const graph = parseGraph(text);
  inferTypes(graph);
  const model = join(folder, `${count++}.onnx`);
  await writeFile(model, modelBytes(graph));
  const calibration = join(folder, `${count++}.npy`);
  await writeNpy(calibration, Tensor.floats([samples.length, 3], samples.flat()));
  const { report, profile } = await compile({ model, calibration, verifyEach: true });
  const verification = report.targets[0]?.verification;
  return { clear: verification?.clear, boundary: verification?.boundary, profile };
}

const clear = [
  [3, 1, 0],
  [1, 3, 0],
  [-1, 0, 2],
];

describe('a sample of a modal gate', () => {
  test('is clear where one mode is best, however small the numbers in its mask', async () => {
    expect(await compiled(modal(), clear)).toMatchObject({ clear: 3, boundary: 0 });
  });

  test('is a boundary where two modes with other masks are within rounding of each other', async () => {
    const samples = [...clear, [2, 2, 0], [0, 0, 0], [2, 2 + 1e-5, 0], [2, 2 + 1e-3, 0]];
    expect(await compiled(modal(), samples)).toMatchObject({ clear: 4, boundary: 3 });
  });

  test('is clear where the modes next to each other have one mask', async () => {
    expect(await compiled(modal(), [...clear, [0, 2, 2]])).toMatchObject({ clear: 4, boundary: 0 });
  });

  test('is judged by the least where that is searched', async () => {
    const samples = [...clear, [-2, -2, 0], [2, 2, 0]];
    expect(await compiled(modal(undefined, 'ArgMin'), samples)).toMatchObject({ clear: 4, boundary: 1 });
  });

  test('is a boundary by its logits where others read the choice, too', async () => {
    const text = modal().replace('(float[N, 2] y)', '(float[N, 2] y, int64[N] m)');
    expect(await compiled(text, [...clear, [0, 2, 2]])).toMatchObject({ clear: 3, boundary: 1 });
  });

  test('is a boundary though the gate scores something that follows from the choice', async () => {
    const text = modal().replace('y = ai', 'n = Neg (s)\n  y = ai').replace('(h, s)', '(h, n)');
    expect(await compiled(text, [...clear, [2, 2, 0]])).toMatchObject({ clear: 2, boundary: 2 });
  });
});

test('the profile of a modal gate counts its masks', async () => {
  const { profile } = await compiled(modal(), [...clear, [0, 4, 1]]);
  const gate = profile?.gates[0];
  expect(gate?.fired).toEqual([1, 3]);
  expect(gate?.patterns).toEqual([
    ['4', 3],
    ['8', 1],
  ]);
});

test('gates of one choice are computed once', () => {
  const graph = parseGraph(
    modal()
      .replace('y = ai', 'k = ai.swan.Gate <axis: int = 1> (h, s)\n  y = ai')
      .replace(
        'y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)',
        'y = ai.swan.Gate <axis: int = 1, name: string = "gate"> (k, s)',
      ),
  );
  inferTypes(graph);
  const scores = scoreGraph(graph);
  expect(scores?.scores.map(({ output }) => output)).toHaveLength(2);
  expect(new Set(scores?.scores.map(({ output }) => output)).size).toBe(1);
  expect(scores?.choices).toHaveLength(1);
});

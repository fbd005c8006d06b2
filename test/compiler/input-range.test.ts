import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { compile, verify } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import { seededRandom } from '../../src/support/random.js';
import { temporaryFolder } from './support.js';

/** Proofs hold for inputs in the range that the user states: data outside it are told, never excused. */
const folder = await temporaryFolder();

/** The second unit fires from 0.8 on. */
const model = join(folder, 'model.onnx');
const graph = parseGraph(`g (float[N, 2] x) => (float[N, 2] y)
<
  float[2, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[2, 3] ws = {1.0, 0.0, -1.0, 1.0, 0.5, 1.0},
  float[3] bs = {0.5, -0.4, 0.25},
  float[3, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
>
{
  h = MatMul (x, w)
  s = Gemm (x, ws, bs)
  g = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  y = MatMul (g, w2)
}`);
inferTypes(graph);
await writeFile(model, modelBytes(graph));

async function samplesOf(name: string, scale: number): Promise<string> {
  const random = seededRandom(7);
  const path = join(folder, `${name}.npy`);
  const values = Float32Array.from({ length: 400 }, () => scale * (2 * random.uniform() - 1));
  await writeNpy(path, Tensor.floats([200, 2], values));
  return path;
}

const near = await samplesOf('near', 0.1);
const far = await samplesOf('far', 2);

describe('a range of the inputs', () => {
  it('that the calibration data leave is refused', async () => {
    const options = { model, inputRange: [-0.1, 0.1], dead: 'proved' } as const;
    await expect(compile({ ...options, calibration: far })).rejects.toThrow(
      /input 'x' has an element .* outside -0.1 to/,
    );
    const { report } = await compile({ ...options, calibration: near });
    expect(report.targets[0]?.verification).toMatchObject({ outsideProfile: 0, clear: 64 });
  });

  it('holds for random samples', async () => {
    const { report } = await compile({ model, inputRange: [-0.1, 0.1] });
    expect(report.targets[0]?.layers).toEqual([
      { name: 'h', units: 3, removed: { proved: 1, observed: 0, approximate: 0 } },
    ]);
    expect(report.targets[0]?.verification).toMatchObject({ outsideProfile: 0, clear: 32 });
  });

  it('is known to whoever verifies the file', async () => {
    const out = join(folder, 'out');
    await compile({ model, inputRange: [-0.1, 0.1], out });
    const compiled = join(out, 'cpu', 'model.onnx');
    expect(await verify({ model, compiled })).toMatchObject({ outsideProfile: 0 });
    expect((await verify({ model, compiled, calibration: near })).clear).toBe(200);
    await expect(verify({ model, compiled, calibration: far })).rejects.toThrow(/inputs leave their range/);
  });
});

it('goes on with a file that is compiled again', async () => {
  const [out, again] = [join(folder, 'first'), join(folder, 'again')];
  await compile({ model, inputRange: [-0.1, 0.1], out });
  await compile({ model: join(out, 'cpu'), out: again });
  const compiled = join(again, 'cpu', 'model.onnx');
  expect(await verify({ model, compiled })).toMatchObject({ outsideProfile: 0 });
  await expect(verify({ model, compiled, calibration: far })).rejects.toThrow(/inputs leave their range/);
});

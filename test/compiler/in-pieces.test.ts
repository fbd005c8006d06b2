import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { verify } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';

const original = `g (float[N, 2] x) => (float[N, 2] y) <float two = {2.0}> { y = Mul (x, two) }`;

/** The same for batches; for a single sample as `alone` says. */
const branched = (alone: string): string => `g (float[N, 2] x) => (float[N, 2] y)
<float two = {2.0}, float three = {3.0}, int64[1] one = {1}>
{
  shape = Shape <start: int = 0, end: int = 1> (x)
  single = Equal (shape, one)
  y = If <then_branch: graph = yes () => (float[N, 2] a) { a = Mul (x, ${alone}) },
    else_branch: graph = no () => (float[N, 2] b) { b = Mul (x, two) }> (single)
}`;

test('a branch that is wrong for single samples is found, though large batches never take it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'swanc-pieces-'));
  try {
    const write = async (name: string, text: string): Promise<string> => {
      const graph = parseGraph(text);
      inferTypes(graph);
      await writeFile(join(folder, name), modelBytes(graph));
      return join(folder, name);
    };
    const calibration = join(folder, 'x.npy');
    await writeNpy(
      calibration,
      Tensor.floats(
        [40, 2],
        Array.from({ length: 80 }, (_, i) => Math.sin(i + 1)),
      ),
    );
    const model = await write('original.onnx', original);
    const right = await write('right.onnx', branched('two'));
    const wrong = await write('wrong.onnx', branched('three'));
    expect((await verify({ model, compiled: right, calibration })).clear).toBe(40);
    await expect(verify({ model, compiled: wrong, calibration })).rejects.toMatchObject({ kind: 'verification' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

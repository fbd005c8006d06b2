import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { compile, profile, verify } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import { temporaryFolder } from './support.js';

/** A block of layers that runs only where an input is large, written as an If. */
const folder = await temporaryFolder();
const model = join(folder, 'model.onnx');
const graph = parseGraph(`g (float[N, 2] x) => (float[N, 2] y)
<
  float limit = {1.5},
  int64[2] all = {0, 1},
  float[2, 3] w1 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 2] w2 = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
>
{
  most = ReduceMax <keepdims: int = 0> (x, all)
  c = GreaterOrEqual (most, limit)
  h = MatMul (x, w1)
  y = If <then_branch: graph = on () => (float[N, 2] a)
    {
      r = Relu (h)
      f = MatMul (r, w2)
      a = Add (x, f)
    }, else_branch: graph = off () => (float[N, 2] b)
    {
      b = Identity (x)
    }> (c)  # @block
}`);
inferTypes(graph);
await writeFile(model, modelBytes(graph));

/** Samples of which every `period`th reaches the limit. */
async function samples(name: string, period: number): Promise<string> {
  const path = join(folder, `${name}.npy`);
  const rows = Array.from({ length: 40 }, (_, index) => [index / 40, index % period === period - 1 ? 2 : -1]);
  await writeNpy(path, Tensor.floats([40, 2], rows.flat()));
  return path;
}

describe('a block behind an If', () => {
  test('is profiled sample by sample', async () => {
    const { gates, inputRanges, samples: count } = await profile({ model, calibration: await samples('half', 2) });
    expect(count).toBe(40);
    expect(gates).toMatchObject([{ name: 'block condition', units: 1, events: 40, fired: [20] }]);
    expect(inputRanges).toEqual([[-1, 2]]);
  });

  test('goes with all that only it used where it never ran, and inputs that need it are counted apart', async () => {
    const out = join(folder, 'out');
    const compiled = await compile({ model, calibration: await samples('none', 100), mode: 'dense', out });
    const written = readModel(await readFile(join(out, 'cpu', 'model.onnx')));
    expect([...written.allNodes()].map(({ op }) => op)).toEqual(['Identity']);
    expect(compiled.report.warnings.join()).toMatch(/may be needed/);
    const comparison = await verify({
      model,
      compiled: join(out, 'cpu', 'model.onnx'),
      calibration: await samples('last', 40),
    });
    expect(comparison).toMatchObject({ clear: 32, outsideProfile: 8 });
  });

  test('loses its If where it always ran, and keeps it where it ran at times', async () => {
    const always = await compile({ model, calibration: await samples('always', 1), mode: 'dense' });
    const nodes = [...readModel(always.models.get('cpu') ?? new Uint8Array()).allNodes()].map(({ op }) => op);
    expect(nodes).not.toContain('If');
    expect(nodes).toContain('MatMul');
    const both = await compile({ model, calibration: await samples('half', 2), mode: 'dense' });
    expect([...readModel(both.models.get('cpu') ?? new Uint8Array()).allNodes()].map(({ op }) => op)).toContain('If');
  });
});

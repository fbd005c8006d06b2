import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { compile, verify } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { readMetadata } from '../../src/onnx/metadata.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { inferTypes } from '../../src/ops/index.js';
import { openRuntime } from '../../src/runtime/session.js';
import { fixture, temporaryFolder } from './support.js';

/** Models that were once compiled wrongly, or refused though they are right. */
const folder = await temporaryFolder();
const runtime = await openRuntime();
let count = 0;

async function modelOf(text: string): Promise<string> {
  const graph = parseGraph(text);
  inferTypes(graph);
  const path = join(folder, `${count++}.onnx`);
  await writeFile(path, modelBytes(graph));
  return path;
}

async function outputOf(bytes: Uint8Array | undefined, x: Tensor): Promise<number[]> {
  const session = await runtime.load(bytes ?? new Uint8Array());
  try {
    return Object.values(await session.run({ x }))[0]?.numbers() ?? [];
  } finally {
    await session.close();
  }
}

describe('gates that were written by hand', () => {
  test('a Where stays a selection: infinite features that are off give zero, not NaN', async () => {
    const model = await modelOf(`g (float[N, 4] x) => (float[N, 4] y) <float[1] zero = {0.0}> {
  r = Relu (x)
  f = Reciprocal (r)
  c = Greater (r, zero)
  y = Where (c, f, zero)
}`);
    const { models } = await compile({ model });
    expect(await outputOf(models.get('cpu'), Tensor.floats([1, 4], [-1, 0, 0.5, 2]))).toEqual([0, 0, 2, 0.5]);
  });

  test('a sigmoid compared with a threshold that it reaches only by rounding keeps its sigmoid', async () => {
    const model = await modelOf(`g (float[N, 4] x) => (float[N, 4] y) <float zero = {0.0}> {
  s = Sigmoid (x)
  c = Greater (s, zero)
  m = Cast <to: int = 1> (c)
  y = Mul (x, m)
}`);
    const { models } = await compile({ model });
    const operators = readModel(models.get('cpu') ?? new Uint8Array()).nodes.map(({ op }) => op);
    expect(operators).toContain('Sigmoid');
  });

  test('a score of one row for every sample is no gate of samples', async () => {
    const model = await modelOf(`g (float[N, 4] x, float[1, 4] s) => (float[N, 4] y) <float half = {0.5}> {
  c = GreaterOrEqual (s, half)
  m = Cast <to: int = 1> (c)
  y = Mul (x, m)
}`);
    const { report } = await compile({ model, verify: false });
    expect(report.targets[0]?.gates).toEqual([]);
  });
});

test('a Cast behind an operator that swanc does not know stays', async () => {
  const model = await modelOf(`g (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w = {
  1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}> {
  a = Einsum <equation: string = "nk,km->nm"> (x, w)
  b = Cast <to: int = 6> (a)
  y = Cast <to: int = 1> (b)
}`);
  const { models } = await compile({ model });
  const values = await outputOf(models.get('cpu'), Tensor.floats([1, 4], [0.3, 0.4, 0.5, 0.6]));
  expect(values.every(Number.isInteger)).toBe(true);
});

test('the features of an always-on gate keep their name as an output', async () => {
  const model =
    await modelOf(`g (float[N, 2] x) => (float[N, 2] y, float[N, 2] features) <float[1] low = {-1.0}, float[1] one = {1.0}> {
  features = Add (x, one)
  s = Relu (x)
  c = GreaterOrEqual (s, low)
  m = Cast <to: int = 1> (c)
  g = Mul (features, m)
  y = Sigmoid (g)
}`);
  const { models, report } = await compile({ model });
  expect(report.targets[0]?.gates[0]?.removedOn.proved).toBe(2);
  expect(readModel(models.get('cpu') ?? new Uint8Array()).outputs.map(({ name }) => name)).toEqual(['y', 'features']);
});

test('a score that is the same for every input is no boundary, wherever it lies', async () => {
  const model =
    await modelOf(`g (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w = {1.0, 0.0, 1.0, 0.0}, float[2] b = {-1.0, 0.0}, float zero = {0.0}> {
  s = Gemm (x, w, b)
  c = GreaterOrEqual (s, zero)
  m = Cast <to: int = 1> (c)
  y = Mul (x, m)
}`);
  const { report } = await compile({ model });
  expect(report.targets[0]?.verification?.clear).toBeGreaterThan(24);
});

test('an input without elements is refused', async () => {
  const model = await modelOf('g (float[0, 6] x) => (float[0, 6] y) { y = Relu (x) }');
  await expect(compile({ model })).rejects.toMatchObject({ kind: 'invalid' });
});

test('weights that are no numbers are refused by name', async () => {
  const model = join(folder, 'diverged');
  await cp(join(fixture('traps'), 'observed-dead'), model, { recursive: true });
  const weights = await readFile(join(model, 'weights.bin'));
  weights.writeFloatLE(Number.NaN, 0);
  await writeFile(join(model, 'weights.bin'), weights);
  await expect(compile({ model })).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining('kernel'),
  });
});

describe('an original that cannot be run', () => {
  // Rows are read by numbers that are computed, so nothing says which inputs make them good ones.
  const plain = `g (float[N, 1] x) => (float[N, 1, 2] y) <float far = {1000.0}, float[2, 2] table = {1.0, 2.0, 3.0, 4.0}> {
  f = Mul (x, far)
  i = Cast <to: int = 7> (f)
  y = Gather (table, i)
}`;
  const gated = `g (float[N, 1] x) => (float[N, 2] y)
<float far = {1000.0}, float[2, 2] table = {1.0, 2.0, 3.0, 4.0}, int64[1] axis = {1}, float zero = {0.0}> {
  f = Mul (x, far)
  i = Cast <to: int = 7> (f)
  r = Gather (table, i)
  s = Squeeze (r, axis)
  c = GreaterOrEqual (s, zero)
  y = Where (c, s, zero)
}`;

  test.each([
    ['without gates', plain],
    ['with gates', gated],
  ])('on random inputs is told from one that the data do not fit: %s', async (_, text) => {
    const model = await modelOf(text);
    const advice = (pattern: RegExp) => ({ kind: 'invalid', message: expect.stringMatching(pattern) });
    await expect(compile({ model })).rejects.toMatchObject(
      advice(/random inputs may not suit .*--calibration.*--no-verify/),
    );
    const calibration = join(folder, 'far.npy');
    await writeNpy(calibration, Tensor.floats([2, 1], [0.5, 0.7]));
    await expect(compile({ model, calibration })).rejects.toMatchObject(advice(/check the data/));
    await writeNpy(calibration, Tensor.floats([2, 1], [0, 0.0015]));
    expect((await compile({ model, calibration })).report.targets).toHaveLength(1);
  });
});

describe('files', () => {
  const model = join(fixture('traps'), 'observed-dead');
  const calibration = join(folder, 'samples.npy');
  const samples = Tensor.floats(
    [200, 5],
    Array.from({ length: 1000 }, (_, index) => Math.sin(index * 1.7) * 2),
  );

  test('a file in the way leaves the earlier model as it was', async () => {
    await writeNpy(calibration, samples);
    const out = join(folder, 'in-the-way');
    await compile({ model, out });
    const before = await readFile(join(out, 'cpu', 'model.onnx'));
    await rm(join(out, 'report.json'));
    await mkdir(join(out, 'report.json'));
    await expect(compile({ model, calibration, out })).rejects.toMatchObject({ kind: 'usage' });
    expect(await readFile(join(out, 'cpu', 'model.onnx'))).toEqual(before);
  });

  test('a model that is compiled again still says what it rests on', async () => {
    await writeNpy(calibration, samples);
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    await compile({ model, calibration, out: first });
    await compile({ model: join(first, 'cpu', 'model.onnx'), out: second });
    const { metadata } = readMetadata(join(second, 'cpu', 'model.onnx'));
    expect(metadata).toEqual(readMetadata(join(first, 'cpu', 'model.onnx')).metadata);
    const result = await verify({ model, compiled: join(second, 'cpu', 'model.onnx') });
    expect(result.clear + result.boundary + result.outsideProfile).toBe(result.samples);
  });

  test('few samples are worth a warning, and so are none', async () => {
    await writeNpy(calibration, samples);
    const { report } = await compile({ model, calibration });
    expect(report.warnings.join()).toContain('200 samples');
    expect((await compile({ model })).report.warnings).toHaveLength(2);
  });
});

test.each([3, 68, 150])('a model with a fixed batch is verified on whole batches of %d samples', async (samples) => {
  const model = await modelOf(`g (float[4, 2] x) => (float[4, 2] y) <float[2, 2] w = {1.0, 2.0, 3.0, 4.0}> {
  y = MatMul (x, w)
}`);
  const calibration = join(folder, `fixed-${samples}.npy`);
  await writeNpy(
    calibration,
    Tensor.floats(
      [samples, 2],
      Float32Array.from({ length: 2 * samples }, (_, index) => Math.sin(index)),
    ),
  );
  const { report } = await compile({ model, calibration });
  expect(report.targets[0]?.verification?.clear).toBeGreaterThanOrEqual(Math.min(samples, 32));
});

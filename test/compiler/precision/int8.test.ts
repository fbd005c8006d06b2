import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { readMnist } from '../../../fixtures/mnist.js';
import { readPrecision } from '../../../src/compiler/precision/precision-record.js';
import { writeNpy } from '../../../src/data/npy.js';
import { type CompileOptions, compile, SwancError, verify } from '../../../src/index.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { readMetadata } from '../../../src/onnx/metadata.js';
import { readModel } from '../../../src/onnx/read.js';
import { at, defined } from '../../../src/support/assert.js';
import { checkModel, hasChecker } from '../../onnx/checker.js';
import { operators } from '../../passes/support.js';
import { digits, fixture, temporaryFolder } from '../support.js';

const folder = await temporaryFolder();
const images = 200;
const labels = join(folder, 'labels.npy');
const { labels: classes } = readMnist('test');
const calibrationOf = (isFlat: boolean): string => join(folder, isFlat ? 'flat.npy' : 'images.npy');

beforeAll(async () => {
  for (const isFlat of [true, false]) await writeNpy(calibrationOf(isFlat), digits('test', images, isFlat));
  await writeNpy(labels, Tensor.int64([images], Array.from(classes.subarray(0, images))));
});

let runs = 0;

async function quantized(name: string, isFlat: boolean, options: Partial<CompileOptions> = {}) {
  const out = join(folder, `${name}-${runs++}`);
  const common = { model: fixture(name), calibration: calibrationOf(isFlat), labels, out, tunedCosts: false as const };
  const { report } = await compile({ ...common, tune: 'predicted', mode: 'dense', precision: 'int8', ...options });
  const target = at(report.targets, 0);
  const lower = defined(target.lowerPrecision, 'the model on integers');
  const onnx = defined(
    lower.files.find(({ path }) => path.endsWith('.onnx')),
    'the file',
  );
  return { report, target, lower, out, file: join(out, onnx.path) };
}

async function errorOf(work: Promise<unknown>): Promise<SwancError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SwancError) return error;
  throw new Error(`expected a SwancError, got ${String(error)}`);
}

/** Operators that ONNX Runtime runs. */
async function fused(file: string): Promise<string[]> {
  const path = join(folder, 'optimized.onnx');
  const session = await InferenceSession.create(file, { optimizedModelFilePath: path, logSeverityLevel: 4 });
  await session.release();
  return operators(readModel(readFileSync(path)));
}

describe.each([
  // The smallest one is its operators to a fifth.
  ['mnist-cnn', false, 'dense', 'cpu', 0.34],
  ['mnist-mlp', true, 'dense', 'edge', 0.31],
  ['mnist-resnet', false, 'dynamic', 'cpu', 0.33],
  ['mnist-wide-modal', false, 'dynamic', 'edge', 0.3],
] as const)('%s on integers', (name, isFlat, mode, target, ratio) => {
  test(`${mode} for ${target}: small, as accurate, decisions in floats, everything else fused`, async () => {
    const { target: written, lower, file } = await quantized(name, isFlat, { mode, targets: [target] });
    expect(lower.precision).toBe('int8');
    expect(lower.size.bytes / written.size.bytes).toBeLessThan(ratio);
    expect(lower.loss?.accuracy?.model).toBeGreaterThanOrEqual((lower.loss?.accuracy?.original ?? 1) - 0.02);
    expect(lower.loss?.relativeChange).toBeLessThan(0.05);
    expect(new Set(lower.kept.map(({ reason }) => reason))).toEqual(new Set(['it decides what runs or fires']));
    const graph = readModel(readFileSync(file));
    expect([...graph.inputs, ...graph.outputs].map(({ elementType }) => elementType)).toEqual(['float32', 'float32']);
    if (hasChecker()) checkModel(file);
    const all = await fused(file);
    expect(all).not.toContain('Conv');
    expect(all).toContain('QGemm');
    expect(readPrecision(readMetadata(file).metadata, file)).toMatchObject({ precision: 'int8', budget: null });
  });
});

describe('int8', () => {
  test('is verified by what its file says that it lost', async () => {
    const { file } = await quantized('mnist-mlp', true);
    const judged = await verify({
      model: fixture('mnist-mlp'),
      compiled: file,
      calibration: calibrationOf(true),
      labels,
      samples: 64,
    });
    expect(judged.approximation).toMatchObject({ precision: 'int8', budget: { kind: 'error' } });
    expect(judged.approximation?.verdict).toMatch(/within|chance/);
  });

  test('keeps the most sensitive layers in floats where a budget asks for that', async () => {
    // All layers on integers change the outputs by more, after removals that change them by half of it.
    const limit = 2.2e-3;
    const { lower } = await quantized('mnist-mlp', true, { maxError: limit });
    expect(lower.loss?.relativeChange).toBeLessThanOrEqual(limit);
    expect(lower.kept.map(({ reason }) => reason)).toContain('its error would be too large');
  });

  test('refuses a budget that it cannot keep to, and says what was reached', async () => {
    const calibration = calibrationOf(true);
    const error = await errorOf(quantized('mnist-mlp', true, { calibration, maxError: 1e-7 }));
    expect(error.kind).toBe('verification');
    expect(error.problems[0]?.what).toMatch(/outputs change by .* on 100 samples/);
  });

  test('takes data', async () => {
    const options = { model: fixture('mnist-mlp'), precision: 'int8', mode: 'dense', verify: false } as const;
    const error = await errorOf(compile(options));
    expect([error.kind, error.problems[0]?.what]).toEqual(['usage', 'int8 takes the ranges of values from data']);
  });

  test('the same input gives the same bytes', async () => {
    const [one, other] = [await quantized('mnist-mlp', true), await quantized('mnist-mlp', true)];
    expect(Buffer.compare(readFileSync(one.file), readFileSync(other.file))).toBe(0);
  });
});

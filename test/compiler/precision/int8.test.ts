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
    const kept = lower.kept.map(({ where, reason }) => `${where}: ${reason}`);
    expect(new Set(kept).size).toBe(kept.length);
    const deciding = lower.kept.filter(({ reason }) => reason.startsWith('it decides')).map(({ where }) => where);
    expect(new Set(deciding).size).toBe(deciding.length);
    expect(kept.join()).toContain('it decides what runs or fires');
    // Only the end of the model stays in floats beside its decisions.
    const others = lower.kept.filter(({ reason }) => !reason.startsWith('it decides'));
    expect(others.map(({ reason }) => reason).join()).not.toMatch(/error|weights|bias/);
    // Integers that weights are made of are parameters, and so are the scales.
    expect(lower.size.parameters).toBeGreaterThanOrEqual(written.size.parameters * 0.995);
    expect(lower.size.parameters).toBeLessThan(written.size.parameters * 1.08);
    expect(lower.calibration?.candidates.map(({ method }) => method)).toContain('min-max');
    const [first] = lower.calibration?.candidates ?? [];
    expect(lower.calibration?.method).toBe(first?.method);
    expect(Math.min(...(lower.calibration?.candidates ?? []).map(({ error }) => error ?? 1))).toBe(first?.error);
    expect(lower.removals).toBeNull();
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
    expect(judged.approximation).toMatchObject({ precision: 'int8', budget: null, loss: { samples: 64 } });
    // With labels by accuracy.
    expect(judged.approximation?.loss.accuracy).not.toBeNull();
    expect(judged.approximation?.verdict).toMatch(/within|chance/);
  });

  test('keeps the most sensitive layers in floats where a budget asks for that', async () => {
    // All layers on integers change the outputs by more, without removals, too.
    const limit = 1.7e-3;
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

  test('leaves removals out that make it larger and worse', async () => {
    const { lower } = await quantized('mnist-cnn', false, { maxDrop: 0.005 });
    const { lower: whole } = await quantized('mnist-cnn', false);
    // What is behind padded convolutions leaves constants that vary with the place, which stay in floats.
    expect(lower.size.bytes).toBeLessThan(whole.size.bytes * 1.02);
    expect(lower.removals?.reason).toMatch(/bytes and outputs that change by .* with them, .* without/);
  });

  test('goes with another precision of another target, and none of a third', async () => {
    const targets = ['cpu', 'webgpu', 'edge'];
    const precision = { webgpu: 'fp16', edge: 'int8' } as const;
    const common = { model: fixture('mnist-mlp'), calibration: calibrationOf(true), labels, targets, precision };
    const { report } = await compile({ ...common, mode: 'dense', samples: 64 });
    expect(report.targets.map(({ lowerPrecision }) => lowerPrecision?.precision)).toEqual([undefined, 'fp16', 'int8']);
  });

  test('needs two samples, and tells that few hardly judge it', async () => {
    const error = await errorOf(quantized('mnist-mlp', true, { samples: 1 }));
    expect([error.kind, error.problems[0]?.what]).toEqual(['usage', '1 of them make no two halves']);
    const { report } = await quantized('mnist-mlp', true, { samples: 2 });
    expect(report.warnings.join('\n')).toContain('int8 was judged on one held-out sample');
  });

  test('takes data, and says so before the model is read', async () => {
    const unread = await errorOf(compile({ model: 'nowhere.json', precision: 'int8' }));
    expect(unread.kind).toBe('usage');
    const options = { model: fixture('mnist-mlp'), precision: 'int8', mode: 'dense', verify: false } as const;
    const error = await errorOf(compile(options));
    expect([error.kind, error.problems[0]?.what]).toEqual(['usage', 'int8 takes the ranges of values from data']);
  });

  test('the same input gives the same bytes', async () => {
    const [one, other] = [await quantized('mnist-mlp', true), await quantized('mnist-mlp', true)];
    expect(Buffer.compare(readFileSync(one.file), readFileSync(other.file))).toBe(0);
  });
});

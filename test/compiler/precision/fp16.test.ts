import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readMnist } from '../../../fixtures/mnist.js';
import { readPrecision } from '../../../src/compiler/precision/precision-record.js';
import { writeNpy } from '../../../src/data/npy.js';
import { type CompileOptions, compile, verify } from '../../../src/index.js';
import { cloneGraph } from '../../../src/ir/clone.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { readMetadata } from '../../../src/onnx/metadata.js';
import { readModel } from '../../../src/onnx/read.js';
import { modelBytes } from '../../../src/onnx/write.js';
import { colorsFor } from '../../../src/report/colors.js';
import { renderReport } from '../../../src/report/compile.js';
import { at, defined } from '../../../src/support/assert.js';
import { halfToNumber, numberToHalf } from '../../../src/support/float16.js';
import { replaceFiles } from '../../../src/support/replace-file.js';
import { checkModel, hasChecker } from '../../onnx/checker.js';
import { digits, fixture, temporaryFolder } from '../support.js';

const folder = await temporaryFolder();
const images = 120;
const labels = join(folder, 'labels.npy');
const { labels: classes } = readMnist('test');
const calibrationOf = (isFlat: boolean): string => join(folder, isFlat ? 'flat.npy' : 'images.npy');

beforeAll(async () => {
  for (const isFlat of [true, false]) await writeNpy(calibrationOf(isFlat), digits('test', images, isFlat));
  await writeNpy(labels, Tensor.int64([images], Array.from(classes.subarray(0, images))));
});

async function halved(name: string, isFlat: boolean, options: Partial<CompileOptions> = {}) {
  const out = join(folder, `${name}-${options.mode}-${options.opset}-${options.maxDrop}`);
  const calibration = calibrationOf(isFlat);
  const common = { model: fixture(name), calibration, labels, out, targets: ['webgpu'], precision: 'fp16' as const };
  const { report } = await compile({ ...common, mode: 'dense', ...options });
  const target = at(report.targets, 0);
  const lower = defined(target.lowerPrecision, 'the model in float16');
  const file = join(out, at(lower.files, 0).path);
  return { report, target, lower, file, out, calibration };
}

describe.each([
  ['mnist-mlp', true, 'dense'],
  ['mnist-cnn', false, 'dense'],
  ['mnist-resnet', false, 'dynamic'],
  ['mnist-wide-modal', false, 'dynamic'],
] as const)('%s in float16', (name, isFlat, mode) => {
  test(`${mode}: half as large, as accurate, scores in float32, and verified by its file`, async () => {
    const { report, target, lower, file, calibration } = await halved(name, isFlat, { mode });
    expect(lower.size.bytes / target.size.bytes).toBeLessThan(0.62);
    expect(lower.loss?.accuracy?.model).toBeGreaterThanOrEqual((lower.loss?.accuracy?.original ?? 1) - 0.02);
    expect(lower.loss?.relativeChange).toBeLessThan(0.01);
    expect(lower.verification?.clear).toBeGreaterThan(2);
    // Rounding to 2^-11 moves outputs by more than float32 does, and by little.
    expect(lower.verification?.maxRelative).toBeGreaterThan(1e-6);
    expect(lower.verification?.maxRelative).toBeLessThan(5e-3);
    expect(lower.kept.map(({ reason }) => reason)).toContain('its scores decide which units fire');
    const graph = readModel(readFileSync(file));
    expect([...graph.inputs, ...graph.outputs].map(({ elementType }) => elementType)).toEqual(['float32', 'float32']);
    if (hasChecker()) checkModel(file);

    expect(readPrecision(readMetadata(file).metadata, file)).toMatchObject({ precision: 'fp16', budget: null });
    const judged = await verify({ model: fixture(name), compiled: file, calibration, labels, samples: 32 });
    expect(judged.approximation).toMatchObject({ precision: 'fp16', budget: null, verdict: 'within' });
    expect(judged.approximation?.loss.accuracy?.model).toBeGreaterThan(0.9);

    const text = renderReport(report, { out: folder, colors: colorsFor(false), verbose: true });
    expect(text).toMatch(/precision {2}fp16: .* 0\.[56]\dx of fp32/);
    expect(text).toMatch(/in fp32: .*: its scores decide which units fire/);
  });
});

describe('float16', () => {
  test('at the oldest operator set', async () => {
    const { file, calibration } = await halved('mnist-cnn', false, { opset: 13 });
    if (hasChecker()) checkModel(file);
    await verify({ model: fixture('mnist-cnn'), compiled: file, calibration, samples: 16 });
  });

  test('is judged by the budget, if there is one, together with what was removed within it', async () => {
    const { file, lower, calibration } = await halved('mnist-mlp', true, { maxDrop: 0.02 });
    expect(lower.loss?.accuracy?.model).toBeGreaterThan(0.9);
    expect(readPrecision(readMetadata(file).metadata, file)?.budget).toEqual({ kind: 'accuracy', limit: 0.02 });
    const judged = await verify({ model: fixture('mnist-mlp'), compiled: file, calibration, labels });
    expect(judged.approximation?.verdict).toMatch(/within|chance/);
  });

  test('without data takes its ranges from what it is verified with, and knows no loss', async () => {
    const model = fixture('mnist-mlp');
    const { report } = await compile({ model, targets: ['webgpu'], precision: 'fp16' });
    expect(at(report.targets, 0).lowerPrecision).toMatchObject({ loss: null });
    await expect(compile({ model, targets: ['webgpu'], precision: 'fp16', verify: false })).rejects.toThrow(
      /how large numbers become is not known/,
    );
  });

  test('that is off by more than its rounding fails verification', async () => {
    const { file, calibration } = await halved('mnist-mlp', true);
    const { metadata } = readMetadata(file);
    const { graph } = cloneGraph(readModel(readFileSync(file)));
    const weights = defined(
      [...graph.constants].filter(({ constant }) => constant?.is('float16')).sort((a, b) => sizeOf(b) - sizeOf(a))[0],
      'weights',
    );
    const tensor = defined(weights.constant, 'data');
    const wrong = Uint16Array.from(tensor.numbers(), (bits) => numberToHalf(1.05 * halfToNumber(bits)));
    graph.replaceUses(weights, graph.addConstant('wrong', new Tensor('float16', tensor.dims, wrong)));
    graph.removeUnused();
    const other = join(folder, 'wrong.onnx');
    const content = modelBytes(graph, { opset: 18, metadata: Object.fromEntries(metadata) });
    await replaceFiles([{ path: other, content: Buffer.from(content) }], []);
    await expect(verify({ model: fixture('mnist-mlp'), compiled: other, calibration, samples: 48 })).rejects.toThrow(
      /by more than its rounding comes to/,
    );
  });
});

const sizeOf = ({ constant }: { readonly constant: Tensor | undefined }): number => constant?.size ?? 0;

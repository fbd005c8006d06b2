import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readMnist } from '../../fixtures/mnist.js';
import type { CompileOptions } from '../../src/compiler/options.js';
import { writeNpy } from '../../src/data/npy.js';
import { compile, verify } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { parseGraph } from '../../src/ir/text.js';
import { writeModelFile } from '../../src/onnx/write-file.js';
import { inferTypes } from '../../src/ops/index.js';
import { at, defined } from '../../src/support/assert.js';
import { digits, fixture, temporaryFolder, writeNormalSamples } from './support.js';

const images = 600;
const folder = await temporaryFolder();
const calibration = join(folder, 'images.npy');
const labels = join(folder, 'labels.npy');
const model = fixture('mnist-mlp');

beforeAll(async () => {
  await writeNpy(calibration, digits('train', images, true));
  await writeNpy(labels, new Tensor('uint8', [images], readMnist('train').labels.slice(0, images)));
});

async function compiled(options: Partial<CompileOptions>) {
  const out = join(folder, `out-${Object.values(options).join('-')}`);
  const { report } = await compile({ model, calibration, mode: 'dense', out, ...options });
  const target = at(report.targets, 0);
  return { report, target, budget: defined(target.budget, 'a budget'), file: join(out, 'cpu', 'model.onnx') };
}

describe('a budget of change', () => {
  it('is kept where no unit could go in the first place', async () => {
    const graph = parseGraph(`g (float[N, 4] x) => (float[N, 3] y)
<
  float[4, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
>
{
  y = MatMul (x, w)
}`);
    inferTypes(graph);
    const path = join(folder, 'product.onnx');
    await writeModelFile(path, graph);
    const samples = join(folder, 'samples.npy');
    await writeNormalSamples(samples, 'float32[N, 4]', 40, 1);
    const { report } = await compile({ model: path, calibration: samples, maxError: 0.01 });
    expect(at(report.targets, 0).budget).toMatchObject({ met: true, rankedOn: 20, heldOut: 20, chosen: 0 });
  });

  it('is kept on held-out samples by what is written, and the curve is reported', async () => {
    const { target, budget, report, file } = await compiled({ maxError: 0.05, verifyEach: true });
    const { points, chosen, met, heldOut, rankedOn } = budget;
    expect(budget.budget).toEqual({ kind: 'error', limit: 0.05 });
    expect(met).toBe(true);
    expect([heldOut, rankedOn]).toEqual([images / 2, images / 2]);
    expect(points[0]).toMatchObject({ items: 0, accuracy: null, drop: null });
    const written = at(points, chosen);
    expect(written.relativeChange).toBeLessThanOrEqual(0.05);
    expect(written.units).toBeGreaterThan(20);
    expect(target.size).toMatchObject({ flops: written.flops, parameters: written.parameters });
    expect(points.some(({ relativeChange }) => (relativeChange ?? 1) > 0.05)).toBe(true);
    expect(points.map(({ flops }) => flops)).toEqual(points.map(({ flops }) => flops).toSorted((a, b) => b - a));
    expect(points.length).toBeLessThanOrEqual(13);
    expect(target.verification).toMatchObject({ reference: 'onnxruntime', outsideProfile: 0 });
    expect(report.warnings.join()).not.toMatch(/within the budget/);
    expect(target.passes.find(({ pass }) => pass === 'remove-weak-units')?.contract).toBe('approximate');

    const judged = await verify({ model, compiled: file, calibration });
    expect(judged.approximation).toMatchObject({ budget: { limit: 0.05 }, loss: { accuracy: null } });
    expect(judged.approximation?.verdict).toMatch(/within|chance/);
    expect(judged.reference).toMatch(/tfjs/);
  });

  it('leaves what is in use alone where nothing fits it, and says so', async () => {
    // Rounding alone changes more than nothing.
    const { target, budget, file, report } = await compiled({ maxError: 0 });
    expect(at(budget.points, budget.chosen)).toMatchObject({ items: 0, flops: target.size.flops });
    expect(budget.met).toBe(false);
    expect(report.warnings.join()).toMatch(/nothing was removed within the budget/);
    expect((await verify({ model, compiled: file, calibration, samples: 50 })).approximation).toBeNull();
  });
});

describe('a budget of accuracy', () => {
  it('is kept on held-out samples, and judged by labels alone', async () => {
    const { budget, target, file, report } = await compiled({ maxDrop: 0.02, labels });
    const written = at(budget.points, budget.chosen);
    expect(written.drop).toBeLessThanOrEqual(0.02);
    expect(written.accuracy).toBeGreaterThan(0.9);
    expect(target.maskedSize.flops / target.size.flops).toBeGreaterThan(2);
    expect(report.warnings.join()).not.toMatch(/so few cannot tell/);

    const unknown = await verify({ model, compiled: file, calibration });
    expect(unknown.approximation?.verdict).toBe('unknown');
    expect(unknown.caveats.join()).toMatch(/without labels/);
    const judged = await verify({ model, compiled: file, calibration, labels });
    expect(judged.approximation?.verdict).toMatch(/within|chance/);
    expect(judged.approximation?.loss.accuracy?.original).toBeGreaterThan(0.9);
    // The labels of other images: no model is right about them, and nothing is lost.
    const wrong = join(folder, 'wrong.npy');
    await writeNpy(wrong, new Tensor('uint8', [images], new Uint8Array(images).fill(200)));
    await expect(verify({ model, compiled: file, calibration, labels: wrong })).rejects.toThrow(/its label is 200/);
  });

  it('is not judged by labels of other samples', async () => {
    const rolled = join(folder, 'rolled.npy');
    const { labels: own } = readMnist('train');
    await writeNpy(
      rolled,
      new Tensor(
        'uint8',
        [images],
        Uint8Array.from({ length: images }, (_, i) => at(own, i + 1)),
      ),
    );
    const error = compile({ model, calibration, mode: 'dense', maxDrop: 0.005, labels: rolled, samples: 400 });
    await expect(error).rejects.toThrow(/do labels and samples belong together/);
  });

  it('warns where the samples are too few to tell', async () => {
    const { report } = await compiled({ maxDrop: 0.001, labels, samples: 100 });
    expect(report.warnings.join()).toMatch(/judged on 50 held-out samples: so few cannot tell/);
  });

  it('gives the same file twice', async () => {
    const once = async () => (await compile({ model, calibration, mode: 'dense', maxDrop: 0.02, labels })).models;
    const [left, right] = [(await once()).get('cpu'), (await once()).get('cpu')];
    expect(Buffer.compare(defined(left, 'a model'), defined(right, 'a model'))).toBe(0);
  });
});

describe('a budget that cannot be judged', () => {
  const refused = (options: Partial<CompileOptions>) => expect(compile({ model, ...options })).rejects;

  it('is refused with the reason', async () => {
    await refused({ maxDrop: 0.01 }).toThrow(/max drop: accuracy is measured on calibration data/);
    await refused({ maxError: 0.01 }).toThrow(/max error: the change of the outputs is measured on calibration data/);
    await refused({ maxError: 0.01, maxDrop: 0.01, calibration, labels }).toThrow(/state one budget/);
    await refused({ maxDrop: 1, calibration, labels }).toThrow(/1 is 100 points of accuracy/);
    await refused({ maxError: -1, calibration }).toThrow(/-1 is no part of the outputs/);
    await refused({ labels }).toThrow(/labels: they belong to calibration data/);
    await refused({ maxDrop: 0.01, calibration }).toThrow(/has no labels to measure accuracy by.*--labels/s);
    await refused({ maxError: 0.01, calibration, samples: 1 }).toThrow(/1 samples are too few/);
  });
});

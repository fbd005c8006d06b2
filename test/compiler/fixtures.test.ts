import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readMnist } from '../../fixtures/mnist.js';
import { writeNpy } from '../../src/data/npy.js';
import { compile } from '../../src/index.js';
import { readModel } from '../../src/onnx/read.js';
import { openRuntime } from '../../src/runtime/session.js';
import { checkModel, hasChecker } from '../onnx/checker.js';
import { digits, fixture, temporaryFolder } from './support.js';

/** The trained models, compiled as users would, with every pass verified against what it was given. */
const models = [
  { name: 'mnist-mlp', isFlat: true, atLeast: 0.978 },
  { name: 'mnist-cnn', isFlat: false, atLeast: 0.99 },
  { name: 'mnist-resnet', isFlat: false, atLeast: 0.99 },
] as const;

const calibrationImages = 2000;
const testImages = 2000;
const folder = await temporaryFolder();
const runtime = await openRuntime();
const { labels } = readMnist('test');

const metricsSchema = z.looseObject({ testAccuracy: z.number() });

describe.each(models)('$name', ({ name, isFlat, atLeast }) => {
  const out = join(folder, name);
  const calibration = join(folder, `${name}.npy`);
  const images = digits('test', testImages, isFlat);

  async function accuracyOf(bytes: Uint8Array): Promise<number> {
    const session = await runtime.load(bytes);
    try {
      const [output] = Object.values(await session.run({ [session.inputs[0] ?? '']: images }));
      const scores = output?.floats() ?? new Float32Array();
      const classes = scores.length / testImages;
      let right = 0;
      for (let row = 0; row < testImages; row++) {
        const own = scores.subarray(row * classes, (row + 1) * classes);
        if (own.indexOf(Math.max(...own)) === labels[row]) right++;
      }
      return right / testImages;
    } finally {
      await session.close();
    }
  }

  test('was trained to what it must reach', () => {
    const metrics = metricsSchema.parse(JSON.parse(readFileSync(join(fixture(name), 'metrics.json'), 'utf8')));
    expect(metrics.testAccuracy).toBeGreaterThanOrEqual(atLeast);
  });

  test('compact-dense: verified pass by pass, much smaller, as accurate, without Transposes', async () => {
    await writeNpy(calibration, digits('train', calibrationImages, isFlat));
    const { report } = await compile({
      model: fixture(name),
      calibration,
      mode: 'dense',
      out,
      verifyEach: true,
    });
    const [target] = report.targets;
    expect(target?.verification?.maxDifference).toBeLessThan(1e-4);
    expect(target?.verification?.reference).toMatch(/^tfjs/);
    expect(target?.size.parameters).toBeLessThan(0.7 * (target?.maskedSize.parameters ?? 0));
    expect(target?.gates.reduce((sum, { removedOff }) => sum + removedOff.observed, 0)).toBeGreaterThan(20);
    const bytes = readFileSync(join(out, 'cpu', 'model.onnx'));
    const operators = readModel(bytes).nodes.map(({ op }) => op);
    expect(operators).not.toContain('Transpose');
    expect(operators).not.toContain('BatchNormalization');
    const { models: plain } = await compile({ model: fixture(name), mode: 'dense' });
    const original = await accuracyOf(plain.get('cpu') ?? new Uint8Array());
    expect(await accuracyOf(bytes)).toBeGreaterThanOrEqual(original - 0.0015);
  });

  test('dynamic-gated: the same function for every batch', async () => {
    const { report, models: compiled } = await compile({
      model: fixture(name),
      calibration,
      mode: 'dynamic',
      verifyEach: true,
    });
    expect(report.targets[0]?.verification?.maxDifference).toBeLessThan(1e-4);
    expect(await accuracyOf(compiled.get('cpu') ?? new Uint8Array())).toBeGreaterThanOrEqual(atLeast - 0.01);
  });

  test.skipIf(!hasChecker())('the official checker accepts the file', async () => {
    await checkModel([join(out, 'cpu', 'model.onnx')]);
  });
});

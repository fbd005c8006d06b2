import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler, SwanGate } from '../../src/tfjs/index.js';
import { one, randomizeWeights, withFolder } from '../frontends/support.js';

/** A gate between an embedding and a recurrent layer hands the mask on, in training and compiled. */
test('padded steps stay masked behind a gate', async () => {
  const random = seededRandom(3);
  const tokens = tf.input({ shape: [6], dtype: 'int32' });
  const embedded = one(tf.layers.embedding({ inputDim: 5, outputDim: 4, maskZero: true }).apply(tokens));
  const gated = one(new SwanGate({ pooling: 'none' }).apply(embedded));
  const model = tf.model({ inputs: tokens, outputs: one(tf.layers.lstm({ units: 3 }).apply(gated)) });
  randomizeWeights(model, random);
  const ids = Int32Array.from({ length: 40 * 6 }, () => random.integer(5));
  await withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    const calibration = join(folder, 'tokens.npy');
    await writeNpy(calibration, new Tensor('int32', [40, 6], ids));
    const { report } = await compile({ model: folder, calibration });
    expect(report.warnings.filter((warning) => warning.includes('mask'))).toEqual([]);
    expect(report.targets[0]?.verification?.reference).toMatch(/^tfjs/);
    expect(report.targets[0]?.verification?.clear).toBe(40);
  });
});

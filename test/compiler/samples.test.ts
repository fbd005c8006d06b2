import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compile } from '../../src/index.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { withFolder } from '../frontends/support.js';

/** Without data a model is verified on random inputs, which must be ones that it can take. */
test('token numbers are drawn from the vocabulary', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.embedding({ inputDim: 3, outputDim: 4, inputLength: 6, maskZero: true }),
      tf.layers.gru({ units: 3, returnSequences: true }),
      tf.layers.lstm({ units: 3 }),
      tf.layers.dense({ units: 1, activation: 'sigmoid' }),
    ],
  });
  await withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    const { report } = await compile({ model: folder });
    expect(report.targets[0]?.verification?.clear).toBe(32);
  });
});

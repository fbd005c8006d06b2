import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compile } from '../../src/index.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { layer, sequential, writeModel } from '../frontends/handmade.js';
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

test.each([
  ['RepeatVector', { n: 1e15, batch_input_shape: [null, 3] }],
  ['ReLU', { batch_input_shape: [1e9, 4] }],
  ['UpSampling2D', { size: [1e6, 1e6], batch_input_shape: [null, 2, 2, 1] }],
])('%s with values too large to run says so at once', async (className, config) => {
  await withFolder(async (folder) => {
    writeModel(folder, sequential(layer(className, 'huge', config)));
    await expect(compile({ model: folder })).rejects.toThrow(/huge.*: it has \d.* elements/);
  });
});

import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compile } from '../../src/index.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { randomizeWeights, single, withFolder } from '../frontends/support.js';

/** Layers for which the wasm backend of tfjs is wrong or fails, and its plain backend is right. */
test.each([
  [
    'a stride longer than the kernel',
    () => tf.layers.conv2d({ filters: 2, kernelSize: 2, strides: 3, padding: 'same' }),
    [9, 9, 3],
  ],
  ['a maximum below zero', () => tf.layers.maxPooling3d({ poolSize: 1 }), [5, 5, 5, 2]],
  [
    'a transposed convolution in 3D',
    () => tf.layers.conv3dTranspose({ filters: 2, kernelSize: 2, strides: 2 }),
    [3, 3, 3, 2],
  ],
  [
    'channels first in ConvLSTM2D',
    () => tf.layers.convLstm2d({ filters: 2, kernelSize: 2, dataFormat: 'channelsFirst' }),
    [2, 2, 4, 4],
  ],
])('%s is verified by the plain backend', async (_, layer, shape) => {
  const model = single(layer(), shape);
  randomizeWeights(model, seededRandom(5));
  await withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    const { report } = await compile({ model: folder });
    expect(report.targets[0]?.verification?.reference).toBe('tfjs-cpu');
  });
});

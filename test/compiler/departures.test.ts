import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compile, type Report } from '../../src/index.js';
import { layer, sequential, writeModel } from '../frontends/handmade.js';
import { temporaryFolder } from './support.js';

/** Models that TensorFlow.js computes wrongly, or not at all: it is no reference for them. */

const folder = await temporaryFolder();
const image = { batch_input_shape: [null, 4, 5, 2] };

async function reportOf(name: string, className: string, config: Record<string, unknown>): Promise<Report> {
  const model = join(folder, name);
  writeModel(model, sequential(layer(className, 'it', { ...image, ...config })));
  return (await compile({ model })).report;
}

async function referenceOf(name: string, className: string, config: Record<string, unknown>): Promise<unknown> {
  return (await reportOf(name, className, config)).targets[0]?.verification?.reference;
}

test('the report says where and why', async () => {
  expect((await reportOf('elu', 'ELU', { alpha: 2 })).warnings).toEqual([
    'it: tfjs has no alpha but 1, swanc does as Keras documents',
    'no calibration data: the result was verified on random inputs',
  ]);
});

test.each([
  ['ReLU', { negative_slope: 0.5 }],
  ['ReLU', { threshold: 1 }],
  ['ELU', { alpha: 2 }],
  ['Softmax', { axis: 1 }],
  ['MaxPooling3D', { batch_input_shape: [null, 4, 1, 1, 1], pool_size: 1, strides: [2, 1, 1], padding: 'same' }],
  ['UpSampling2D', { size: 2 }],
  ['Resizing', { height: 2, width: 3 }],
  ['CenterCrop', { height: 2, width: 2 }],
  ['RandomWidth', { factor: 0.5 }],
  ['CategoryEncoding', { batch_input_shape: [null, 3], num_tokens: 4 }],
])('%s %j is verified against its own graph', async (className, config) => {
  const name = `${className}-${Object.keys(config).join('-')}`;
  expect(await referenceOf(name, className, config)).toBe('onnxruntime');
});

test.each([
  ['ReLU', { max_value: 1 }],
  ['ELU', { alpha: 1 }],
  ['Softmax', { axis: 3 }],
  ['UpSampling2D', { size: [2, 2] }],
])('%s %j is verified against tfjs', async (className, config) => {
  expect(await referenceOf(`${className}-tfjs`, className, config)).toMatch(/^tfjs/);
});

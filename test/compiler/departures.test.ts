import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compile, type Report, verify } from '../../src/index.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { layer, sequential, writeModel } from '../frontends/handmade.js';
import { one } from '../frontends/support.js';
import { temporaryFolder } from './support.js';

/** Models that TensorFlow.js computes wrongly, or not at all: it is no reference for them. */

const folder = await temporaryFolder();
const image = { batch_input_shape: [null, 4, 5, 2] };

async function reportOf(name: string, className: string, config: Record<string, unknown>): Promise<Report> {
  const model = join(folder, name);
  writeModel(model, sequential(layer(className, 'it', { ...image, ...config })));
  return (await compile({ model })).report;
}

/** The layer built and saved by tfjs, which can have weights. */
async function withWeights(className: string, config: Record<string, unknown>): Promise<string> {
  const json = { class_name: 'Sequential', config: { name: 'm', layers: [layer(className, 'it', config)] } };
  const model = await tf.models.modelFromJSON(JSON.parse(JSON.stringify({ modelTopology: json })));
  const path = join(folder, `${className}-integers.json`);
  await model.save(fileHandler(path));
  return path;
}

async function referenceOf(name: string, className: string, config: Record<string, unknown>): Promise<unknown> {
  return (await reportOf(name, className, config)).targets[0]?.verification?.reference;
}

test('the report says where and why', async () => {
  expect((await reportOf('elu', 'ELU', { alpha: 2 })).warnings).toEqual([
    'it: tfjs has no alpha but 1, swanc does as Keras documents',
    "verified against the imported graph, so not the import itself; TensorFlow.js: it is wrong in 'it'",
    'no calibration data: verified on random inputs',
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
  ['BatchNormalization', {}],
  ['LayerNormalization', {}],
  ['Activation', { activation: 'softplus' }],
  ['AveragePooling2D', { pool_size: 2 }],
])('%s %j of whole numbers is verified against its own graph', async (className, config) => {
  const model = await withWeights(className, { ...image, dtype: 'int32', ...config });
  expect((await compile({ model })).report.targets[0]?.verification?.reference).toBe('onnxruntime');
});

test('a mask from inside a model is lost in tfjs', async () => {
  const x = tf.input({ shape: [5, 2] });
  const inner = tf.input({ shape: [5, 2] });
  const masking = tf.model({
    inputs: inner,
    outputs: one(tf.layers.masking({ maskValue: 0.5 }).apply(inner)),
    name: 'in',
  });
  const masked = one(masking.apply(x));
  const model = tf.model({ inputs: x, outputs: one(tf.layers.lstm({ units: 2 }).apply(masked)) });
  await model.save(fileHandler(join(folder, 'inside.json')));
  const { report } = await compile({ model: join(folder, 'inside.json') });
  expect(report.warnings[0]).toBe('in: tfjs loses the mask that a model inside gives, swanc does as Keras documents');
});

/** What random samples hold decides whether a mask is looked at. */
test('random samples have steps that are masked', async () => {
  const x = tf.input({ shape: [5, 2] });
  const masked = one(tf.layers.masking({ maskValue: 0.5 }).apply(x));
  const model = tf.model({ inputs: x, outputs: one(tf.layers.lstm({ units: 2 }).apply(masked)) });
  await model.save(fileHandler(join(folder, 'masked.json')));
  const out = join(folder, 'masked');
  await compile({ model: join(folder, 'masked.json'), out });
  const json = readFileSync(join(folder, 'masked.json'), 'utf8').replace('"mask_value":0.5', '"mask_value":-77');
  writeFileSync(join(folder, 'masked.json'), json);
  const compared = verify({ model: join(folder, 'masked.json'), compiled: join(out, 'cpu', 'model.onnx') });
  await expect(compared).rejects.toThrow(/differs from the original/);
});

test.each([
  ['ReLU', { max_value: 1 }],
  ['ELU', { alpha: 1 }],
  ['Softmax', { axis: 3 }],
  ['UpSampling2D', { size: [2, 2] }],
])('%s %j is verified against tfjs', async (className, config) => {
  expect(await referenceOf(`${className}-tfjs`, className, config)).toMatch(/^tfjs/);
});

import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SGBlend, SwanGate } from '../../src/tfjs/index.js';
import { conforms, one, single } from './support.js';

const runs = { numRuns: 12 };
const padding = fc.constantFrom('valid', 'same');
const pair = (most: number) => fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }));

const activations = [
  'elu',
  'selu',
  'relu',
  'relu6',
  'linear',
  'sigmoid',
  'hardSigmoid',
  'softplus',
  'softsign',
  'tanh',
  'softmax',
  'logSoftmax',
  'gelu',
  'mish',
  'swish',
] as const;

describe('dense and activations', () => {
  test.each(activations)('%s', async (activation) => {
    await conforms(single(tf.layers.activation({ activation: activation as 'relu' }), [5]));
    await conforms(single(tf.layers.dense({ units: 3, activation: activation as 'relu' }), [4, 5]));
  });

  test('dense of any rank, with and without bias', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (shape, units, useBias) => {
          const graph = await conforms(single(tf.layers.dense({ units, useBias }), shape));
          expect(graph.nodes.length).toBe(shape.length === 1 || !useBias ? 1 : 2);
        },
      ),
      runs,
    ));

  test.each([
    ['ReLU', () => tf.layers.reLU({ maxValue: 0.5 })],
    ['ReLU without maximum', () => tf.layers.reLU()],
    ['LeakyReLU', () => tf.layers.leakyReLU({ alpha: 0.2 })],
    ['LeakyReLU, default', () => tf.layers.leakyReLU()],
    ['ELU', () => tf.layers.elu()],
    ['ThresholdedReLU', () => tf.layers.thresholdedReLU({ theta: 0.4 })],
    ['PReLU', () => tf.layers.prelu()],
    ['PReLU, shared', () => tf.layers.prelu({ sharedAxes: [1] })],
    ['Softmax', () => tf.layers.softmax({ axis: -1 })],
    ['Dropout', () => tf.layers.dropout({ rate: 0.5 })],
    ['GaussianNoise', () => tf.layers.gaussianNoise({ stddev: 1 })],
    ['LayerNormalization', () => tf.layers.layerNormalization()],
    ['LayerNormalization, axis 1', () => tf.layers.layerNormalization({ axis: 1, center: false })],
    ['LayerNormalization, two axes', () => tf.layers.layerNormalization({ axis: [1, 2], scale: false })],
    ['BatchNormalization', () => tf.layers.batchNormalization({ epsilon: 0.01 })],
    ['BatchNormalization, bare', () => tf.layers.batchNormalization({ scale: false, center: false })],
    ['Flatten', () => tf.layers.flatten()],
    ['Reshape', () => tf.layers.reshape({ targetShape: [2, -1] })],
    ['Permute', () => tf.layers.permute({ dims: [2, 1] })],
    ['GlobalAveragePooling1D', () => tf.layers.globalAveragePooling1d({})],
    ['GlobalMaxPooling1D', () => tf.layers.globalMaxPooling1d({})],
    ['Rescaling', () => tf.layers.rescaling({ scale: 0.5, offset: 1 })],
  ])('%s', async (_, layer) => {
    await conforms(single(layer(), [4, 6]));
  });

  test('RepeatVector and Embedding', async () => {
    await conforms(single(tf.layers.repeatVector({ n: 3 }), [4]));
    const input = tf.input({ shape: [6], dtype: 'int32' });
    const rows = one(tf.layers.embedding({ inputDim: 5, outputDim: 3 }).apply(input));
    await conforms(tf.model({ inputs: input, outputs: rows }));
  });
});

describe('convolution and pooling', () => {
  const image = fc.record({
    size: fc.tuple(fc.integer({ min: 5, max: 9 }), fc.integer({ min: 5, max: 9 })),
    channels: fc.integer({ min: 1, max: 3 }),
  });

  test('Conv2D', () =>
    fc.assert(
      fc.asyncProperty(
        image,
        pair(3),
        pair(3),
        pair(2),
        padding,
        fc.boolean(),
        fc.constantFrom('channelsLast', 'channelsFirst'),
        fc.boolean(),
        async ({ size, channels }, kernelSize, strides, dilation, padding, useBias, dataFormat, dilate) => {
          const layer = tf.layers.conv2d({
            filters: 4,
            kernelSize,
            strides: dilate ? 1 : strides,
            dilationRate: dilate ? dilation : 1,
            padding: padding as 'same',
            useBias,
            dataFormat: dataFormat as 'channelsLast',
            activation: 'relu',
          });
          await conforms(single(layer, dataFormat === 'channelsFirst' ? [channels, ...size] : [...size, channels]));
        },
      ),
      { numRuns: 40 },
    ));

  test('sizes known only at run time', async () => {
    for (const padding of ['same', 'valid'] as const) {
      await conforms(single(tf.layers.conv2d({ filters: 2, kernelSize: 3, strides: 2, padding }), [null, null, 2]));
      await conforms(single(tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding }), [null, null, 2]));
      await conforms(single(tf.layers.maxPooling2d({ poolSize: 2, strides: 3, padding }), [null, null, 2]));
    }
    await conforms(single(tf.layers.globalMaxPooling2d({}), [null, null, 2]));
  });

  test('Conv1D and Conv3D', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        padding,
        async (kernelSize, strides, padding) => {
          const args = { filters: 3, kernelSize, strides, padding: padding as 'same' };
          await conforms(single(tf.layers.conv1d(args), [7, 2]));
          // With strides longer than the kernel tfjs pads by a negative amount: see the values derived by hand.
          const reach = { ...args, strides: Math.min(strides, kernelSize) };
          await conforms(single(tf.layers.conv3d(reach), [4, 5, 6, 2]));
        },
      ),
      runs,
    ));

  test('transposed convolutions, strides longer than kernels too', () =>
    fc.assert(
      fc.asyncProperty(
        pair(4),
        pair(4),
        padding,
        fc.constantFrom('channelsLast', 'channelsFirst'),
        async (kernelSize, strides, padding, dataFormat) => {
          const layer = tf.layers.conv2dTranspose({
            filters: 3,
            kernelSize,
            strides,
            padding: padding as 'same',
            dataFormat: dataFormat as 'channelsLast',
          });
          await conforms(single(layer, dataFormat === 'channelsFirst' ? [2, 4, 5] : [4, 5, 2]));
        },
      ),
      runs,
    ));

  test('Conv3DTranspose', async () => {
    await conforms(
      single(tf.layers.conv3dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' }), [2, 3, 4, 2]),
    );
  });

  test('depthwise and separable', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 2 }),
        padding,
        async (kernelSize, strides, depthMultiplier, padding) => {
          const args = {
            kernelSize,
            strides,
            depthMultiplier,
            padding: padding as 'same',
            activation: 'tanh' as const,
          };
          await conforms(single(tf.layers.depthwiseConv2d(args), [6, 7, 3]));
          await conforms(single(tf.layers.separableConv2d({ ...args, filters: 4 }), [6, 7, 3]));
        },
      ),
      runs,
    ));

  test('pooling', () =>
    fc.assert(
      fc.asyncProperty(
        pair(3),
        fc.option(pair(3)),
        padding,
        fc.constantFrom('channelsLast', 'channelsFirst'),
        async (poolSize, strides, padding, dataFormat) => {
          const args = {
            poolSize,
            ...(strides === null ? {} : { strides }),
            padding: padding as 'same',
            dataFormat: dataFormat as 'channelsLast',
          };
          await conforms(single(tf.layers.maxPooling2d(args), [6, 7, 5]));
          await conforms(single(tf.layers.averagePooling2d(args), [6, 7, 5]));
        },
      ),
      runs,
    ));

  test.each([
    ['MaxPooling1D', () => tf.layers.maxPooling1d({ poolSize: 2 }), [7, 3]],
    ['AveragePooling1D', () => tf.layers.averagePooling1d({ poolSize: 3, strides: 2, padding: 'same' }), [7, 3]],
    ['MaxPooling3D', () => tf.layers.maxPooling3d({ poolSize: 2, padding: 'same' }), [5, 4, 3, 2]],
    ['AveragePooling3D', () => tf.layers.averagePooling3d({ poolSize: 2, strides: 1 }), [5, 4, 3, 2]],
    ['GlobalAveragePooling2D', () => tf.layers.globalAveragePooling2d({}), [5, 4, 3]],
    [
      'GlobalMaxPooling2D, channels first',
      () => tf.layers.globalMaxPooling2d({ dataFormat: 'channelsFirst' }),
      [5, 4, 3],
    ],
    ['BatchNormalization, images', () => tf.layers.batchNormalization({}), [5, 4, 3]],
    ['Flatten, channels first', () => tf.layers.flatten({ dataFormat: 'channelsFirst' }), [5, 4, 3]],
    [
      'ZeroPadding2D',
      () =>
        tf.layers.zeroPadding2d({
          padding: [
            [1, 0],
            [2, 3],
          ],
        }),
      [5, 4, 3],
    ],
    [
      'ZeroPadding2D, channels first',
      () => tf.layers.zeroPadding2d({ padding: 2, dataFormat: 'channelsFirst' }),
      [5, 4, 3],
    ],
    [
      'Cropping2D',
      () =>
        tf.layers.cropping2D({
          cropping: [
            [1, 0],
            [2, 1],
          ],
        }),
      [5, 4, 3],
    ],
    ['UpSampling2D', () => tf.layers.upSampling2d({ size: [2, 3] }), [5, 4, 3]],
    ['UpSampling2D, bilinear', () => tf.layers.upSampling2d({ size: [3, 2], interpolation: 'bilinear' }), [5, 4, 3]],
    [
      'UpSampling2D, channels first',
      () => tf.layers.upSampling2d({ size: [2, 2], dataFormat: 'channelsFirst' }),
      [5, 4, 3],
    ],
  ] satisfies [string, () => tf.layers.Layer, number[]][])('%s', async (_, layer, shape) => {
    await conforms(single(layer(), shape));
  });
});

describe('merging', () => {
  const layers = {
    add: () => tf.layers.add(),
    multiply: () => tf.layers.multiply(),
    average: () => tf.layers.average(),
    maximum: () => tf.layers.maximum(),
    minimum: () => tf.layers.minimum(),
  };
  test.each(Object.entries(layers))('%s, with broadcasting and unequal ranks', async (_, layer) => {
    const shapes = [[4, 3], [3], [1, 3]];
    const inputs = shapes.map((shape, index) => tf.input({ shape, name: `in${index}` }));
    await conforms(tf.model({ inputs, outputs: one(layer().apply(inputs)) }));
  });

  test.each([-1, 1, 2])('concatenate along %i', async (axis) => {
    const inputs = [tf.input({ shape: [2, 3] }), tf.input({ shape: [2, 3] })];
    await conforms(tf.model({ inputs, outputs: one(tf.layers.concatenate({ axis }).apply(inputs)) }));
  });
});

describe('SGBlend', () => {
  test.each(['sigmoid', 'tanh', 'erf'] as const)('gelu %s', async (gelu) => {
    for (const blend of ['sigmoid', 'clip'] as const) {
      for (const perChannel of [false, true]) {
        const graph = await conforms(single(new SGBlend({ gelu, blend, perChannel }), [3, 4]));
        expect(graph.nodes.map((node) => node.op)).toEqual(['SGBlend']);
      }
    }
  });
});

describe('SwanGate', () => {
  test('all ways to gate an image', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          threshold: fc.constantFrom(0.5, 0.3, 0.8),
          groupSize: fc.constantFrom(1, 2, 6),
          hiddenUnits: fc.constantFrom(0, 3),
          useBias: fc.boolean(),
          pooling: fc.constantFrom('average' as const, 'none' as const),
          modes: fc.constantFrom(0, 0, 2, 5),
        }),
        fc.constantFrom('self', 'rows', 'image'),
        async ({ threshold, ...others }, control) => {
          // Modal gates have no threshold of their own.
          const args = { ...others, threshold: others.modes > 0 ? 0.5 : threshold };
          const features = tf.input({ shape: [4, 5, 6], name: 'features' });
          const other = tf.input({ shape: control === 'rows' ? [7] : [4, 5, 2], name: 'control' });
          const inputs = control === 'self' ? [features] : [features, other];
          const outputs = one(new SwanGate(args).apply(control === 'self' ? features : inputs));
          const graph = await conforms(tf.model({ inputs, outputs }));
          const gate = graph.nodes.find((node) => node.op === 'Gate');
          expect(gate?.int('axis', -1)).toBe(3);
          expect(gate?.float('threshold', Number.NaN)).toBe(
            args.modes > 0 ? 0 : Math.fround(Math.log(args.threshold / (1 - args.threshold))),
          );
        },
      ),
      { numRuns: 60 },
    ));

  test('a gate on units', async () => {
    for (const groupSize of [1, 2, 6]) {
      await conforms(single(new SwanGate({ groupSize, hiddenUnits: 2 }), [6]));
      await conforms(single(new SwanGate({ groupSize, modes: 3 }), [6]));
    }
  });
});

describe('integers', () => {
  test('stay integers where nothing is computed, and become floats where it is', async () => {
    const input = tf.input({ shape: [4], dtype: 'int32', name: 'ids' });
    const floats = tf.input({ shape: [4], name: 'floats' });
    const shaped = one(tf.layers.reshape({ targetShape: [2, 2] }).apply(input));
    const dense = one(tf.layers.rescaling({ scale: 0.5 }).apply(input));
    const sum = one(tf.layers.add().apply([input, floats]));
    const doubled = one(tf.layers.add().apply([input, input]));
    const graph = await conforms(tf.model({ inputs: [input, floats], outputs: [shaped, dense, sum, doubled] }));
    expect(graph.outputs.map(({ elementType }) => elementType)).toEqual(['int32', 'float32', 'float32', 'int32']);
  });
});

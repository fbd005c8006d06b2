import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { layer, sequential, writeModel } from './handmade.js';
import {
  allOf,
  importLayers,
  kinds,
  operatorsOf,
  recurrentLayers,
  settings,
  sizes,
  sunkOperatorsOf,
} from './recurrent-support.js';
import { conforms, errorOf, single, withFolder } from './support.js';

const plain = { units: 3, recurrentActivation: 'sigmoid' } as const;
const mergeModes = ['concat', 'sum', 'mul', 'ave', null] as const;
type Inner = Parameters<typeof tf.layers.bidirectional>[0]['layer'];

/** tfjs declares merge modes without null, which it takes. */
const bidirectional = (inner: tf.layers.Layer, mergeMode: (typeof mergeModes)[number]): tf.layers.Layer =>
  tf.layers.bidirectional({ layer: inner as Inner, mergeMode: mergeMode as 'concat' });

describe('Bidirectional', () => {
  test.each(kinds)('%s with any settings', (kind) =>
    fc.assert(
      fc.asyncProperty(
        settings,
        sizes,
        fc.constantFrom(...mergeModes),
        fc.boolean(),
        async (args, dims, mode, given) => {
          const x = tf.input({ shape: dims });
          const count = given ? (kind === 'LSTM' ? 4 : 2) : 0;
          const states = Array.from({ length: count }, () => tf.input({ shape: [args.units] }));
          const outputs = allOf(bidirectional(recurrentLayers[kind]({ ...args }), mode).apply([x, ...states]));
          await conforms(tf.model({ inputs: [x, ...states], outputs }), { batches: [2] });
        },
      ),
      { numRuns: 40 },
    ),
  );

  test('is one operator in both directions', async () => {
    const layers = { all: tf.layers.lstm({ ...plain, returnSequences: true }), last: tf.layers.lstm(plain) };
    const expected = {
      concat: ['Transpose LSTM Transpose Reshape', 'Transpose LSTM Transpose Reshape'],
      sum: ['Transpose LSTM ReduceSum Transpose', 'Transpose LSTM ReduceSum'],
      ave: ['Transpose LSTM ReduceMean Transpose', 'Transpose LSTM ReduceMean'],
      mul: ['Transpose LSTM ReduceProd Transpose', 'Transpose LSTM ReduceProd'],
    };
    for (const mode of ['concat', 'sum', 'ave', 'mul'] as const) {
      const graphs = [
        await conforms(single(bidirectional(layers.all, mode), [4, 2])),
        await conforms(single(bidirectional(layers.last, mode), [4, 2])),
      ];
      expect(graphs.map(operatorsOf)).toEqual(expected[mode]);
    }
  });

  test('keeps the steps first between layers', async () => {
    const graph = await conforms(
      tf.sequential({
        layers: [
          tf.layers.inputLayer({ inputShape: [null, 2] }),
          bidirectional(tf.layers.gru({ ...plain, returnSequences: true }), 'concat'),
          bidirectional(tf.layers.gru({ ...plain, returnSequences: true }), 'sum'),
          tf.layers.gru(plain),
        ],
      }),
    );
    expect(await sunkOperatorsOf(graph)).toBe('Transpose GRU Transpose Reshape GRU ReduceSum GRU Squeeze');
  });

  test('ConvLSTM2D', async () => {
    const inner = tf.layers.convLstm2d({ filters: 2, kernelSize: 3, padding: 'same', returnSequences: true } as never);
    await conforms(single(bidirectional(inner as tf.layers.Layer, 'concat'), [2, 4, 3, 2]));
  });

  test('around what is no recurrent layer, and with unequal sides, is an error', async () => {
    const shape = { batch_input_shape: [null, 4, 2] };
    const inner = (extra: object) => layer('GRU', 'gru', { units: 2, reset_after: false, ...extra });
    for (const [config, message] of [
      [{ layer: layer('Dense', 'dense', { units: 2 }) }, /Dense inside Bidirectional is not supported/],
      [{ layer: inner({}), backward_layer: inner({}) }, /must run in opposite directions/],
    ] as const) {
      await withFolder(async (folder) => {
        writeModel(folder, sequential(layer('Bidirectional', 'both', { ...shape, ...config })));
        expect(errorOf(() => importTfjsModel(folder)).message).toMatch(message);
      });
    }
  });
});

describe('TimeDistributed', () => {
  const cases: readonly (readonly [string, () => tf.layers.Layer, readonly (number | null)[], string])[] = [
    ['Dense', () => tf.layers.dense({ units: 3 }), [4, 2], 'MatMul Add'],
    ['Dense of images', () => tf.layers.dense({ units: 3, activation: 'relu' }), [4, 5, 2], 'MatMul Add Relu'],
    ['Activation', () => tf.layers.activation({ activation: 'softmax' }), [4, 2], 'Softmax'],
    ['Flatten', () => tf.layers.flatten(), [3, 4, 2], 'Reshape Reshape Reshape'],
    ['LSTM', () => tf.layers.lstm(plain), [3, 4, 2], 'Reshape Transpose LSTM Squeeze Reshape'],
    [
      'Bidirectional',
      () => bidirectional(tf.layers.gru(plain), 'sum'),
      [3, 4, 2],
      'Reshape Transpose GRU ReduceSum Reshape',
    ],
    [
      'Conv2D',
      () => tf.layers.conv2d({ filters: 3, kernelSize: 2 }),
      [3, 5, 5, 2],
      'Reshape Transpose Conv Transpose Reshape',
    ],
    [
      'Sequential',
      () => tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [2] }), tf.layers.batchNormalization()] }),
      [4, 2],
      'Reshape Gemm BatchNormalization Reshape',
    ],
    [
      'TimeDistributed',
      () => tf.layers.timeDistributed({ layer: tf.layers.maxPooling1d({ poolSize: 2 }) }),
      [2, 3, 4, 2],
      'Reshape Reshape Transpose MaxPool Transpose Reshape Reshape',
    ],
  ];

  test.each(cases)('%s', async (_, inner, shape, expected) => {
    const graph = await conforms(single(tf.layers.timeDistributed({ layer: inner() }), shape));
    expect(operatorsOf(graph)).toBe(expected);
  });

  test('a model', async () => {
    const x = tf.input({ shape: [5, 2] });
    const inner = tf.model({ inputs: x, outputs: allOf(tf.layers.lstm(plain).apply(x)) });
    await conforms(single(tf.layers.timeDistributed({ layer: inner }), [4, 5, 2]));
  });

  test('sizes known only at run time', async () => {
    const conv = () => tf.layers.timeDistributed({ layer: tf.layers.conv2d({ filters: 3, kernelSize: 2 }) });
    for (const shape of [
      [3, null, null, 2],
      [null, 5, 5, 2],
      [null, null, null, 2],
    ]) {
      await conforms(single(conv(), shape));
    }
  });

  test('steps stay samples from one to the next', async () => {
    const graph = await conforms(
      tf.sequential({
        layers: [
          tf.layers.timeDistributed({
            layer: tf.layers.conv2d({ filters: 3, kernelSize: 2 }),
            inputShape: [3, 5, 5, 2],
          }),
          tf.layers.timeDistributed({ layer: tf.layers.flatten() }),
          tf.layers.timeDistributed({ layer: tf.layers.layerNormalization() }),
        ],
      }),
    );
    expect(operatorsOf(graph)).toBe('Reshape Transpose Conv Transpose Reshape LayerNormalization Reshape');
  });

  test('a layer that keeps states cannot be inside', async () => {
    const inner = layer('LSTM', 'lstm', { units: 2, stateful: true });
    const model = importLayers([layer('TimeDistributed', 'td', { batch_input_shape: [2, 3, 4, 2], layer: inner })]);
    await expect(model).rejects.toThrow(/a stateful layer inside TimeDistributed is not supported/);
  });
});

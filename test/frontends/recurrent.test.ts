import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { modelBytes } from '../../src/onnx/write.js';
import { checkModel, hasChecker } from '../onnx/checker.js';
import {
  activations,
  allOf,
  type Kind,
  kinds,
  operatorsOf,
  recurrentCells,
  recurrentLayers,
  settings,
  sizes,
  sunkOperatorsOf,
} from './recurrent-support.js';
import { conforms, single, withFolder } from './support.js';

/** ONNX's operator of each layer. */
const operators: Readonly<Record<Kind, string>> = { SimpleRNN: 'RNN', GRU: 'GRU', LSTM: 'LSTM' };
const states: Readonly<Record<Kind, number>> = { SimpleRNN: 1, GRU: 1, LSTM: 2 };
const plain = { units: 3, recurrentActivation: 'sigmoid' } as const;

describe.each(kinds)('%s', (kind) => {
  const operator = operators[kind];
  const make = (args: Parameters<typeof tf.layers.lstm>[0]): tf.layers.Layer => recurrentLayers[kind](args);
  const makeCell = (args: Parameters<typeof tf.layers.lstmCell>[0]) => recurrentCells[kind](args);

  test('any settings, with and without states of its own', () =>
    fc.assert(
      fc.asyncProperty(settings, sizes, fc.boolean(), async (args, [steps, features], isGiven) => {
        const x = tf.input({ shape: [steps, features], name: 'x' });
        const given = isGiven ? Array.from({ length: states[kind] }, () => tf.input({ shape: [args.units] })) : [];
        const outputs = allOf(make({ ...args }).apply([x, ...given]));
        await conforms(tf.model({ inputs: [x, ...given], outputs }), { batches: [1, 2] });
      }),
      { numRuns: 60 },
    ));

  test.each(activations)('%s, of the cell and of its gates', async (name) => {
    const activation = name as 'tanh';
    const args = { units: 3, returnSequences: true };
    await conforms(single(make({ ...args, activation, recurrentActivation: 'sigmoid' }), [4, 2]));
    await conforms(single(make({ ...args, recurrentActivation: activation, goBackwards: true }), [4, 2]));
  });

  test('more units than registers are wide', async () => {
    for (const goBackwards of [false, true]) {
      const layer = make({ units: 19, returnSequences: true, returnState: true, goBackwards });
      const x = tf.input({ shape: [7, 11] });
      await conforms(tf.model({ inputs: x, outputs: allOf(layer.apply(x)) }), { batches: [5] });
    }
  });

  test('is one operator and what its layout needs', async () => {
    const last = await conforms(single(make(plain), [4, 2]));
    expect(operatorsOf(last)).toBe(`Transpose ${operator} Squeeze`);
    const all = await conforms(single(make({ ...plain, returnSequences: true }), [4, 2]));
    expect(operatorsOf(all)).toBe(`Transpose ${operator} Squeeze Transpose`);
    const backwards = await conforms(single(make({ ...plain, goBackwards: true }), [4, 2]));
    expect(operatorsOf(backwards)).toBe(`Transpose ${operator} Squeeze`);
    const reversed = await conforms(single(make({ ...plain, goBackwards: true, returnSequences: true }), [null, 2]));
    expect(operatorsOf(reversed)).toBe(`Transpose ${operator} Squeeze Slice Transpose`);
  });

  test('keeps the steps first between layers', async () => {
    const layers = [
      make({ ...plain, returnSequences: true, inputShape: [4, 2] }),
      tf.layers.dropout({ rate: 0.5 }),
      make({ ...plain, units: 2 }),
      tf.layers.dense({ units: 2 }),
    ];
    const graph = await conforms(tf.sequential({ layers }));
    expect(await sunkOperatorsOf(graph)).toBe(`Transpose ${operator} Squeeze ${operator} Squeeze Gemm`);
  });

  test('is a loop over its state where ONNX has no such activation', async () => {
    const graph = await conforms(single(make({ ...plain, activation: 'selu', returnSequences: true }), [4, 2]));
    expect(operatorsOf(graph)).toBe('MatMul Add Shape Concat ConstantOfShape Scan');
  });

  test('RNN over its cell is the layer', async () => {
    for (const returnSequences of [false, true]) {
      const graph = await conforms(single(tf.layers.rnn({ cell: makeCell(plain), returnSequences }), [4, 2]));
      const layer = await conforms(single(make({ ...plain, returnSequences }), [4, 2]));
      expect(operatorsOf(graph)).toBe(operatorsOf(layer));
    }
  });

  test('cells on top of each other, states from the top one down', () =>
    fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom('tanh' as const, 'selu' as const),
        async (returnSequences, goBackwards, activation) => {
          const cell = [makeCell(plain), tf.layers.gruCell({ units: 2, activation }), makeCell({ ...plain, units: 4 })];
          const x = tf.input({ shape: [3, 2] });
          const layer = tf.layers.rnn({ cell, returnState: true, returnSequences, goBackwards });
          await conforms(tf.model({ inputs: x, outputs: allOf(layer.apply(x)) }));
        },
      ),
      { numRuns: 8 },
    ));

  test('a stack is a chain of operators', async () => {
    const cell = [makeCell(plain), makeCell({ ...plain, units: 2 })];
    const graph = await conforms(single(tf.layers.rnn({ cell }), [4, 2]));
    expect(await sunkOperatorsOf(graph)).toBe(`Transpose ${operator} Squeeze ${operator} Squeeze`);
  });

  test('states given to a stack', async () => {
    const cell = [makeCell(plain), makeCell({ ...plain, units: 2 })];
    const given = [2, 3].flatMap((units) => Array.from({ length: states[kind] }, () => tf.input({ shape: [units] })));
    const x = tf.input({ shape: [4, 2] });
    const outputs = allOf(tf.layers.rnn({ cell, returnState: true }).apply([x, ...given]));
    await conforms(tf.model({ inputs: [x, ...given], outputs }));
  });
});

describe('ConvLSTM2D', () => {
  const images = fc.record({
    filters: fc.integer({ min: 1, max: 3 }),
    kernelSize: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    strides: fc.integer({ min: 1, max: 2 }),
    padding: fc.constantFrom('valid' as const, 'same' as const),
    dataFormat: fc.constantFrom('channelsFirst' as const, 'channelsLast' as const),
    activation: fc.constantFrom('tanh' as const, 'relu' as const, 'softmax' as const),
    useBias: fc.boolean(),
    returnSequences: fc.boolean(),
    returnState: fc.boolean(),
    goBackwards: fc.boolean(),
  });
  /** tfjs declares the arguments of its cell wrongly: the cell is the layer's to make. */
  const convLstm = (args: object): tf.layers.Layer => tf.layers.convLstm2d(args as never);

  test('any settings', () =>
    fc.assert(
      fc.asyncProperty(images, async (args) => {
        const image = args.dataFormat === 'channelsFirst' ? [2, 5, 4] : [5, 4, 2];
        const x = tf.input({ shape: [2, ...image] });
        await conforms(tf.model({ inputs: x, outputs: allOf(convLstm(args).apply(x)) }), { batches: [2] });
      }),
      { numRuns: 40 },
    ));

  test('images and sequences of any size', async () => {
    const args = { filters: 2, kernelSize: 3, padding: 'same', returnSequences: true };
    await conforms(single(convLstm(args), [null, null, null, 2]));
  });

  test('convolves all inputs before the loop', async () => {
    const graph = await conforms(
      single(convLstm({ filters: 2, kernelSize: 3, dataFormat: 'channelsFirst' }), [3, 2, 5, 4]),
    );
    expect(operatorsOf(graph)).toBe('Transpose Conv Shape Concat ConstantOfShape Scan');
  });
});

test.skipIf(!hasChecker())('the official checker accepts operators and loops at every opset', async () => {
  const models = [
    single(tf.layers.lstm({ units: 3, returnSequences: true }), [4, 2]),
    single(tf.layers.gru({ units: 3, activation: 'selu', returnSequences: true, goBackwards: true }), [null, 2]),
    single(tf.layers.convLstm2d({ filters: 2, kernelSize: 3, padding: 'same' } as never), [2, null, 4, 2]),
    single(tf.layers.timeDistributed({ layer: tf.layers.gru({ units: 2 }) }), [null, 3, 2]),
  ];
  await withFolder(async (folder) => {
    const paths: string[] = [];
    for (const model of models) {
      const graph = await conforms(model);
      for (const opset of [13, 15, 18, 20]) {
        paths.push(join(folder, `${paths.length}.onnx`));
        writeFileSync(paths.at(-1) ?? '', modelBytes(graph, { opset }));
      }
    }
    checkModel(paths);
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { defineLayer } from '../../src/frontends/tfjs/layer.js';
import { layer, sequential, writeJson, writeModel } from './handmade.js';
import { conforms, errorOf, one, run, withFolder } from './support.js';

describe('models of every kind', () => {
  test('sequential, without and with an input layer', async () => {
    const conv = tf.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [6, 6, 1], name: 'first' });
    const graph = await conforms(
      tf.sequential({ layers: [conv, tf.layers.flatten(), tf.layers.dense({ units: 3, name: 'last' })] }),
    );
    expect(graph.inputs.map(({ name, shape }) => [name, shape])).toEqual([['first_input', ['batch', 6, 6, 1]]]);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([['last', ['batch', 3]]]);
    const input = tf.layers.inputLayer({ inputShape: [4], name: 'in' });
    const second = await conforms(tf.sequential({ layers: [input, tf.layers.dense({ units: 2 })] }));
    expect(second.inputs.map(({ name }) => name)).toEqual(['in']);
  });

  test('several inputs and outputs, one of them twice, one an input', async () => {
    const a = tf.input({ shape: [3], name: 'a' });
    const b = tf.input({ shape: [3], name: 'b' });
    const sum = one(tf.layers.add({ name: 'sum' }).apply([a, b]));
    const d = one(tf.layers.dense({ name: 'd', units: 2 }).apply(sum));
    const graph = await conforms(tf.model({ inputs: [b, a], outputs: [d, sum, a] }));
    expect(graph.inputs.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['d', 'sum', 'a_1']);
  });

  test('a shared layer has its weights once', async () => {
    const a = tf.input({ shape: [3], name: 'a' });
    const b = tf.input({ shape: [3], name: 'b' });
    const shared = tf.layers.dense({ units: 3, name: 'shared' });
    const twice = one(shared.apply(one(shared.apply(a))));
    const graph = await conforms(
      tf.model({ inputs: [a, b], outputs: one(tf.layers.add().apply([twice, one(shared.apply(b))])) }),
    );
    expect(graph.nodes.filter(({ op }) => op === 'Gemm')).toHaveLength(3);
    expect(graph.constants.size).toBe(2);
  });

  test('a nested model, called twice, and models in it', async () => {
    const i = tf.input({ shape: [3], name: 'i' });
    const inner = tf.model({
      name: 'inner',
      inputs: i,
      outputs: one(tf.layers.dense({ units: 3, name: 'd' }).apply(i)),
    });
    const middle = tf.sequential({
      name: 'middle',
      layers: [inner, tf.layers.dense({ units: 3, name: 'e', activation: 'tanh' })],
    });
    const x = tf.input({ shape: [3], name: 'x' });
    const y = tf.input({ shape: [3], name: 'y' });
    const outputs = one(tf.layers.concatenate({ name: 'c' }).apply([one(middle.apply(x)), one(middle.apply(y))]));
    const graph = await conforms(tf.model({ inputs: [x, y], outputs }));
    expect(graph.nodes.map(({ origin }) => origin)).toEqual([
      'middle/inner/d',
      'middle/e',
      'middle/e',
      'middle/inner/d',
      'middle/e',
      'middle/e',
      'c',
    ]);
    expect(graph.constants.size).toBe(4);
  });

  test('a nested model with several inputs and outputs', async () => {
    const p = tf.input({ shape: [2], name: 'p' });
    const q = tf.input({ shape: [2], name: 'q' });
    const sum = one(tf.layers.add().apply([p, q]));
    const product = one(tf.layers.multiply().apply([p, q]));
    const inner = tf.model({ name: 'inner', inputs: [p, q], outputs: [sum, product] });
    const x = tf.input({ shape: [2], name: 'x' });
    const y = tf.input({ shape: [2], name: 'y' });
    const results = inner.apply([x, y]);
    if (!Array.isArray(results)) throw new Error('two outputs were expected');
    await conforms(
      tf.model({ inputs: [x, y], outputs: one(tf.layers.maximum().apply(results as tf.SymbolicTensor[])) }),
    );
  });

  test('a sequential model that begins with a model takes its input', async () => {
    const i = tf.input({ shape: [3], name: 'i' });
    const inner = tf.model({
      name: 'inner',
      inputs: i,
      outputs: one(tf.layers.dense({ units: 2, name: 'd' }).apply(i)),
    });
    const graph = await conforms(tf.sequential({ layers: [inner, tf.layers.softmax({ axis: -1, name: 's' })] }));
    expect(graph.inputs.map(({ name }) => name)).toEqual(['i']);
  });

  test('unknown sizes become symbols', async () => {
    const input = tf.input({ shape: [null, null, 2], name: 'image' });
    const graph = await conforms(
      tf.model({
        inputs: input,
        outputs: one(tf.layers.conv2d({ filters: 1, kernelSize: 2, name: 'c' }).apply(input)),
      }),
    );
    expect(graph.inputs[0]?.shape).toEqual(['batch', 'image_d1', 'image_d2', 2]);
  });
});

describe('files of every kind', () => {
  const dense = layer('Dense', 'd', { batch_input_shape: [null, 2], units: 1 });
  const weights = [
    { name: 'd/kernel', shape: [2, 1], values: [1, 10] },
    { name: 'd/bias', shape: [1], values: [100] },
  ];
  const expected = [121];
  const x = [1, 2];

  async function resultOf(topology: unknown, named = weights): Promise<number[]> {
    return withFolder(async (folder) => {
      writeModel(folder, topology, named);
      return run(importTfjsModel(join(folder, 'model.json')).graph, [1, 2], x);
    });
  }

  test('as the Python converter writes it', async () => {
    const topology = {
      keras_version: '2.4.0',
      backend: 'tensorflow',
      model_config: sequential(dense),
      training_config: {},
    };
    expect(await resultOf(topology)).toEqual(expected);
  });

  test('Keras 2.x functional, with Python spellings and single references', async () => {
    const config = {
      name: 'model',
      layers: [
        {
          class_name: 'InputLayer',
          name: 'in',
          config: { batch_input_shape: [null, 2], dtype: 'float32', sparse: false, ragged: false, name: 'in' },
          inbound_nodes: [],
        },
        {
          ...dense,
          name: 'd',
          config: { ...dense.config, trainable: true, dtype: 'float32', activation: 'linear', kernel_initializer: {} },
          inbound_nodes: [['in', 0, 0, {}]],
        },
      ],
      input_layers: ['in', 0, 0],
      output_layers: ['d', 0, 0],
    };
    expect(await resultOf({ class_name: 'Functional', config })).toEqual(expected);
  });

  test('a sequential model as a bare list, in camelCase', async () => {
    const old = {
      className: 'Dense',
      config: { name: 'd', batchInputShape: [null, 2], units: 1, useBias: true, activation: 'linear' },
    };
    expect(await resultOf({ className: 'Sequential', config: [old] })).toEqual(expected);
  });

  test('weights named after cells, and by number', async () => {
    const [kernel, bias] = weights;
    if (kernel === undefined || bias === undefined) throw new Error('unreachable');
    expect(
      await resultOf(sequential(dense), [
        { ...kernel, name: 'd/cell/kernel' },
        { ...bias, name: 'd/cell/bias' },
      ]),
    ).toEqual(expected);
    expect(
      await resultOf(sequential(dense), [
        { ...kernel, name: 'd/0' },
        { ...bias, name: 'd/1' },
      ]),
    ).toEqual(expected);
  });

  test('the bare topology as the whole file', async () => {
    await withFolder(async (folder) => {
      writeJson(folder, sequential(layer('ReLU', 'r', { batch_input_shape: [null, 2] })));
      expect(await run(importTfjsModel(folder).graph, [1, 2], [-1, 2])).toEqual([0, 2]);
    });
  });

  test('a byte order mark', async () => {
    await withFolder(async (folder) => {
      const json = JSON.stringify(sequential(layer('ReLU', 'r', { batch_input_shape: [null, 2] })));
      writeFileSync(join(folder, 'model.json'), `\uFEFF${json}`);
      expect(importTfjsModel(folder).graph.nodes).toHaveLength(1);
    });
  });
});

describe("layers of the user's own", () => {
  const scale = defineLayer({
    className: 'Scale',
    config: (config) => ({ factor: config.number('factor', 1) }),
    import: ({ b }, { factor }, [x]) => b.op('Mul', [x, b.scalar(factor)]),
  });

  test('are given as an option and read their config and weights', async () => {
    await withFolder(async (folder) => {
      writeModel(folder, sequential(layer('Scale', 's', { batch_input_shape: [null, 2], factor: 3 })));
      expect(await run(importTfjsModel(folder, { layers: [scale] }).graph, [1, 2], [1, 2])).toEqual([3, 6]);
      expect(errorOf(() => importTfjsModel(folder)).message).toContain('layers of class Scale are not supported');
    });
  });

  test('go before the built-in ones', async () => {
    const relu = defineLayer({
      className: 'ReLU',
      config: () => undefined,
      import: ({ b }, _, [x]) => b.op('Sigmoid', [x]),
    });
    await withFolder(async (folder) => {
      writeModel(folder, sequential(layer('ReLU', 'r', { batch_input_shape: [null, 2] })));
      expect(importTfjsModel(folder, { layers: [relu] }).graph.nodes.map(({ op }) => op)).toEqual(['Sigmoid']);
    });
  });
});

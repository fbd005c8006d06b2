import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { modelBytes } from '../../src/onnx/write.js';
import { openRuntime } from '../../src/runtime/session.js';
import { type Layer, layer, sequential, type Weight, writeModel } from './handmade.js';
import { evaluate, importTopology } from './recurrent-support.js';
import { conforms, one, run, single, withFolder } from './support.js';

/** What random models of the conformance suite found wrong. */

const runtime = await openRuntime();
const dataFormat = 'channelsFirst' as const;

describe('SAME over axes of unknown size', () => {
  test('with dilation, which ONNX Runtime has no automatic padding for', async () => {
    const layers = [
      tf.layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', dilationRate: 2 }),
      tf.layers.conv2d({ filters: 2, kernelSize: [1, 2], padding: 'same', dilationRate: [1, 3] }),
    ];
    for (const layer of layers) {
      const graph = await conforms(single(layer, [null, null, 3]));
      expect(graph.nodes.map(({ attributes }) => attributes.auto_pad)).not.toContainEqual(expect.anything());
    }
  });

  test('with steps of 1 and windows of 1, of which the padding is the same for all sizes', async () => {
    for (const kernelSize of [1, 3]) {
      const strides = kernelSize === 1 ? 2 : 1;
      const layer = tf.layers.conv2d({ filters: 2, kernelSize, strides, padding: 'same', dataFormat });
      const graph = await conforms(single(layer, [3, null, null]));
      expect(graph.nodes[0]?.attributes.auto_pad).toBeUndefined();
    }
  });

  test('with strides longer than the window, where ONNX would pad by a negative amount', async () => {
    for (const strides of [3, [3, 1], [1, 3], [5, 2]] as const) {
      const args = { strides: strides as [number, number], padding: 'same' as const, dataFormat };
      for (const shape of [
        [2, null, null],
        [2, 4, null],
        [2, null, 7],
      ]) {
        await conforms(single(tf.layers.maxPooling2d({ poolSize: 2, ...args }), shape));
        await conforms(single(tf.layers.averagePooling2d({ poolSize: [2, 3], ...args }), shape));
        await conforms(single(tf.layers.conv2d({ filters: 2, kernelSize: 2, ...args }), shape));
      }
    }
  });
});

test('LayerNormalization reads parameters of axes out of order as if they were in order', async () => {
  await conforms(single(tf.layers.layerNormalization({ axis: [2, 1] }), [2, 3]));
  await conforms(single(tf.layers.layerNormalization({ axis: [3, 1] }), [2, 3, 4]));
});

test('Softmax over several axes', async () => {
  await conforms(single(tf.layers.softmax({ axis: [1, 2] }), [2, 3]));
  await conforms(single(tf.layers.softmax({ axis: [-1, 1] }), [2, 3, 4]));
});

test('a Softmax over the same axis twice is refused', async () => {
  await withFolder(async (folder) => {
    writeModel(folder, sequential(layer('Softmax', 'it', { batch_input_shape: [null, 2], axis: [1, -1] })));
    expect(() => importTfjsModel(folder)).toThrow(/axis = \[1,-1\] is not possible/);
  });
});

test('padding and cropping keep integers', async () => {
  const x = tf.input({ shape: [4, 5, 2], dtype: 'int32' });
  for (const layer of [
    tf.layers.zeroPadding2d({ padding: 1 }),
    tf.layers.cropping2D({
      cropping: [
        [1, 0],
        [0, 2],
      ],
    }),
  ]) {
    const outputs = layer.apply(x);
    if (!(outputs instanceof tf.SymbolicTensor)) throw new Error('one output');
    const graph = await conforms(tf.model({ inputs: x, outputs }));
    expect(graph.outputs[0]?.elementType).toBe('int32');
  }
});

test('gelu and mish are written at opsets that lack them', async () => {
  for (const activation of ['gelu', 'mish'] as const) {
    const graph = await conforms(single(tf.layers.activation({ activation: activation as 'relu' }), [3]));
    for (const opset of [13, 17, 18]) {
      const session = await runtime.load(modelBytes(graph, { opset }));
      await session.close();
    }
  }
});

test('softplus gates of recurrent layers do not overflow', async () => {
  await withFolder(async (folder) => {
    const config = { units: 1, use_bias: false, activation: 'linear', recurrent_activation: 'softplus' };
    writeModel(folder, sequential(layer('GRU', 'it', { batch_input_shape: [null, 1, 1], ...config })), [
      { name: 'it/kernel', shape: [1, 3], values: [100, 0, 1] },
      { name: 'it/recurrent_kernel', shape: [1, 3], values: [0, 0, 0] },
    ]);
    const { graph } = importTfjsModel(folder);
    // z = softplus(100) = 100, so (1 - z) x = -99.
    expect(await run(graph, [1, 1, 1], [1])).toEqual([-99]);
  });
});

test('Resizing loads where ONNX Runtime moves its Transposes', async () => {
  await withFolder(async (folder) => {
    for (const shape of [
      [null, 3, 5, 2],
      [null, null, null, 2],
    ]) {
      writeModel(folder, sequential(layer('Resizing', 'it', { batch_input_shape: shape, height: 7, width: 3 })));
      const { graph } = importTfjsModel(folder);
      const session = await runtime.load(graph, { optimize: 'all' });
      await session.close();
      const ones = Array.from({ length: 30 }, () => 1);
      expect(await run(graph, [1, 3, 5, 2], ones)).toEqual(Array.from({ length: 42 }, () => 1));
    }
  });
});

describe('a layer called on two sizes has the constants of each', () => {
  /** `made`, as tfjs cannot run it, on inputs `a` and `b` of these shapes. */
  const importTwice = (
    made: Layer,
    shapes: readonly (readonly number[])[],
    call: (input: string) => Record<string, unknown> = () => ({}),
    weights: readonly Weight[] = [],
  ): Promise<Graph> => {
    const inputs = ['a', 'b'].map((name, index) => {
      const shape = [null, ...(shapes[index] ?? [])];
      return { ...layer('InputLayer', name, { batch_input_shape: shape }), name, inbound_nodes: [] };
    });
    const inbound_nodes = inputs.map(({ name }) => [[name, 0, 0, call(name)]]);
    const config = {
      name: 'model',
      layers: [...inputs, { ...made, name: 'it', inbound_nodes }],
      input_layers: inputs.map(({ name }) => [name, 0, 0]),
      output_layers: inputs.map((_, index) => ['it', index, 0]),
    };
    return importTopology({ class_name: 'Functional', config }, weights);
  };

  test('LayerNormalization without parameters', async () => {
    const made = tf.layers.layerNormalization({ center: false, scale: false });
    const inputs = [[3], [4]].map((shape) => tf.input({ shape }));
    await conforms(tf.model({ inputs, outputs: inputs.map((input) => one(made.apply(input))) }));
  });

  test('Resizing', async () => {
    const graph = await importTwice(layer('Resizing', 'it', { height: 6, width: 6 }), [
      [3, 3, 1],
      [4, 2, 1],
    ]);
    const ones = (...dims: readonly number[]): Tensor => Tensor.floats(dims, Array<number>(sizeOf(dims)).fill(1));
    const results = await evaluate(graph, { a: ones(1, 3, 3, 1), b: ones(1, 4, 2, 1) });
    expect(results).toEqual([ones(1, 6, 6, 1), ones(1, 6, 6, 1)]);
  });

  test('causal MultiHeadAttention', async () => {
    const attention = layer('MultiHeadAttention', 'it', { num_heads: 1, key_dim: 2, use_bias: false });
    const kernel = (part: string, shape: readonly number[]): Weight => {
      return { name: `it/${part}/kernel`, shape, values: [1, 0, 0, 1] };
    };
    const weights = [
      ...['query', 'key', 'value'].map((part) => kernel(part, [2, 1, 2])),
      kernel('attention_output', [1, 2, 2]),
    ];
    const shapes = [
      [3, 2],
      [5, 2],
    ];
    const call = (input: string) => ({ value: [input, 0, 0], use_causal_mask: true });
    const graph = await importTwice(attention, shapes, call, weights);
    const masks = [...graph.constants].filter(({ elementType }) => elementType === 'bool');
    expect(masks.map(({ shape }) => shape)).toEqual([
      [3, 3],
      [5, 5],
    ]);
  });
});

import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { Tensor } from '../../src/ir/tensor.js';
import { layer, writeModel } from './handmade.js';
import { results } from './one-layer.js';
import { evaluate, functional, importLayers, importTopology } from './recurrent-support.js';
import { run, withFolder } from './support.js';

/** What Keras documents where tfjs computes something else or nothing: values derived by hand. */
describe('where tfjs is wrong or refuses', () => {
  test('BatchNormalization along axis 1 of a sequence scales each row', async () => {
    const vector = (name: string, values: number[]) => ({ name: `it/${name}`, shape: [2], values });
    const weights = [
      vector('gamma', [1, 2]),
      vector('beta', [0, 1]),
      vector('moving_mean', [1, 3]),
      vector('moving_variance', [4, 1]),
    ];
    const found = await results('BatchNormalization', { axis: 1, epsilon: 0 }, [2, 3], [1, 3, 5, 3, 4, 5], weights);
    // Row 0: (x - 1) / 2; row 1: 2 (x - 3) + 1.
    expect(found).toEqual([0, 1, 2, 1, 3, 5]);
  });

  test('DepthwiseConv2D keeps its dilation', async () => {
    const weights = [{ name: 'it/depthwise_kernel', shape: [1, 2, 1, 1], values: [1, 10] }];
    const config = { kernel_size: [1, 2], dilation_rate: [1, 2], use_bias: false };
    // y[i] = x[i] + 10 x[i + 2].
    expect(await results('DepthwiseConv2D', config, [1, 4, 1], [1, 2, 3, 4], weights)).toEqual([31, 42]);
  });

  test('causal Conv1D looks back only', async () => {
    const weights = [{ name: 'it/kernel', shape: [2, 1, 1], values: [10, 1] }];
    const config = { filters: 1, kernel_size: 2, padding: 'causal', dilation_rate: 2, use_bias: false };
    // y[i] = 10 x[i - 2] + x[i].
    expect(await results('Conv1D', config, [4, 1], [1, 2, 3, 4], weights)).toEqual([1, 2, 13, 24]);
  });

  test('Conv1D with channels first gives channels first', async () => {
    const weights = [{ name: 'it/kernel', shape: [1, 1, 2], values: [1, 10] }];
    const config = { filters: 2, kernel_size: 1, data_format: 'channels_first', use_bias: false };
    expect(await results('Conv1D', config, [1, 3], [1, 2, 3], weights)).toEqual([1, 2, 3, 10, 20, 30]);
  });

  test('SeparableConv2D with channels first adds its bias by channel', async () => {
    const weights = [
      { name: 'it/depthwise_kernel', shape: [1, 1, 1, 1], values: [1] },
      { name: 'it/pointwise_kernel', shape: [1, 1, 1, 2], values: [1, 1] },
      { name: 'it/bias', shape: [2], values: [10, 20] },
    ];
    const config = { filters: 2, kernel_size: 1, data_format: 'channels_first' };
    expect(await results('SeparableConv2D', config, [1, 1, 2], [1, 2], weights)).toEqual([11, 12, 21, 22]);
  });

  test('Conv3D of strides longer than its kernel does not skip its first inputs', async () => {
    const weights = [{ name: 'it/kernel', shape: [1, 1, 1, 1, 1], values: [10] }];
    const config = { filters: 1, kernel_size: 1, strides: [2, 1, 1], padding: 'same', use_bias: false };
    // SAME pads max(0, (2 - 1) 2 + 1 - 4) = 0: y[i] = 10 x[2 i].
    expect(await results('Conv3D', config, [4, 1, 1, 1], [1, 2, 3, 4], weights)).toEqual([10, 30]);
  });

  test('SeparableConv2D with channels first normalises along its last axis', async () => {
    const weights = [
      { name: 'it/depthwise_kernel', shape: [1, 1, 1, 1], values: [1] },
      { name: 'it/pointwise_kernel', shape: [1, 1, 1, 2], values: [1, 1] },
    ];
    const config = {
      filters: 2,
      kernel_size: 1,
      data_format: 'channels_first',
      use_bias: false,
      activation: 'softmax',
    };
    // ln 3: of 3 and 1 parts in 4. Along the channels, which are equal, it would be 1/2.
    const x = [Math.log(3), 0];
    expect(await results('SeparableConv2D', config, [1, 1, 2], x, weights)).toEqual([0.75, 0.25, 0.75, 0.25]);
  });

  test('MaxPooling3D of strides longer than its pool does not skip its first inputs', async () => {
    const config = { pool_size: 1, strides: [2, 1, 1], padding: 'same' };
    expect(await results('MaxPooling3D', config, [4, 1, 1, 1], [1, 2, 3, 4])).toEqual([1, 3]);
  });

  test('Conv3DTranspose of strides longer than its kernel does not move its output', async () => {
    const weights = [{ name: 'it/kernel', shape: [1, 1, 1, 1, 1], values: [10] }];
    const config = { filters: 1, kernel_size: 1, strides: [3, 1, 1], padding: 'same', use_bias: false };
    // x[i] is at 3 i.
    expect(await results('Conv3DTranspose', config, [2, 1, 1, 1], [1, 2], weights)).toEqual([10, 0, 0, 20, 0, 0]);
  });

  test('UpSampling2D by one number', async () => {
    expect(await results('UpSampling2D', { size: 2 }, [1, 2, 1], [1, 2])).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });

  test('Concatenate along a negative axis that is not the last', () =>
    withFolder(async (folder) => {
      const x = { ...layer('InputLayer', 'x', { batch_input_shape: [null, 1, 2] }), inbound_nodes: [] };
      const twice = [
        ['x', 0, 0, {}],
        ['x', 0, 0, {}],
      ];
      const it = { ...layer('Concatenate', 'it', { axis: -2 }), inbound_nodes: [twice] };
      const config = { name: 'm', layers: [x, it], input_layers: [['x', 0, 0]], output_layers: [['it', 0, 0]] };
      writeModel(folder, { class_name: 'Functional', config });
      const { graph } = importTfjsModel(folder);
      expect(graph.outputs[0]?.shape).toEqual(['batch', 2, 2]);
      expect(await run(graph, [1, 1, 2], [1, 2])).toEqual([1, 2, 1, 2]);
    }));

  test('ReLU keeps slope, threshold and maximum', async () => {
    const x = [-2, 0.5, 1, 3, 9];
    expect(await results('ReLU', { negative_slope: 0.5 }, [5], x)).toEqual([-1, 0.5, 1, 3, 9]);
    expect(await results('ReLU', { max_value: 2, negative_slope: 0.5 }, [5], x)).toEqual([-1, 0.5, 1, 2, 2]);
    // threshold 1: below it 0.5 (x - 1).
    expect(await results('ReLU', { negative_slope: 0.5, threshold: 1 }, [5], x)).toEqual([-1.5, -0.25, 1, 3, 9]);
    expect(await results('ReLU', { max_value: 6, threshold: 1 }, [5], x)).toEqual([0, 0, 1, 3, 6]);
  });

  test('ELU keeps its alpha', async () => {
    expect(await results('ELU', { alpha: 2 }, [2], [-1, 1])).toEqual([-1.2642, 1]);
  });

  test('gelu_new is the tanh form', async () => {
    // 0.5 (1 + tanh(sqrt(2 / pi) 1.044715)) = 0.841192.
    expect(await results('Activation', { activation: 'gelu_new' }, [2], [0, 1])).toEqual([0, 0.8412]);
  });

  test('Softmax along any axis', async () => {
    expect(await results('Softmax', { axis: 1 }, [2, 2], [0, 0, 0, 0])).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(await results('Softmax', { axis: 1 }, [1, 2], [3, 5])).toEqual([1, 1]);
  });

  test('global pooling keeps the axes that it is told to keep', async () => {
    const x = [1, 10, 3, 30];
    const { dims, values } = await output(
      [2, 2],
      'GlobalAveragePooling1D',
      { keepdims: true },
      Tensor.floats([1, 2, 2], x),
    );
    expect({ dims, values }).toEqual({ dims: [1, 1, 2], values: [2, 20] });
    const image = Tensor.floats([1, 2, 1, 2], x);
    const most = await output([2, 1, 2], 'GlobalMaxPooling2D', { keepdims: true }, image);
    expect(most).toEqual({ dims: [1, 1, 1, 2], values: [3, 30] });
  });

  test('whole numbers are computed with as floats', async () => {
    const x = new Tensor('int32', [1, 2], Int32Array.of(0, 1));
    const { values } = await output([2], 'Activation', { activation: 'softplus' }, x, 'int32');
    // ln 2 and ln (1 + e).
    expect(values.map((value) => value.toFixed(4))).toEqual(['0.6931', '1.3133']);
  });

  test('Concatenate of whole numbers and floats gives floats', async () => {
    const input = (name: string, dtype: string) => layer('InputLayer', name, { batch_input_shape: [null, 2], dtype });
    const layers = [
      { layer: input('a', 'int32') },
      { layer: input('b', 'float32') },
      { layer: layer('Concatenate', 'it'), on: ['a', 'b'] },
    ];
    const graph = await importTopology(functional(layers, ['a', 'b'], ['it']));
    const a = new Tensor('int32', [1, 2], Int32Array.of(1, 2));
    const [found] = await evaluate(graph, { a, b: Tensor.floats([1, 2], [0.25, 0.75]) });
    expect([found?.type, found?.numbers()]).toEqual(['float32', [1, 2, 0.25, 0.75]]);
  });
});

/** What one layer makes of `x`, whose shape the model gives without the batch. */
async function output(
  shape: readonly number[],
  className: string,
  config: Record<string, unknown>,
  x: Tensor,
  dtype = 'float32',
): Promise<{ readonly dims: readonly number[]; readonly values: readonly number[] }> {
  const graph = await importLayers([layer(className, 'it', { batch_input_shape: [null, ...shape], dtype, ...config })]);
  const [found] = await evaluate(graph, { it_input: x });
  return { dims: found?.dims ?? [], values: found?.numbers() ?? [] };
}

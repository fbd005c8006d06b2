import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { type Layer, layer, sequential, writeModel } from '../frontends/handmade.js';
import { withFolder } from '../frontends/support.js';

/** Regions that the generators leave out because tfjs is wrong there: values derived by hand from Keras's documents. */

const runtime = await openRuntime();

async function results(graph: Graph, feeds: readonly Tensor[]): Promise<number[][]> {
  const session = await runtime.load(graph);
  const found = await session.run(
    Object.fromEntries(graph.inputs.map(({ name }, index) => [name, feeds[index] ?? Tensor.scalar(0)])),
  );
  await session.close();
  return graph.outputs.map(({ name }) => found[name]?.numbers() ?? []);
}

function functional(
  inputs: readonly (readonly number[])[],
  layers: readonly Layer[],
  outputs: readonly string[],
  batch: number | null = null,
): unknown {
  const inputLayers = inputs.map((shape, index) => ({
    ...layer('InputLayer', `x${index}`, { batch_input_shape: [batch, ...shape] }),
    name: `x${index}`,
    inbound_nodes: [],
  }));
  return {
    class_name: 'Functional',
    config: {
      name: 'model',
      layers: [...inputLayers, ...layers],
      input_layers: inputs.map((_, index) => [`x${index}`, 0, 0]),
      output_layers: outputs.map((name) => [name, 0, 0]),
    },
  };
}

function call(className: string, name: string, config: Record<string, unknown>, ...from: readonly string[]): Layer {
  return { ...layer(className, name, config), name, inbound_nodes: [from.map((source) => [source, 0, 0, {}])] };
}

describe('where tfjs is wrong', () => {
  test('Concatenate along a negative axis that is not the last', () =>
    withFolder(async (folder) => {
      const joined = call('Concatenate', 'it', { axis: -2 }, 'x0', 'x1');
      writeModel(
        folder,
        functional(
          [
            [1, 2],
            [2, 2],
          ],
          [joined],
          ['it'],
        ),
      );
      const feeds = [Tensor.floats([1, 1, 2], [1, 2]), Tensor.floats([1, 2, 2], [3, 4, 5, 6])];
      const { graph } = importTfjsModel(folder);
      expect(graph.outputs[0]?.shape).toEqual(['batch', 3, 2]);
      expect(await results(graph, feeds)).toEqual([[1, 2, 3, 4, 5, 6]]);
    }));

  test('one value given twice to one layer, and read by another behind it', () =>
    withFolder(async (folder) => {
      const layers = [
        call('ReLU', 'a', {}, 'x0'),
        call('Add', 'twice', {}, 'a', 'a'),
        call('Add', 'it', {}, 'twice', 'a'),
      ];
      writeModel(folder, functional([[2]], layers, ['it']));
      expect(await results(importTfjsModel(folder).graph, [Tensor.floats([1, 2], [-1, 2])])).toEqual([[0, 6]]);
    }));

  test('Conv3DTranspose with same padding and strides longer than its kernel', () =>
    withFolder(async (folder) => {
      const config = { filters: 1, kernel_size: [1, 1, 2], strides: [1, 1, 3], padding: 'same', use_bias: false };
      writeModel(
        folder,
        sequential(layer('Conv3DTranspose', 'it', { batch_input_shape: [null, 1, 1, 2, 1], ...config })),
        [{ name: 'it/kernel', shape: [1, 1, 2, 1, 1], values: [1, 10] }],
      );
      // Size 2 * 3; x[i] goes to 3 i and, times 10, to 3 i + 1; nothing is cut off.
      const found = await results(importTfjsModel(folder).graph, [Tensor.floats([1, 1, 1, 2, 1], [1, 2])]);
      expect(found).toEqual([[1, 10, 0, 2, 20, 0]]);
    }));

  test('a stateful layer with several outputs moves on once a run', () =>
    withFolder(async (folder) => {
      const config = { units: 1, activation: 'linear', use_bias: false, stateful: true, return_state: true };
      const it = call('SimpleRNN', 'it', config, 'x0');
      const model = functional([[1, 1]], [it], ['it'], 1);
      writeModel(folder, model, [
        { name: 'it/kernel', shape: [1, 1], values: [1] },
        { name: 'it/recurrent_kernel', shape: [1, 1], values: [10] },
      ]);
      // h = x + 10 h of the run before.
      const found = await results(importTfjsModel(folder).graph, [
        Tensor.floats([1, 1, 1], [2]),
        Tensor.floats([1, 1], [3]),
      ]);
      expect(found).toEqual([[32], [32]]);
    }));
});

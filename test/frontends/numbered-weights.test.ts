import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { defineLayer, type LayerContext, type LayerDefinition } from '../../src/frontends/tfjs/layer.js';
import type { Graph, Value } from '../../src/ir/graph.js';
import { printGraph } from '../../src/ir/print.js';
import { sizeOf } from '../../src/ir/types.js';
import { at, defined } from '../../src/support/assert.js';
import { SwancError } from '../../src/support/errors.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler, SGBlend, SwanGate } from '../../src/tfjs/index.js';
import { type Layer, layer, sequential, type Weight } from './handmade.js';
import {
  functional,
  importTopology,
  numbers,
  operatorsOf,
  recurrentCells,
  recurrentLayers,
} from './recurrent-support.js';
import { one, randomizeWeights, withFolder } from './support.js';

/** Weights as tfjs looks for them in files of Keras 3: their places among those of their layer for names. */

const sequence = { inputShape: [3, 4] };
const image = { inputShape: [6, 6, 3] };
const models: Record<string, () => tf.LayersModel | tf.layers.Layer[]> = {
  Dense: () => [tf.layers.dense({ units: 2, inputShape: [3] })],
  Embedding: () => [tf.layers.embedding({ inputDim: 5, outputDim: 2, inputLength: 3 })],
  convolutions: () => [
    tf.layers.conv2d({ filters: 4, kernelSize: 2, ...image }),
    tf.layers.depthwiseConv2d({ kernelSize: 2 }),
    tf.layers.separableConv2d({ filters: 2, kernelSize: 2, depthMultiplier: 2 }),
    tf.layers.conv2dTranspose({ filters: 3, kernelSize: 2, useBias: false }),
  ],
  normalizations: () => [
    tf.layers.batchNormalization({ inputShape: [4] }),
    tf.layers.batchNormalization({ scale: false }),
    tf.layers.layerNormalization({ center: false }),
    tf.layers.prelu({}),
  ],
  SimpleRNN: () => [tf.layers.simpleRNN({ units: 2, ...sequence })],
  'SimpleRNN in a loop': () => [tf.layers.simpleRNN({ units: 2, activation: 'swish', ...sequence })],
  GRU: () => [tf.layers.gru({ units: 2, ...sequence })],
  'GRU in a loop': () => [tf.layers.gru({ units: 2, activation: 'swish', ...sequence })],
  LSTM: () => [tf.layers.lstm({ units: 2, ...sequence })],
  'masked LSTM and GRU': () => [
    tf.layers.masking(sequence),
    tf.layers.lstm({ units: 2, returnSequences: true }),
    tf.layers.gru({ units: 2 }),
  ],
  'LSTM without bias': () => [tf.layers.lstm({ units: 2, useBias: false, activation: 'swish', ...sequence })],
  ConvLSTM2D: () => [
    // tfjs asks for an option that it does not read.
    tf.layers.convLstm2d({ filters: 2, kernelSize: 2, inputShape: [3, 4, 4, 1] } as never),
  ],
  'a stack of cells': () => {
    const cell = [
      recurrentCells.LSTM({ units: 2 }),
      recurrentCells.GRU({ units: 3, activation: 'selu' }),
      recurrentCells.SimpleRNN({ units: 2 }),
    ];
    return [tf.layers.rnn({ cell, ...sequence })];
  },
  Bidirectional: () =>
    Object.values(recurrentLayers).map((make) => {
      const options = { units: 2, returnSequences: true, recurrentInitializer: 'glorotUniform' as const };
      return tf.layers.bidirectional({ layer: make(options), ...sequence });
    }),
  'Bidirectional in loops': () => [
    tf.layers.bidirectional({ layer: tf.layers.gru({ units: 2, activation: 'selu' }), ...sequence }),
  ],
  TimeDistributed: () => [tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 2 }), ...sequence })],
  'SwanGate and SGBlend': () => {
    const x = tf.input({ shape: [4] });
    const gated = one(new SwanGate({ hiddenUnits: 3 }).apply(x));
    return tf.model({ inputs: x, outputs: one(new SGBlend({}).apply(gated)) });
  },
};

/** Text of a graph and all values of its constants. */
function everything(graph: Graph): unknown {
  return [printGraph(graph), [...graph.constants].map(({ constant }) => constant?.numbers())];
}

describe('numbered weights', () => {
  test.each(Object.entries(models))('%s', async (_, make) => {
    const made = make();
    const model = Array.isArray(made) ? tf.sequential({ layers: made }) : made;
    randomizeWeights(model, seededRandom(2));
    const numbered = new Map<string, string>();
    for (const { weights } of model.layers) {
      for (const [index, { originalName }] of weights.entries()) {
        numbered.set(originalName, originalName.replace(/[^/]*$/, String(index)));
      }
    }
    await withFolder(async (folder) => {
      const path = join(folder, 'model.json');
      await model.save(fileHandler(path));
      const named = everything(importTfjsModel(path).graph);
      const text = readFileSync(path, 'utf8').replaceAll(/"name":"([^"]*)"/g, (entry, name: string) => {
        const number = numbered.get(name);
        return number === undefined ? entry : `"name":"${number}"`;
      });
      for (const name of numbered.values()) expect(text).toContain(`"name":"${name}"`);
      writeFileSync(path, text);
      expect(everything(importTfjsModel(path).graph)).toEqual(named);
    });
  });

  const input = layer('InputLayer', 'x', { batch_input_shape: [null, 3, 4] });
  const calledOn = (made: Layer, ...on: readonly string[]): unknown =>
    functional([{ layer: input }, { layer: made, on }], ['x'], [String(made.config.name)]);
  const parts = ['query', 'key', 'value', 'attention_output'];
  test.each([
    [
      'MultiHeadAttention',
      calledOn(layer('MultiHeadAttention', 'm', { num_heads: 2, key_dim: 2, value_dim: 3 }), 'x', 'x'),
      parts.flatMap((part) => [`m/${part}/kernel`, `m/${part}/bias`]),
      [[4, 2, 2], [2, 2], [4, 2, 2], [2, 2], [4, 2, 3], [2, 3], [2, 3, 4], [4]],
    ],
    [
      'a GRU that resets after its product',
      calledOn(layer('GRU', 'g', { units: 2, reset_after: true, activation: 'selu' }), 'x'),
      ['g/kernel', 'g/recurrent_kernel', 'g/bias'],
      [
        [4, 6],
        [2, 6],
        [2, 6],
      ],
    ],
  ])('%s, which tfjs cannot run', async (_, topology, names, dims) => {
    const weights = (rename: (name: string, index: number) => string): Weight[] =>
      names.map((name, index) => {
        const shape = at(dims, index);
        return { name: rename(name, index), shape, values: numbers(sizeOf(shape), index) };
      });
    const named = await importTopology(
      topology,
      weights((name) => name),
    );
    const numbered = await importTopology(
      topology,
      weights((name, index) => name.replace(/[^/]*$/, String(index))),
    );
    expect(everything(numbered)).toEqual(everything(named));
  });

  test('of a rule that does not tell their order are not found, and the advice says why', async () => {
    const definition = (weights?: () => readonly string[]): LayerDefinition =>
      defineLayer({
        className: 'Scale',
        config: () => undefined,
        ...(weights && { weights }),
        import: (ctx, _, [x]) => ctx.b.op('Mul', [x, ctx.weight('scale', [2])]),
      });
    const topology = sequential(layer('Scale', 's', { batch_input_shape: [null, 2] }));
    const weights = [{ name: 's/0', shape: [2], values: [1, 2] }];
    const error = await importTopology(topology, weights, { layers: [definition()] }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SwancError);
    expect(String(error)).toContain("the layer's rule must tell the order of its own");
    const graph = await importTopology(topology, weights, { layers: [definition(() => ['scale'])] });
    expect(operatorsOf(graph)).toBe('Mul');
  });
});

describe('one weight', () => {
  const weights = [{ name: 'k/w', shape: [2, 2], values: [1, 2, 3, 4] }];
  const topology = sequential(layer('Forms', 'k', { batch_input_shape: [null, 2] }));
  const importForms = (forms: (ctx: LayerContext) => readonly Value[]): Promise<Graph> => {
    const rule = defineLayer({
      className: 'Forms',
      config: () => undefined,
      import: (ctx, _, [x]) => forms(ctx).map((weight) => ctx.b.op('Mul', [x, weight])),
    });
    return importTopology(topology, weights, { layers: [rule] });
  };

  test('in several forms is as many constants, and in one form one', async () => {
    const found: (readonly number[] | undefined)[] = [];
    await importForms((ctx) => {
      const plain = ctx.weight('w', [2, 2]);
      const turned = ctx.weight('w', [2, 2], { perm: [1, 0] });
      const row = ctx.weight('w', [2, 2], { dims: [1, 4] });
      expect(ctx.weight('w', [2, 2])).toBe(plain);
      expect(ctx.weight('w', [2, 2], { perm: [1, 0] })).toBe(turned);
      found.push(...[plain, turned, row].map(({ constant }) => constant?.numbers()), row.constant?.dims);
      return [plain];
    });
    expect(found).toEqual([
      [1, 2, 3, 4],
      [1, 3, 2, 4],
      [1, 2, 3, 4],
      [1, 4],
    ]);
  });

  test('is checked each time that it is asked for', async () => {
    const error = await importForms((ctx) => {
      ctx.weight('w', [2, 2]);
      return [ctx.weight('w', [4, 1])];
    }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SwancError);
    expect(String(error)).toContain('k/w: the file has float32[2, 2] where the layer needs float32[4, 1]');
  });

  test('that a rule combines in two shapes is two constants', async () => {
    const part = { name: 'w', shape: [2, 2] };
    await importForms((ctx) => {
      const make = (dims: readonly number[]): Value =>
        ctx.combine('flat', dims, [part], ([w]) => defined(w, 'w').reshaped(dims));
      expect(make([4]).constant?.dims).toEqual([4]);
      expect(make([1, 4]).constant?.dims).toEqual([1, 4]);
      expect(make([4])).toBe(make([4]));
      return [ctx.b.scalar(1)];
    });
  });

  test('whose shape a rule only looks at is still told to be of no layer', async () => {
    const error = await importForms((ctx) => {
      expect(ctx.weightShape('w')).toEqual([2, 2]);
      expect(ctx.weightShape('other')).toBeUndefined();
      return [ctx.b.scalar(1)];
    }).catch((reason: unknown) => reason);
    expect(String(error)).toContain('k/w: no layer of the model has this weight');
  });
});

import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { defineLayer } from '../../src/frontends/tfjs/layer.js';
import { Tensor } from '../../src/ir/tensor.js';
import { type Layer, layer, sequential, type Weight, writeModel } from './handmade.js';
import {
  allOf,
  evaluate,
  functional,
  importTopology,
  kinds,
  operatorsOf,
  recurrentCells,
  recurrentLayers,
  settings,
  sizes,
} from './recurrent-support.js';
import { conforms, one, withFolder } from './support.js';

/** Steps of a random sequence that are masked about every second time: what is below 0 becomes 0. */
function maskedSequence(steps: number, features: number, maskValue = 0): [tf.SymbolicTensor, tf.SymbolicTensor] {
  const x = tf.input({ shape: [steps, features] });
  const positive = tf.layers.reLU(maskValue === 0 ? {} : { maxValue: maskValue }).apply(x);
  return [x, one(tf.layers.masking({ maskValue }).apply(positive))];
}

describe('masked steps repeat state and output', () => {
  test.each(kinds)('%s with any settings', (kind) =>
    fc.assert(
      fc.asyncProperty(settings, sizes, fc.boolean(), async (args, [steps, features], given) => {
        const [x, masked] = maskedSequence(steps, Math.min(2, features));
        const count = given ? (kind === 'LSTM' ? 2 : 1) : 0;
        const states = Array.from({ length: count }, () => tf.input({ shape: [args.units] }));
        // With a mask and states, tfjs cannot run layers of several outputs.
        const returnState = args.returnState && !given;
        const outputs = allOf(recurrentLayers[kind]({ ...args, returnState }).apply([masked, ...states]));
        await conforms(tf.model({ inputs: [x, ...states], outputs }), { batches: [3] });
      }),
      { numRuns: 25 },
    ),
  );

  test.each(kinds)('%s in both directions, and as cells in a stack', async (kind) => {
    for (const returnSequences of [false, true]) {
      const args = { units: 2, returnSequences, returnState: true };
      const [x, masked] = maskedSequence(4, 2);
      const both = tf.layers.bidirectional({ layer: recurrentLayers[kind](args) as never, mergeMode: 'concat' });
      await conforms(tf.model({ inputs: x, outputs: allOf(both.apply(masked)) }), { batches: [4] });
      const cell = [recurrentCells[kind](args), recurrentCells[kind]({ units: 3 })];
      const [y, other] = maskedSequence(4, 1);
      const stack = tf.layers.rnn({ cell, returnSequences, returnState: true, goBackwards: returnSequences });
      await conforms(tf.model({ inputs: y, outputs: allOf(stack.apply(other)) }), { batches: [4] });
    }
  });
});

describe('where masks come from and go', () => {
  test('Masking, with zero and another value', async () => {
    for (const maskValue of [0, 0.5]) {
      const [x, masked] = maskedSequence(4, 1, maskValue);
      const outputs = [masked, one(tf.layers.simpleRNN({ units: 2 }).apply(masked))];
      await conforms(tf.model({ inputs: x, outputs }), { batches: [4] });
    }
  });

  test('Masking alone with zero is nothing, and its mask two operators', async () => {
    const [x, masked] = maskedSequence(4, 2);
    const model = tf.model({ inputs: x, outputs: one(tf.layers.simpleRNN({ units: 2 }).apply(masked)) });
    const graph = await conforms(model);
    expect(operatorsOf(graph)).toBe('Relu ReduceL1 Cast MatMul Add Shape Concat ConstantOfShape Unsqueeze Scan');
  });

  test('Embedding', async () => {
    for (const dtype of ['int32', 'float32'] as const) {
      const x = tf.input({ shape: [5], dtype: 'int32' });
      // Floats that are whole numbers, and so indices too.
      const ids = dtype === 'int32' ? x : tf.layers.reLU().apply(x);
      const rows = tf.layers.embedding({ inputDim: 5, outputDim: 2, maskZero: true }).apply(ids);
      const outputs = one(tf.layers.lstm({ units: 2, returnSequences: true }).apply(rows));
      await conforms(tf.model({ inputs: x, outputs }), { batches: [4] });
    }
  });

  test('through every layer that lets them through', async () => {
    const [x, masked] = maskedSequence(4, 2);
    const layers = [
      tf.layers.dense({ units: 2 }),
      tf.layers.activation({ activation: 'tanh' }),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.gaussianNoise({ stddev: 1 }),
      tf.layers.gaussianDropout({ rate: 0.5 }),
      tf.layers.alphaDropout({ rate: 0.5 }),
      tf.layers.spatialDropout1d({ rate: 0.5 }),
      tf.layers.reLU(),
      tf.layers.prelu(),
      tf.layers.leakyReLU(),
      tf.layers.elu(),
      tf.layers.thresholdedReLU({ theta: 0.1 }),
      tf.layers.batchNormalization(),
      tf.layers.layerNormalization(),
      tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 2 }) }),
      tf.layers.gru({ units: 2, returnSequences: true }),
      tf.layers.gru({ units: 2 }),
    ];
    const y = layers.reduce<tf.SymbolicTensor>((value, next) => one(next.apply(value)), masked);
    const graph = await conforms(tf.model({ inputs: x, outputs: y }), { batches: [4] });
    expect(graph.nodes.filter(({ op }) => op === 'Scan')).toHaveLength(2);
  });

  test('into nested models and out of them', async () => {
    const [x, masked] = maskedSequence(4, 2);
    const inner = tf.input({ shape: [4, 2] });
    const model = tf.model({ inputs: inner, outputs: one(tf.layers.dense({ units: 2 }).apply(inner)) });
    const graph = await conforms(
      tf.model({ inputs: x, outputs: one(tf.layers.simpleRNN({ units: 2 }).apply(model.apply(masked) as never)) }),
    );
    expect(operatorsOf(graph)).toContain('Scan');
  });
});

/** The sum of the steps that count: what tfjs makes of these masks is wrong, or it fails. */
describe('where tfjs errs', () => {
  const sequence = { batch_input_shape: [null, 3, 1] };
  const sum: Layer = layer('SimpleRNN', 'sum', { units: 1, activation: 'linear', use_bias: false });
  const weights: Weight[] = [
    { name: 'sum/kernel', shape: [1, 1], values: [1] },
    { name: 'sum/recurrent_kernel', shape: [1, 1], values: [1] },
  ];
  const inputs = ['a', 'b', 'c'].map((name) => ({ layer: layer('InputLayer', name, sequence) }));
  const masks = ['a', 'b', 'c'].map((name) => ({ layer: layer('Masking', `masked_${name}`), on: [name] }));
  const values = [
    [1, 0, 2],
    [10, 20, 0],
    [100, 200, 300],
  ];

  async function sumOf(merge: Layer, on: readonly string[], last = sum): Promise<number[]> {
    const topology = functional(
      [...inputs, ...masks, { layer: merge, on }, { layer: last, on: [String(merge.config.name)] }],
      ['a', 'b', 'c'],
      ['sum'],
    );
    const graph = await importTopology(topology, weights);
    const feeds = ['a', 'b', 'c'].map((name, index) => [name, Tensor.floats([1, 3, 1], values[index] ?? [])] as const);
    const [found] = await evaluate(graph, Object.fromEntries(feeds));
    return found?.numbers() ?? [];
  }

  test('a merged step counts where it counts in every input that is masked', async () => {
    const add = layer('Add', 'add');
    expect(await sumOf(add, ['masked_a', 'masked_b', 'masked_c'])).toEqual([111]);
    expect(await sumOf(add, ['masked_a', 'masked_b'])).toEqual([11]);
    expect(await sumOf(add, ['masked_a', 'c'])).toEqual([101 + 302]);
    expect(await sumOf(add, ['c', 'masked_b'])).toEqual([110 + 220]);
    expect(await sumOf(layer('Maximum', 'most'), ['a', 'masked_a'])).toEqual([3]);
  });

  test('behind each other, inputs without a mask count everywhere', async () => {
    const concatenate = layer('Concatenate', 'join', { axis: 1 });
    const longer = layer('SimpleRNN', 'sum', { ...sum.config, return_sequences: true });
    expect(await sumOf(concatenate, ['masked_a', 'c'], longer)).toEqual([1, 1, 3, 103, 303, 603]);
    expect(await sumOf(concatenate, ['masked_a', 'masked_b'], longer)).toEqual([1, 1, 3, 13, 33, 33]);
  });

  test('a mask of words in sentences is for the layer inside TimeDistributed', async () => {
    // Words 0 do not count, nor sentences without words that do; a sentence that counts adds 10.
    const inner = layer('SimpleRNN', 'words', { units: 1, activation: 'linear', use_bias: false });
    const topology = functional(
      [
        { layer: layer('InputLayer', 'ids', { batch_input_shape: [null, 3, 2], dtype: 'int32' }) },
        { layer: layer('Embedding', 'rows', { input_dim: 3, output_dim: 1, mask_zero: true }), on: ['ids'] },
        { layer: layer('TimeDistributed', 'each', { layer: inner }), on: ['rows'] },
        { layer: layer('SimpleRNN', 'sum', { ...sum.config, use_bias: true, return_sequences: true }), on: ['each'] },
      ],
      ['ids'],
      ['sum'],
    );
    const graph = await importTopology(topology, [
      ...weights,
      { name: 'sum/bias', shape: [1], values: [10] },
      { name: 'rows/embeddings', shape: [3, 1], values: [1000, 1, 2] },
      { name: 'each/kernel', shape: [1, 1], values: [1] },
      { name: 'each/recurrent_kernel', shape: [1, 1], values: [1] },
    ]);
    const ids = new Tensor('int32', [1, 3, 2], Int32Array.of(0, 1, 0, 0, 2, 2));
    const [found] = await evaluate(graph, { ids });
    expect(found?.numbers()).toEqual([11, 11, 25]);
  });

  test('a sequence of images', async () => {
    // All gates are x: c' = x c + x x is 1, stays, and is 6; h = x c.
    const linear = { activation: 'linear', recurrent_activation: 'linear', use_bias: false };
    const topology = functional(
      [
        ...inputs.slice(0, 1),
        { layer: layer('Masking', 'mask', { mask_value: 5 }), on: ['a'] },
        {
          layer: layer('TimeDistributed', 'image', { layer: layer('Reshape', 'inner', { target_shape: [1, 1, 1] }) }),
          on: ['mask'],
        },
        { layer: layer('ConvLSTM2D', 'sum', { ...linear, filters: 1, kernel_size: 1 }), on: ['image'] },
      ],
      ['a'],
      ['sum'],
    );
    const graph = await importTopology(topology, [
      { name: 'sum/kernel', shape: [1, 1, 1, 4], values: [1, 1, 1, 1] },
      { name: 'sum/recurrent_kernel', shape: [1, 1, 1, 4], values: [0, 0, 0, 0] },
    ]);
    const [found] = await evaluate(graph, { a: Tensor.floats([1, 3, 1], [1, 5, 2]) });
    expect(found?.numbers()).toEqual([12]);
  });

  test('states of any rank', async () => {
    const cell = defineLayer({
      className: 'Twice',
      arity: [3, 3],
      config: () => undefined,
      states: () => [[1], [2, 1]],
      import: ({ b }, _, [x, h, wide]) => {
        const next = b.op('Add', [x, h]);
        return [next, next, b.op('Add', [b.unsqueeze(x, [2]), wide])];
      },
    });
    const topology = functional(
      [
        ...inputs.slice(0, 1),
        { layer: layer('Masking', 'mask', { mask_value: 5 }), on: ['a'] },
        { layer: layer('RNN', 'sum', { cell: layer('Twice', 'cell'), return_state: true }), on: ['mask'] },
      ],
      ['a'],
      ['sum', 'sum'],
    ) as { config: { output_layers: unknown[] } };
    topology.config.output_layers = [0, 1, 2].map((index) => ['sum', 0, index]);
    const graph = await importTopology(topology, [], { layers: [cell] });
    const found = await evaluate(graph, { a: Tensor.floats([1, 3, 1], [1, 5, 2]) });
    expect(found.map((tensor) => tensor.numbers())).toEqual([[3], [3], [3, 3]]);
  });

  test('TimeDistributed around what makes masks gives them on', async () => {
    const inner = layer('Masking', 'inner', { mask_value: 5 });
    const topology = functional(
      [
        { layer: layer('InputLayer', 'a', sequence) },
        { layer: layer('TimeDistributed', 'each', { layer: inner }), on: ['a'] },
        { layer: layer('SimpleRNN', 'sum', { ...sum.config, use_bias: true, return_sequences: true }), on: ['each'] },
      ],
      ['a'],
      ['sum'],
    );
    const graph = await importTopology(topology, [...weights, { name: 'sum/bias', shape: [1], values: [10] }]);
    const [found] = await evaluate(graph, { a: Tensor.floats([1, 3, 1], [1, 5, 2]) });
    expect(found?.numbers()).toEqual([11, 11, 23]);
  });

  test('a layer that does not support masks ends them', async () => {
    // The value 1 is masked, but that is forgotten.
    const topology = functional(
      [
        ...inputs.slice(0, 1),
        { layer: layer('Masking', 'mask', { mask_value: 1 }), on: ['a'] },
        { layer: layer('Reshape', 'shape', { target_shape: [3, 1] }), on: ['mask'] },
        { layer: layer('SimpleRNN', 'sum', { ...sum.config, use_bias: true, return_sequences: true }), on: ['shape'] },
      ],
      ['a'],
      ['sum'],
    );
    const graph = await importTopology(topology, [...weights, { name: 'sum/bias', shape: [1], values: [10] }]);
    expect(operatorsOf(graph)).not.toContain('Scan');
    const [found] = await evaluate(graph, { a: Tensor.floats([1, 3, 1], [1, 2, 3]) });
    expect(found?.numbers()).toEqual([10, 22, 35]);
  });

  test('features of inputs side by side count where all of them do', async () => {
    const concatenate = layer('Concatenate', 'join');
    const wide: Weight[] = [{ name: 'sum/kernel', shape: [2, 1], values: [1, 1] }, ...weights.slice(1)];
    const topology = functional(
      [...inputs, ...masks, { layer: concatenate, on: ['masked_a', 'c'] }, { layer: sum, on: ['join'] }],
      ['a', 'b', 'c'],
      ['sum'],
    );
    const graph = await importTopology(topology, wide);
    const feeds = ['a', 'b', 'c'].map((name, index) => [name, Tensor.floats([1, 3, 1], values[index] ?? [])] as const);
    const [found] = await evaluate(graph, Object.fromEntries(feeds));
    expect(found?.numbers()).toEqual([101 + 302]);
  });
});

describe('what tfjs does otherwise is said', () => {
  const sequence = { batch_input_shape: [null, 3, 1] };
  const rnn = (name: string, config: object = {}): Layer => layer('SimpleRNN', name, { units: 1, ...config });

  /** Departures of a sequential model whose weights are all ones. */
  async function departures(layers: readonly Layer[], names: readonly string[]): Promise<string[]> {
    const weights = names.flatMap((name): Weight[] => [
      { name: `${name}/kernel`, shape: [1, 1], values: [1] },
      { name: `${name}/recurrent_kernel`, shape: [1, 1], values: [1] },
      { name: `${name}/bias`, shape: [1], values: [1] },
    ]);
    return withFolder(async (folder) => {
      writeModel(folder, sequential(...layers), weights);
      return importTfjsModel(folder).departures.map(({ where, what }) => `${where}: ${what}`);
    });
  }

  test('of layers behind one whose mask ends', async () => {
    const start = layer('Masking', 'mask', sequence);
    const all = rnn('all', { return_sequences: true });
    expect(await departures([start, all, rnn('last')], ['all', 'last'])).toEqual([]);
    const repeat = layer('RepeatVector', 'repeat', { n: 3 });
    expect(await departures([start, rnn('encode'), repeat, rnn('decode')], ['encode', 'decode'])).toEqual([
      'decode: tfjs hands it the mask of another layer',
    ]);
    const first = layer('SimpleRNN', 'all', { ...sequence, units: 1, return_sequences: true });
    expect(await departures([first, rnn('last')], ['all', 'last'])).toEqual([]);
  });

  test('of stateful layers with several outputs', async () => {
    const config = { batch_input_shape: [2, 3, 1], units: 1, stateful: true };
    expect(await departures([layer('SimpleRNN', 'it', config)], ['it'])).toEqual([]);
    const several = layer('SimpleRNN', 'it', { ...config, return_state: true });
    expect(await departures([several], ['it'])).toEqual(['it: tfjs runs it once for each of its outputs']);
  });
});

describe('Softmax', () => {
  const scores = { batch_input_shape: [null, 3] };
  const softmax = (on: string, mask: string) => ({
    layer: layer('Softmax', 'softmax', { axis: -1 }),
    on: [on],
    arguments: { mask: [[mask, 0, 0]] },
  });

  test.each([new Tensor('bool', [1, 3], Uint8Array.of(1, 0, 1)), Tensor.floats([1, 3], [1, 0, 2])])(
    'leaves out what a mask of its input is false for ($type)',
    async (mask) => {
      const topology = functional(
        [
          { layer: layer('InputLayer', 'x', scores) },
          { layer: layer('InputLayer', 'mask', { ...scores, dtype: mask.type }) },
          softmax('x', 'mask'),
        ],
        ['x', 'mask'],
        ['softmax'],
      );
      const graph = await importTopology(topology);
      const [found] = await evaluate(graph, { x: Tensor.floats([1, 3], [2, 9, 2]), mask });
      expect(found?.numbers()).toEqual([0.5, 0, 0.5]);
    },
  );

  test('does not take a mask of steps', async () => {
    const model = importTopology(
      functional(
        [
          { layer: layer('InputLayer', 'x', { batch_input_shape: [null, 3, 2] }) },
          { layer: layer('Masking', 'masking'), on: ['x'] },
          { layer: layer('Softmax', 'softmax', { axis: -1 }), on: ['masking'] },
        ],
        ['x'],
        ['softmax'],
      ),
    );
    await expect(model).rejects.toThrow(/its mask has rank 2 and its input rank 3/);
  });
});

import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { importTfjsModel } from '../../src/frontends/tfjs/import.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { evaluate, recurrentCells } from './recurrent-support.js';
import { randomInput, randomizeWeights, withFolder } from './support.js';

/** Every layer that keeps states, over a batch of 2: its inputs' shape and the names of its states. */
const cases: readonly (readonly [string, () => tf.layers.Layer, readonly string[]])[] = [
  ['SimpleRNN', () => tf.layers.simpleRNN({ units: 3, stateful: true, name: 'it', returnSequences: true }), ['it_h']],
  ['GRU', () => tf.layers.gru({ units: 3, stateful: true, name: 'it', goBackwards: true }), ['it_h']],
  ['LSTM', () => tf.layers.lstm({ units: 3, stateful: true, name: 'it' }), ['it_h', 'it_c']],
  [
    'LSTM in a loop',
    () => tf.layers.lstm({ units: 3, stateful: true, name: 'it', activation: 'selu' }),
    ['it_h', 'it_c'],
  ],
  [
    'RNN over a stack',
    () => {
      const cell = [recurrentCells.GRU({ units: 2 }), recurrentCells.LSTM({ units: 3 })];
      return tf.layers.rnn({ cell, stateful: true, name: 'it', returnSequences: true });
    },
    ['it_1_h', 'it_1_c', 'it_0_h'],
  ],
  [
    'Bidirectional',
    () => {
      const inner = tf.layers.lstm({ units: 3, stateful: true, name: 'inner', returnSequences: true });
      return tf.layers.bidirectional({ layer: inner as never, mergeMode: 'concat', name: 'it' });
    },
    ['it_forward_h', 'it_forward_c', 'it_backward_h', 'it_backward_c'],
  ],
];

test.each(cases)('%s goes on where it stopped', async (_, make, names) => {
  const random = seededRandom(7);
  const model = tf.sequential({ layers: [tf.layers.inputLayer({ batchInputShape: [2, 3, 2] }), make()] });
  randomizeWeights(model, random);
  await withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    const { graph, states } = importTfjsModel(folder);
    expect(states).toEqual(names.map((name) => ({ input: name, output: `${name}_next` })));
    const inputs = new Map(graph.inputs.map((input) => [input.name, input.shape?.map(Number) ?? []]));
    const x = defined(graph.inputs[0], 'an input').name;
    let kept: Tensor[] = states.map(({ input }) => {
      const dims = inputs.get(input) ?? [];
      return Tensor.floats(dims, new Float32Array(sizeOf(dims)));
    });
    for (let run = 0; run < 3; run++) {
      const chunk = randomInput([2, 3, 2], random);
      const wanted = model.predict(tf.tensor(chunk.floats(), [2, 3, 2]));
      if (!(wanted instanceof tf.Tensor)) throw new Error('one output was expected');
      const feeds = Object.fromEntries(states.map(({ input }, index) => [input, defined(kept[index], input)]));
      const [found, ...next] = await evaluate(graph, { [x]: chunk, ...feeds });
      const values = found?.numbers() ?? [];
      for (const [index, value] of (await wanted.data()).entries()) expect(values[index]).toBeCloseTo(value, 4);
      kept = next;
    }
  });
});

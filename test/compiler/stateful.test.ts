import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { compile, verify } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { fileHandler } from '../../src/tfjs/index.js';
import { randomInput, randomizeWeights, withFolder } from '../frontends/support.js';

/** A stateful model keeps its states in inputs and outputs: chunks of a sequence give what the whole gives in tfjs. */
test('a stateful model goes on where it stopped', async () => {
  const random = seededRandom(11);
  const model = tf.sequential({
    layers: [
      tf.layers.lstm({ units: 3, stateful: true, returnSequences: true, name: 'memory', batchInputShape: [2, 4, 5] }),
      tf.layers.gru({ units: 2, stateful: true, name: 'summary' }),
      tf.layers.dense({ units: 2, name: 'scores' }),
    ],
  });
  randomizeWeights(model, random);
  await withFolder(async (folder) => {
    await model.save(fileHandler(join(folder, 'model.json')));
    const out = join(folder, 'out');
    const { report } = await compile({ model: folder, out });
    expect(report.targets[0]?.verification?.reference).toMatch(/^tfjs/);
    expect((await verify({ model: folder, compiled: join(out, 'cpu', 'model.onnx') })).clear).toBeGreaterThan(0);

    const runtime = await openRuntime();
    const { models } = await compile({ model: folder, verify: false });
    const session = await runtime.load(defined(models.get('cpu'), 'the model'));
    const [input = '', ...states] = session.inputs;
    expect(session.outputs).toEqual(['scores', ...states.map((name) => `${name}_next`)]);
    const units = { memory: 3, summary: 2 };
    const zeros = (name: string): Tensor => {
      const width = name.startsWith('memory') ? units.memory : units.summary;
      return Tensor.floats([2, width], new Float32Array(2 * width));
    };
    let kept = Object.fromEntries(states.map((name) => [name, zeros(name)]));
    for (let chunk = 0; chunk < 3; chunk++) {
      const x = randomInput([2, 4, 5], random);
      const wanted = model.predict(tf.tensor(x.floats(), [2, 4, 5]));
      const results = await session.run({ [input]: x, ...kept });
      const found = defined(results.scores, 'scores').numbers();
      if (!(wanted instanceof tf.Tensor)) throw new Error('one output was expected');
      for (const [index, value] of (await wanted.data()).entries()) expect(found[index]).toBeCloseTo(value, 4);
      kept = Object.fromEntries(states.map((name) => [name, defined(results[`${name}_next`], name)]));
    }
    await session.close();
  });
});

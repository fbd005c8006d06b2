import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileHandler, SGBlend, SwanGate } from '../../src/tfjs/index.js';
import { loadTfjs, predict } from '../../src/tfjs/reference.js';
import { fillWeights, numbers, single, symbolic } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'swanc-reference-'));
const path = join(folder, 'model.json');
let model: tf.LayersModel;

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
  const [a, b] = [tf.input({ shape: [3], name: 'a' }), tf.input({ shape: [2, 2], name: 'b' })];
  const flat = symbolic(tf.layers.flatten().apply(b));
  const joined = symbolic(tf.layers.concatenate().apply([a, flat]));
  const gated = symbolic(new SwanGate().apply([symbolic(new SGBlend().apply(joined)), flat]));
  const outputs = [symbolic(tf.layers.dense({ units: 2, name: 'one' }).apply(gated)), gated];
  model = tf.model({ inputs: [a, b], outputs });
  fillWeights(model, 61);
  await model.save(fileHandler(path));
});
afterAll(() => rmSync(folder, { recursive: true }));

const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
const spies = () => methods.map((method) => vi.spyOn(console, method));
let consoles: ReturnType<typeof spies>;
beforeEach(() => {
  consoles = spies();
});
afterEach(() => {
  for (const spy of consoles) expect(spy).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

describe('loadTfjs', () => {
  it('names a backend that works, and may be called again', async () => {
    const { backend } = await loadTfjs();
    expect(['tensorflow', 'wasm', 'cpu']).toContain(backend);
    expect(tf.getBackend()).toBe(backend);
    expect((await loadTfjs()).backend).toBe(backend);
  });
});

describe('predict', () => {
  const a = Float32Array.from(numbers(7 * 3, 62));
  const b = Float32Array.from(numbers(7 * 4, 63));
  const inputs = [
    { name: 'b', dims: [7, 2, 2], data: b },
    { name: 'a', dims: [7, 3], data: a },
  ];

  it.each([1, 3, 64])('runs a model from disk, in batches of %i', async (batchSize) => {
    const tensors = tf.memory().numTensors;
    const outputs = await predict(path, inputs, batchSize);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(outputs.map(({ name, dims }) => ({ name, dims }))).toEqual(
      model.outputNames.map((name, i) => ({ name, dims: [7, i === 0 ? 2 : 7] })),
    );
    const expected = model.predict([tf.tensor2d(a, [7, 3]), tf.tensor3d(b, [7, 2, 2])]);
    if (!Array.isArray(expected)) throw new Error('two outputs expected');
    outputs.forEach((output, i) => {
      const wanted = expected[i]?.dataSync() ?? [];
      expect(output.data.length).toBe(wanted.length);
      output.data.forEach((value, k) => {
        expect(value).toBeCloseTo(wanted[k] ?? Number.NaN, 5);
      });
    });
  });

  it('takes a single input under any name', async () => {
    const one = tf.sequential({ layers: [new SwanGate({ inputShape: [3] })] });
    fillWeights(one, 64);
    await one.save(fileHandler(join(folder, 'one', 'model.json')));
    const data = Float32Array.from(numbers(6, 65));
    const [output] = await predict(join(folder, 'one', 'model.json'), [{ name: 'x', dims: [2, 3], data }]);
    expect(output?.data).toEqual(single(one.predict(tf.tensor2d(data, [2, 3]))).dataSync());
  });

  it('says which input has no data, and that there are no samples', async () => {
    await expect(predict(path, inputs.slice(0, 1).concat(inputs.slice(0, 1)))).rejects.toThrow(/input 'a'/);
    const empty = inputs.map(({ name, dims }) => ({ name, dims: [0, ...dims.slice(1)], data: new Float32Array(0) }));
    await expect(predict(path, empty)).rejects.toThrow(/no samples/);
  });

  it('leaves no tensor behind when it fails', async () => {
    const tensors = tf.memory().numTensors;
    await expect(predict(path, [...inputs.slice(1), { name: 'b', dims: [7, 5], data: b }])).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

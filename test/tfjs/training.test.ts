import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { gateActivity, SGBlend, SwanGate, swanGates } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { numbers, single, symbolic } from './helpers.js';

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});

const samples = 64;
const data = () => tf.tensor2d(numbers(samples * 6, 41), [samples, 6]);
const targets = () => tf.tensor2d(numbers(samples * 2, 42), [samples, 2]);
const seeded = (seed: number) => tf.initializers.glorotUniform({ seed });

function network(densityWeight: number): tf.LayersModel {
  const input = tf.input({ shape: [6] });
  const dense = symbolic(tf.layers.dense({ units: 16, kernelInitializer: seeded(1) }).apply(input));
  const active = symbolic(new SGBlend().apply(dense));
  const gate = new SwanGate({
    name: 'gate',
    targetDensity: 0.25,
    densityWeight,
    kernelInitializer: seeded(2),
  });
  const output = tf.layers.dense({ units: 2, kernelInitializer: seeded(3) }).apply(gate.apply([active, input]));
  return tf.model({ inputs: input, outputs: symbolic(output) });
}

function density(model: tf.LayersModel): number {
  return gateActivity(model, data())[0]?.density ?? Number.NaN;
}

describe('model.fit', () => {
  it('trains with the density penalty and without', async () => {
    const densities: number[] = [];
    for (const weight of [0, 20]) {
      const model = network(weight);
      model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
      const before = single(model.evaluate(data(), targets())).dataSync()[0] ?? 0;
      expect(density(model)).toBeGreaterThan(0.8);
      const history = await model.fit(data(), targets(), { epochs: 40, batchSize: 32, shuffle: false, verbose: 0 });
      const losses = history.history.loss?.map(Number) ?? [];
      expect(losses.at(-1)).toBeLessThan(before * 0.8);
      densities.push(density(model));
    }
    expect(densities[0]).toBeGreaterThan(0.5);
    expect(densities[1]).toBeLessThan(0.45);
  });

  it('trains a gate inside a nested model, and a shared one', async () => {
    const inner = tf.sequential({
      layers: [
        tf.layers.dense({ units: 8, inputShape: [6], kernelInitializer: seeded(4) }),
        new SwanGate({ name: 'inner', targetDensity: 0, densityWeight: 50, kernelInitializer: seeded(5) }),
      ],
    });
    const [a, b] = [tf.input({ shape: [6] }), tf.input({ shape: [6] })];
    const sum = tf.layers.add().apply([symbolic(inner.apply(a)), symbolic(inner.apply(b))]);
    const output = symbolic(tf.layers.dense({ units: 2, kernelInitializer: seeded(6) }).apply(sum));
    const model = tf.model({ inputs: [a, b], outputs: output });
    expect(swanGates(model).map(({ name }) => name)).toEqual(['inner']);
    const before = gateActivity(model, [data(), data()])[0];
    expect(before?.samples).toBe(2 * samples);
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
    await model.fit([data(), data()], targets(), { epochs: 30, shuffle: false, verbose: 0 });
    expect(gateActivity(model, [data(), data()])[0]?.density).toBeLessThan((before?.density ?? 0) / 2);
  });

  it('adds no tensors from step to step', async () => {
    const model = network(1);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const [x, y] = [data(), targets()];
    await model.trainOnBatch(x, y);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) await model.trainOnBatch(x, y);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('an L1 penalty on the kernel of the scores', () => {
  it('shrinks it', async () => {
    const model = tf.sequential({
      layers: [
        new SwanGate({ inputShape: [6], kernelRegularizer: tf.regularizers.l1({ l1: 1 }) }),
        tf.layers.dense({ units: 2 }),
      ],
    });
    const size = () => tf.sum(tf.abs(swanGates(model)[0]?.getWeights()[0] ?? 0)).dataSync()[0] ?? 0;
    const before = size();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    await model.fit(data(), targets(), { epochs: 30, verbose: 0 });
    expect(size()).toBeLessThan(before * 0.5);
  });
});

describe('gateActivity', () => {
  it('counts, over all batches, how often each gate fires', () => {
    const model = tf.sequential({
      layers: [new SwanGate({ name: 'g', inputShape: [3], groupSize: 1, useBias: true })],
    });
    const gate = swanGates(model)[0];
    gate?.setWeights([tf.zeros([3, 3]), tf.tensor1d([1, -1, 0])]);
    gate?.setWeights([tf.tensor2d([0, 0, 0, 0, 0, 0, 0, 0, 1], [3, 3]), tf.tensor1d([1, -1, 0])]);
    const x = tf.tensor2d([0, 0, 1, 0, 0, -1, 0, 0, 2, 0, 0, -2, 0, 0, -3], [5, 3]);
    const tensors = tf.memory().numTensors;
    const [activity] = gateActivity(model, x, 2);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(activity).toMatchObject({ layer: 'g', samples: 5, frequency: [1, 0, 2 / 5], targetDensity: 0.5 });
    expect(activity?.density).toBeCloseTo(1.4 / 3, 10);
  });

  it('reports the penalty, which is one-sided', () => {
    const model = tf.sequential({
      layers: [new SwanGate({ inputShape: [4], targetDensity: 0.25, densityWeight: 2 })],
    });
    const gate = swanGates(model)[0];
    const penaltyAt = (bias: number[]) => {
      gate?.setWeights([tf.zeros([4, 4]), tf.tensor1d(bias)]);
      return gateActivity(model, tf.zeros([3, 4]))[0]?.penalty;
    };
    expect(penaltyAt([1, 1, 1, -1])).toBeCloseTo(2 * 0.25, 10);
    expect(penaltyAt([-1, -1, -1, -1])).toBe(0);
  });
});

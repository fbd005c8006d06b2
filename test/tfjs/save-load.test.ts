import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fileHandler, SGBlend, SwanGate } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { fillWeights, numbers, single, symbolic } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'swanc-tfjs-'));
const path = join(folder, 'model.json');

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface SavedModel {
  modelTopology: unknown;
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[] }[] }[];
}

function readSaved(): SavedModel {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The configs of all layers of a class, anywhere in the saved topology. */
function configsOf(className: string, node: unknown): Record<string, unknown>[] {
  if (typeof node !== 'object' || node === null) return [];
  const here = 'class_name' in node && node.class_name === className && 'config' in node ? [node.config] : [];
  return [...here, ...Object.values(node).flatMap((value) => configsOf(className, value))].filter(
    (config): config is Record<string, unknown> => typeof config === 'object' && config !== null,
  );
}

/** Every option away from its default. */
const gateArgs = {
  threshold: 0.625,
  groupSize: 2,
  hiddenUnits: 3,
  pooling: 'none',
  useBias: false,
  temperature: 0.25,
  targetDensity: 0.375,
  densityWeight: 1.5,
} as const;

function functional(): tf.LayersModel {
  const input = tf.input({ shape: [4, 4, 2], name: 'inputImage' });
  const conv = symbolic(tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(input));
  const blend = new SGBlend({ name: 'myBlend', blend: 'clip', gelu: 'erf', perChannel: true });
  const gate = new SwanGate({
    name: 'myGate',
    kernelRegularizer: tf.regularizers.l1({ l1: 0.5 }),
    kernelInitializer: tf.initializers.randomUniform({ minval: -0.5, maxval: 0.25, seed: 3 }),
    ...gateArgs,
  });
  const gated = symbolic(gate.apply([symbolic(blend.apply(conv)), input]));
  const self = symbolic(new SwanGate({ name: 'self' }).apply(gated));
  return tf.model({ inputs: input, outputs: symbolic(tf.layers.flatten().apply(self)) });
}

function sequential(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 6, inputShape: [5] }),
      new SGBlend({ gelu: 'tanh' }),
      new SwanGate({ groupSize: 3 }),
      tf.layers.dense({ units: 2 }),
    ],
  });
}

describe.each([
  ['functional', functional, [7, 4, 4, 2]],
  ['Sequential', sequential, [7, 5]],
] as const)('a %s model', (_, make, shape) => {
  it('is the same after saving and loading', async () => {
    const model = make();
    fillWeights(model, 51);
    await model.save(fileHandler(path));
    const loaded = await tf.loadLayersModel(fileHandler(path));
    const x = tf.tensor(numbers(tf.util.sizeFromShape([...shape]), 52), [...shape]);
    expect(single(loaded.predict(x)).dataSync()).toEqual(single(model.predict(x)).dataSync());
    expect(loaded.toJSON(null, false)).toEqual(model.toJSON(null, false));
    expect(loaded.weights.map(({ originalName }) => originalName)).toEqual(
      model.weights.map(({ originalName }) => originalName),
    );
  });
});

describe('the saved file', () => {
  it('has the keys of SwanGate and SGBlend in snake_case, and all their weights', async () => {
    await functional().save(fileHandler(path));
    const saved = readSaved();
    const [gate, self] = configsOf('SwanGate', saved.modelTopology);
    expect(gate).toMatchObject({
      name: 'myGate',
      threshold: 0.625,
      group_size: 2,
      hidden_units: 3,
      pooling: 'none',
      use_bias: false,
      temperature: 0.25,
      target_density: 0.375,
      density_weight: 1.5,
      kernel_regularizer: { class_name: 'L1L2', config: { l1: 0.5, l2: 0 } },
      kernel_initializer: { class_name: 'RandomUniform', config: { minval: -0.5, maxval: 0.25, seed: 3 } },
    });
    expect(self).toMatchObject({ group_size: 1, hidden_units: 0, pooling: 'average', use_bias: true, threshold: 0.5 });
    const blends = configsOf('SGBlend', saved.modelTopology);
    expect(blends).toEqual([
      expect.objectContaining({ name: 'myBlend', blend: 'clip', gelu: 'erf', per_channel: true }),
    ]);
    const weights = saved.weightsManifest.flatMap((group) => group.weights);
    expect(Object.fromEntries(weights.map(({ name, shape }) => [name, shape]))).toMatchObject({
      'myGate/hidden_kernel': [2, 3],
      'myGate/hidden_bias': [3],
      'myGate/kernel': [3, 2],
      'self/kernel': [4, 4],
      'self/bias': [4],
      'myBlend/alpha': [4],
      'myBlend/beta': [4],
      'myBlend/gamma': [4],
    });
    expect(weights.map(({ name }) => name)).not.toContain('myGate/bias');
    expect(saved.weightsManifest.map((group) => group.paths)).toEqual([['weights.bin']]);
  });

  it('loads from weight shards cut at any byte', async () => {
    const model = sequential();
    fillWeights(model, 53);
    await model.save(fileHandler(path));
    const saved = readSaved();
    const bytes = readFileSync(join(folder, 'weights.bin'));
    const cuts = [0, 3, 50, 51, bytes.length];
    const paths = cuts.slice(1).map((end, i) => {
      writeFileSync(join(folder, `shard${i}.bin`), bytes.subarray(cuts[i], end));
      return `shard${i}.bin`;
    });
    const [group] = saved.weightsManifest;
    writeFileSync(path, JSON.stringify({ ...saved, weightsManifest: [{ ...group, paths }] }));
    const loaded = await tf.loadLayersModel(fileHandler(path));
    const values = (m: tf.LayersModel) => m.getWeights().map((weight) => Array.from(weight.dataSync()));
    expect(values(loaded)).toEqual(values(model));
  });

  it('is refused when it is no model', async () => {
    writeFileSync(path, '{"a": 1}');
    await expect(tf.loadLayersModel(fileHandler(path))).rejects.toThrow(/not the model.json/);
  });
});

describe('a config that names an unknown initializer', () => {
  it('is refused', () => {
    const kernelInitializer = { className: 'Nothing', config: {} };
    expect(() => new SwanGate({ kernelInitializer })).toThrow(/unknown initializer or regularizer 'Nothing'/);
  });
});

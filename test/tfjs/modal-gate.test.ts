import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fileHandler, gateActivity, SwanGate, type SwanGateArgs, swanGates } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { call, expectClose, fillWeights, numbers, single, symbolic } from './helpers.js';
import {
  differences,
  firstMaximum,
  type Matrix,
  modallyGated,
  type PlainGate,
  rows,
  scores,
  sigmoid,
  softmax,
} from './plain.js';

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'swanc-modal-'));
const path = join(folder, 'model.json');

beforeAll(async () => {
  await loadTfjs();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The layer's weights as plain numbers. */
function plain(layer: SwanGate): { readonly gate: PlainGate; readonly masks: Matrix } {
  const matrix = (name: string) => {
    const found = layer.weights.find(({ originalName }) => originalName === name);
    return found && rows(Array.from(found.read().dataSync()), found.shape.at(-1) ?? 1);
  };
  const [bias, hiddenKernel, hiddenBias] = ['bias', 'hidden_kernel', 'hidden_bias'].map(matrix);
  const gate = {
    kernel: matrix('kernel') ?? [],
    ...(bias && { bias: bias.flat() }),
    ...(hiddenKernel && { hiddenKernel }),
    ...(hiddenBias && { hiddenBias: hiddenBias.flat() }),
  };
  return { gate, masks: matrix('masks') ?? [] };
}

function built(args: SwanGateArgs, shapes: tf.Shape | tf.Shape[], seed = 1): SwanGate {
  const layer = new SwanGate(args);
  layer.build(shapes);
  fillWeights(layer, seed);
  return layer;
}

/** The penalty whose gradient the gate adds: `fractions` of the rows choose each mode, `means` are of their softmax. */
function balancePenalty(fractions: readonly number[], means: readonly number[], balanceWeight: number): number {
  return balanceWeight * fractions.length * fractions.reduce((sum, f, k) => sum + f * (means[k] ?? 0), 0);
}

/** Whether the greatest logit is greatest by more than rounding. */
function isClear(logits: readonly number[]): boolean {
  const [first = 0, second = Number.NEGATIVE_INFINITY] = [...logits].sort((a, b) => b - a);
  return first - second > 1e-5;
}

describe('a modal gate', () => {
  it('lets through what the mask of the greatest logit lets through', () => {
    const layer = new SwanGate({ modes: 2 });
    layer.build([
      [null, 3],
      [null, 1],
    ]);
    // Mode 0 where control >= 0.5, else mode 1. A mask of exactly 0 fires.
    layer.setWeights([
      tf.tensor2d([1, -1], [1, 2]),
      tf.tensor1d([0, 1]),
      tf.tensor2d([0, -1, 5, -0.1, 0.1, -7], [2, 3]),
    ]);
    const inputs = [tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]), tf.tensor2d([2, -3, 0.5], [3, 1])];
    expect(Array.from(call(layer, inputs).dataSync())).toEqual([1, 0, 3, 0, 5, 0, 7, 0, 9]);
    expect(Array.from(layer.choices(inputs).dataSync())).toEqual([0, 1, 0]);
    expect(layer.choices(inputs).dtype).toBe('int32');
    expectClose(layer.scores(inputs).dataSync(), [0, -1, 5, -0.1, 0.1, -7, 0, -1, 5]);
    expect(Array.from(layer.gates(inputs).dataSync())).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('takes the first of equal logits', () => {
    const layer = built({ modes: 5 }, [null, 4]);
    const [, , masks] = layer.getWeights();
    layer.setWeights([tf.zeros([4, 5]), tf.tensor1d([-1, 2, 2, 1, 2]), masks ?? tf.zeros([5, 4])]);
    expect(Array.from(layer.choices(tf.ones([3, 4])).dataSync())).toEqual([1, 1, 1]);
  });

  it('agrees with the formulas for every choice of options', () => {
    const shape = fc.record({
      modes: fc.integer({ min: 2, max: 6 }),
      groups: fc.integer({ min: 1, max: 4 }),
      groupSize: fc.integer({ min: 1, max: 3 }),
      control: fc.integer({ min: 1, max: 5 }),
      hiddenUnits: fc.integer({ min: 0, max: 4 }),
      useBias: fc.boolean(),
      training: fc.boolean(),
      seed: fc.integer({ min: 0, max: 1e6 }),
    });
    fc.assert(
      fc.property(shape, ({ modes, groups, groupSize, control, hiddenUnits, useBias, training, seed }) => {
        const channels = groups * groupSize;
        const shapes = [
          [null, channels],
          [null, control],
        ];
        const layer = built({ modes, groupSize, hiddenUnits, useBias }, shapes, seed);
        const { gate, masks } = plain(layer);
        const x = numbers(4 * channels, seed + 100);
        const c = numbers(4 * control, seed + 200, 2);
        fc.pre(rows(c, control).every((row) => isClear(scores(row, gate))));
        const y = call(layer, [tf.tensor2d(x, [4, channels]), tf.tensor2d(c, [4, control])], training);
        const expected = rows(x, channels).flatMap((row, i) =>
          modallyGated(row, rows(c, control)[i] ?? [], gate, masks, groupSize),
        );
        expect(Array.from(y.dataSync()).map((v) => v + 0)).toEqual(expected.map((v) => v + 0));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it("chooses at every position by itself with pooling 'none'", () => {
    const layer = built({ modes: 3, pooling: 'none', groupSize: 2 }, [null, 2, 3, 4], 5);
    const { gate, masks } = plain(layer);
    const x = numbers(2 * 2 * 3 * 4, 6);
    const tensor = tf.tensor4d(x, [2, 2, 3, 4]);
    const expected = rows(x, 4).flatMap((pixel) => modallyGated(pixel, pixel, gate, masks, 2));
    expectClose(call(layer, tensor).dataSync(), expected, 0);
    expect(layer.choices(tensor).shape).toEqual([2, 2, 3]);
    expect(layer.gates(tensor).shape).toEqual([2, 2, 3, 2]);
    const chosen = rows(x, 4).map((pixel) => firstMaximum(scores(pixel, gate)));
    expect(Array.from(layer.choices(tensor).dataSync())).toEqual(chosen);
    expect(new Set(chosen).size).toBeGreaterThan(1);
  });

  it('is counted by gateActivity as other gates are', () => {
    const model = tf.sequential({ layers: [new SwanGate({ inputShape: [2], modes: 2 })] });
    model.setWeights([tf.tensor2d([1, 0, 0, 1], [2, 2]), tf.zeros([2]), tf.tensor2d([1, 1, -1, 1], [2, 2])]);
    const [activity] = gateActivity(model, tf.tensor2d([1, 0, 0, 1, 0, 2, 3, 0], [4, 2]));
    expect(activity).toMatchObject({ samples: 4, frequency: [0.5, 1], density: 0.75 });
  });

  it.each<[string, SwanGateArgs]>([
    ['one mode', { modes: 1 }],
    ['half a mode', { modes: 2.5 }],
    ['fewer than no modes', { modes: -2 }],
    ['a negative balance', { modes: 2, balanceWeight: -1 }],
    ['coherence besides', { modes: 2, coherenceWeight: 1 }],
    ['patterns of coherence', { modes: 2, coherenceWeight: 0, coherencePatterns: 3 }],
    ['a threshold', { modes: 2, threshold: 0.9 }],
  ])('is refused with %s', (_, args) => {
    expect(() => new SwanGate(args)).toThrow(/^SwanGate '\w+': (modes|balanceWeight|coherence\w+|threshold) /);
  });

  it('alone has choices', () => {
    expect(() => built({}, [null, 3]).choices(tf.ones([1, 3]))).toThrow(/without modes/);
  });
});

describe('the gradient of a modal gate', () => {
  const [batch, modes, groups, groupSize, controls] = [6, 3, 4, 2, 5] as const;
  const channels = groups * groupSize;
  const features = numbers(batch * channels, 61);
  const control = numbers(batch * controls, 62, 2);
  const weigh = numbers(batch * channels, 63);
  const kernel = numbers(controls * modes, 64);
  const bias = numbers(modes, 65);
  const masks = numbers(modes * groups, 66);

  const logits = (k: readonly number[], b: readonly number[]) =>
    rows(control, controls).map((row) => scores(row, { kernel: rows(k, modes), bias: b }));
  const chosen = logits(kernel, bias).map(firstMaximum);
  const hard = rows(masks, groups).map((mask) => mask.map((value) => (value >= 0 ? 1 : 0)));
  const density =
    chosen.flatMap((mode) => hard[mode] ?? []).reduce<number>((sum, gate) => sum + gate, 0) / (batch * groups);

  /** Gradient of the loss by each gate, that of the density penalty included: constant, as the loss is linear. */
  function byGate(args: { targetDensity: number; densityWeight: number }): number[][] {
    const pull = (2 * args.densityWeight * Math.max(0, density - args.targetDensity)) / (batch * groups);
    return rows(
      Array.from({ length: batch * groups }, (_, i) => {
        const parts = Array.from({ length: groupSize }, (_, part) => i * groupSize + part);
        return parts.reduce((sum, at) => sum + (weigh[at] ?? 0) * (features[at] ?? 0), pull);
      }),
      groups,
    );
  }

  function makeLayer(args: SwanGateArgs): SwanGate {
    const layer = new SwanGate({ modes, groupSize, ...args });
    layer.build([
      [null, channels],
      [null, controls],
    ]);
    layer.setWeights([tf.tensor2d(kernel, [controls, modes]), tf.tensor1d(bias), tf.tensor2d(masks, [modes, groups])]);
    return layer;
  }

  it.each([
    { temperature: 1, densityWeight: 0, targetDensity: 0.5, balanceWeight: 0 },
    { temperature: 0.5, densityWeight: 3, targetDensity: 0.1, balanceWeight: 0 },
    { temperature: 2, densityWeight: 0, targetDensity: 0.5, balanceWeight: 0.7 },
    { temperature: 0.7, densityWeight: 2, targetDensity: 0.2, balanceWeight: 2 },
  ])('is that of its soft relaxation: %o', (args) => {
    const { temperature, balanceWeight } = args;
    const d = byGate(args);
    const fractions = Array.from({ length: modes }, (_, k) => chosen.filter((mode) => mode === k).length / batch);
    expect(new Set(chosen).size).toBeGreaterThan(1);
    // Hard masks and fractions are constants for the choice; the choice is one for the masks.
    const byChoice = (list: readonly number[]) => {
      const p = logits(list.slice(0, kernel.length), list.slice(kernel.length)).map((row) =>
        softmax(row.map((r) => r / temperature)),
      );
      const task = p.flatMap((row, i) =>
        row.map((share, k) => share * (hard[k] ?? []).reduce<number>((sum, h, j) => sum + h * (d[i]?.[j] ?? 0), 0)),
      );
      const means = fractions.map((_, k) => p.reduce((sum, row) => sum + (row[k] ?? 0), 0) / batch);
      return task.reduce((a, b) => a + b, 0) + balancePenalty(fractions, means, balanceWeight);
    };
    const byMasks = (list: readonly number[]) =>
      chosen.reduce((total, mode, i) => {
        const mask = rows(list, groups)[mode] ?? [];
        return total + mask.reduce((sum, value, j) => sum + sigmoid(value / temperature) * (d[i]?.[j] ?? 0), 0);
      }, 0);
    const layer = makeLayer(args);
    const { grads } = tf.variableGrads(() => {
      const y = call(layer, [tf.tensor2d(features, [batch, channels]), tf.tensor2d(control, [batch, controls])], true);
      return tf.sum(tf.mul(y, tf.tensor2d(weigh, [batch, channels]))).asScalar();
    });
    const [ofKernel, ofBias, ofMasks] = layer.weights.map((weight) => Array.from(grads[weight.name]?.dataSync() ?? []));
    expectClose([...(ofKernel ?? []), ...(ofBias ?? [])], differences(byChoice, [...kernel, ...bias]), 2e-5);
    expectClose(ofMasks ?? [], differences(byMasks, masks), 2e-5);
    expect(ofMasks?.some((value) => value !== 0)).toBe(true);
  });

  it('reaches hidden weights, and leaves no tensors behind', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 8, inputShape: [4] }),
        new SwanGate({ modes: 3, hiddenUnits: 5, densityWeight: 1, targetDensity: 0 }),
        tf.layers.dense({ units: 2 }),
      ],
    });
    fillWeights(model, 71);
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    const [x, y] = [tf.tensor2d(numbers(64, 72), [16, 4]), tf.tensor2d(numbers(32, 73), [16, 2])];
    const gate = swanGates(model)[0];
    const before = gate?.getWeights().map((weight) => Array.from(weight.dataSync())) ?? [];
    await model.trainOnBatch(x, y);
    const tensors = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) await model.trainOnBatch(x, y);
    expect(tf.memory().numTensors).toBe(tensors);
    gate?.getWeights().forEach((weight, i) => {
      expect(Array.from(weight.dataSync()), gate.weights[i]?.originalName).not.toEqual(before[i]);
    });
  });
});

describe('training a modal gate', () => {
  /** Inputs are one of four corners, and each output is right for one corner only. */
  function trained(balanceWeight: number): SwanGate {
    const corners = [1, 1, 1, -1, -1, 1, -1, -1];
    const x = tf.tensor2d(
      Array.from({ length: 64 }, (_, i) => rows(corners, 2)[i % 4] ?? []),
      [64, 2],
    );
    const gate = new SwanGate({ modes: 4, balanceWeight, densityWeight: 1, targetDensity: 0.25 });
    gate.build([
      [null, 8],
      [null, 2],
    ]);
    // One mode is chosen for everything at first.
    gate.setWeights([
      tf.tensor2d(numbers(8, 81, 0.1), [2, 4]),
      tf.tensor1d([1, 0, 0, 0]),
      tf.tensor2d(numbers(32, 82, 0.3), [4, 8]),
    ]);
    const optimizer = tf.train.adam(0.03);
    const variables = gate.trainableWeights.map((weight) => weight.read()).filter((w) => w instanceof tf.Variable);
    for (let step = 0; step < 150; step++) {
      optimizer.minimize(() => tf.mean(call(gate, [tf.ones([64, 8]), x], true)).asScalar(), false, variables);
    }
    return gate;
  }

  it('brings all modes into use by the balance penalty, and else need not', () => {
    const x = tf.tensor2d([1, 1, 1, -1, -1, 1, -1, -1], [4, 2]);
    const used = (gate: SwanGate) => new Set(gate.choices([tf.ones([4, 8]), x]).dataSync()).size;
    expect(used(trained(0))).toBeLessThan(3);
    expect(used(trained(5))).toBeGreaterThanOrEqual(3);
  });
});

describe('a saved modal gate', () => {
  function model(): tf.LayersModel {
    const input = tf.input({ shape: [5] });
    const dense = symbolic(tf.layers.dense({ units: 6 }).apply(input));
    const maskInitializer = tf.initializers.randomUniform({ minval: -0.5, maxval: 0.25, seed: 3 });
    const modal = new SwanGate({ name: 'modal', modes: 3, groupSize: 2, balanceWeight: 0.5, maskInitializer });
    const plainGate = new SwanGate({ name: 'plain', coherenceWeight: 2, coherencePatterns: 6 });
    return tf.model({ inputs: input, outputs: symbolic(plainGate.apply(symbolic(modal.apply([dense, input])))) });
  }

  it('is the same after loading', async () => {
    const before = model();
    fillWeights(before, 91);
    await before.save(fileHandler(path));
    const loaded = await tf.loadLayersModel(fileHandler(path));
    const x = tf.tensor2d(numbers(50, 92), [10, 5]);
    expect(single(loaded.predict(x)).dataSync()).toEqual(single(before.predict(x)).dataSync());
    expect(loaded.toJSON(null, false)).toEqual(before.toJSON(null, false));
    expect(swanGates(loaded)[0]).toMatchObject({ modes: 3, groupSize: 2, balanceWeight: 0.5 });
    expect(swanGates(loaded)[1]).toMatchObject({ modes: 0, coherenceWeight: 2, coherencePatterns: 6 });
  });

  it('has the keys and weights of the format', async () => {
    await model().save(fileHandler(path));
    const saved: {
      modelTopology: { config: { layers: { config: Record<string, unknown> }[] } };
      weightsManifest: { weights: { name: string; shape: number[] }[] }[];
    } = JSON.parse(readFileSync(path, 'utf8'));
    const [, , modal, plainGate] = saved.modelTopology.config.layers.map(({ config }) => config);
    expect(modal).toMatchObject({ name: 'modal', modes: 3, balance_weight: 0.5 });
    expect(modal).not.toHaveProperty('coherence_weight');
    expect(modal?.mask_initializer).toMatchObject({ class_name: 'RandomUniform', config: { minval: -0.5 } });
    expect(plainGate).toMatchObject({ name: 'plain', coherence_weight: 2, coherence_patterns: 6 });
    expect(plainGate).not.toHaveProperty('modes');
    const weights = saved.weightsManifest.flatMap((group) => group.weights);
    expect(Object.fromEntries(weights.map(({ name, shape }) => [name, shape]))).toMatchObject({
      'modal/kernel': [5, 3],
      'modal/bias': [3],
      'modal/masks': [3, 3],
    });
  });
});

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { SwanGate, type SwanGateArgs } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { call, expectClose, numbers } from './helpers.js';
import { differences, type PlainGate, rows, scores, sigmoid } from './plain.js';

const [batch, groups, groupSize, controls, hidden] = [5, 3, 2, 4, 3] as const;
const channels = groups * groupSize;
const features = numbers(batch * channels, 21);
const control = numbers(batch * controls, 22);
const weigh = numbers(batch * channels, 23);
const sizes = { hiddenKernel: controls * hidden, hiddenBias: hidden, kernel: hidden * groups, bias: groups };
const theta = numbers(sizes.hiddenKernel + sizes.hiddenBias + sizes.kernel + sizes.bias, 24);

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});

function unpack(list: readonly number[]): PlainGate {
  let from = 0;
  const take = (size: number) => {
    from += size;
    return list.slice(from - size, from);
  };
  return {
    hiddenKernel: rows(take(sizes.hiddenKernel), hidden),
    hiddenBias: take(sizes.hiddenBias),
    kernel: rows(take(sizes.kernel), groups),
    bias: take(sizes.bias),
  };
}

/** Every score, sample by sample. */
function allScores(list: readonly number[], c: readonly number[]): number[][] {
  return rows(c, controls).map((row) => scores(row, unpack(list)));
}

/**
 * The soft relaxation: hard gates replaced by sigmoid(s / T). The loss is linear in the gates, so that its straight-through
 * gradient is exactly the gradient of this function. `pull` is dP/dg of the penalty at the hard gates.
 */
function softLoss(list: readonly number[], c: readonly number[], temperature: number, pull: number): number {
  return allScores(list, c).reduce((total, row, i) => {
    const soft = row.map((score) => sigmoid(score / temperature));
    const task = Array.from({ length: channels }, (_, k) => {
      const at = i * channels + k;
      return (weigh[at] ?? 0) * (features[at] ?? 0) * (soft[Math.floor(k / groupSize)] ?? 0);
    });
    return total + task.reduce((a, b) => a + b, 0) + pull * soft.reduce((a, b) => a + b, 0);
  }, 0);
}

function makeLayer(args: SwanGateArgs): SwanGate {
  const layer = new SwanGate({ groupSize, hiddenUnits: hidden, ...args });
  layer.build([
    [null, channels],
    [null, controls],
  ]);
  const { hiddenKernel, hiddenBias, kernel, bias } = unpack(theta);
  layer.setWeights([
    tf.tensor2d(hiddenKernel?.flat() ?? [], [controls, hidden]),
    tf.tensor1d(hiddenBias ? [...hiddenBias] : []),
    tf.tensor2d(kernel.flat(), [hidden, groups]),
    tf.tensor1d(bias ? [...bias] : []),
  ]);
  return layer;
}

function layerLoss(layer: SwanGate, c: tf.Tensor, training = true): tf.Scalar {
  const y = call(layer, [tf.tensor2d(features, [batch, channels]), c], training);
  return tf.sum(tf.mul(y, tf.tensor2d(weigh, [batch, channels]))).asScalar();
}

function pullOf(threshold: number, targetDensity: number, densityWeight: number): number {
  const fires = allScores(theta, control).flat();
  const density = fires.filter((score) => sigmoid(score) >= threshold).length / fires.length;
  return (2 * densityWeight * Math.max(0, density - targetDensity)) / fires.length;
}

describe('the straight-through gradient', () => {
  const options = [
    { temperature: 1, densityWeight: 0, targetDensity: 0.5, threshold: 0.5 },
    { temperature: 0.4, densityWeight: 0, targetDensity: 0.5, threshold: 0.5 },
    { temperature: 2, densityWeight: 3, targetDensity: 0.1, threshold: 0.5 },
    { temperature: 0.7, densityWeight: 5, targetDensity: 0.05, threshold: 0.3 },
    { temperature: 0.7, densityWeight: 5, targetDensity: 1, threshold: 0.7 },
  ];

  it.each(options)('is that of the soft relaxation, penalty included: %o', (args) => {
    const layer = makeLayer(args);
    const pull = pullOf(args.threshold, args.targetDensity, args.densityWeight);
    expect(pull > 0).toBe(args.densityWeight > 0 && args.targetDensity < 1);
    const { grads } = tf.variableGrads(() => layerLoss(layer, tf.tensor2d(control, [batch, controls])));
    const byWeights = layer.weights.flatMap((weight) => Array.from(grads[weight.name]?.dataSync() ?? []));
    expectClose(
      byWeights,
      differences((list) => softLoss(list, control, args.temperature, pull), theta),
      2e-5,
    );
    const byControl = tf.grad((c) => layerLoss(layer, c))(tf.tensor2d(control, [batch, controls]));
    expectClose(
      byControl.dataSync(),
      differences((c) => softLoss(theta, c, args.temperature, pull), control),
      2e-5,
    );
  });

  it('reaches the features through open gates only', () => {
    const layer = makeLayer({});
    const c = tf.tensor2d(control, [batch, controls]);
    const byFeatures = tf.grad((x) => tf.sum(call(layer, [x, c], true)))(tf.tensor2d(features, [batch, channels]));
    const expected = allScores(theta, control).flatMap((row) => row.flatMap((score) => [+(score >= 0), +(score >= 0)]));
    expectClose(byFeatures.dataSync(), expected, 0);
  });

  it('leaves the forward pass hard: training and inference give the same outputs', () => {
    const layer = makeLayer({ densityWeight: 4, temperature: 0.3 });
    const c = tf.tensor2d(control, [batch, controls]);
    expect(layerLoss(layer, c, true).dataSync()).toEqual(layerLoss(layer, c, false).dataSync());
  });

  it('is not there outside training: the gates are constants then', () => {
    const layer = makeLayer({ densityWeight: 4 });
    const x = tf.tensor2d(features, [batch, channels]);
    const byControl = tf.grad((c) => tf.add(tf.sum(call(layer, [x, c])), tf.sum(tf.mul(c, 0))))(
      tf.tensor2d(control, [batch, controls]),
    );
    expectClose(byControl.dataSync(), Array<number>(batch * controls).fill(0), 0);
  });

  it('works for a gate at each position', () => {
    const layer = new SwanGate({ pooling: 'none', densityWeight: 2, targetDensity: 0 });
    const x = tf.tensor4d(numbers(2 * 3 * 3 * 2, 31), [2, 3, 3, 2]);
    layer.build(x.shape);
    const grads = tf.variableGrads(() => tf.sum(call(layer, x, true)).asScalar()).grads;
    for (const weight of layer.weights) expect(grads[weight.name]?.shape).toEqual(weight.shape);
  });
});

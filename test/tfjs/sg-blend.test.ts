import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { BETA_RANGE, type Blend, type GeluForm, SGBlend } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { call, expectClose, numbers } from './helpers.js';
import { differences, sgBlend } from './plain.js';

const blends: readonly Blend[] = ['sigmoid', 'clip'];
const gelus: readonly GeluForm[] = ['sigmoid', 'tanh', 'erf'];
const cases = blends.flatMap((blend) =>
  gelus.flatMap((gelu) => [true, false].map((perChannel) => ({ blend, gelu, perChannel }))),
);

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});

const x = [...numbers(21, 4, 3), -2.5, 0, 2.5];
const parameters = {
  one: { alpha: [0.3], beta: [1.7], gamma: [-0.2] },
  each: { alpha: [0.3, -0.8, 1.6], beta: [1.7, 0.4, 5], gamma: [-0.2, 0.1, 0.7] },
};

function withWeights(args: { blend: Blend; gelu: GeluForm; perChannel: boolean }): SGBlend {
  const layer = new SGBlend(args);
  layer.build([null, 3]);
  const { alpha, beta, gamma } = args.perChannel ? parameters.each : parameters.one;
  layer.setWeights([alpha, beta, gamma].map((values) => tf.tensor1d(values)));
  return layer;
}

/** Alpha, beta and gamma of a channel, from all alphas, then betas, then gammas in one list. */
function parametersOf(channel: number, list: readonly number[]): readonly [number, number, number] {
  const size = list.length / 3;
  const i = size === 1 ? 0 : channel;
  return [list[i] ?? 0, list[size + i] ?? 0, list[2 * size + i] ?? 0];
}

describe('SGBlend', () => {
  it.each(cases)('is the formula: blend $blend, gelu $gelu, per channel $perChannel', (args) => {
    const { alpha, beta, gamma } = args.perChannel ? parameters.each : parameters.one;
    const y = call(withWeights(args), tf.tensor2d(x, [8, 3])).dataSync();
    const list = [...alpha, ...beta, ...gamma];
    expectClose(
      y,
      x.map((value, i) => sgBlend(value, parametersOf(i % 3, list), args.blend, args.gelu)),
      2e-6,
    );
  });

  it.each(cases)('has the gradient of the formula: blend $blend, gelu $gelu, per channel $perChannel', (args) => {
    const { alpha, beta, gamma } = args.perChannel ? parameters.each : parameters.one;
    const layer = withWeights(args);
    const weigh = numbers(24, 9);
    const loss = (values: readonly number[], list: readonly number[]) =>
      values.reduce((sum, v, i) => {
        return sum + (weigh[i] ?? 0) * sgBlend(v, parametersOf(i % 3, list), args.blend, args.gelu);
      }, 0);
    const list = [...alpha, ...beta, ...gamma];
    const f = (input: tf.Tensor) => tf.sum(tf.mul(call(layer, input, true), tf.tensor2d(weigh, [8, 3]))).asScalar();
    const byX = tf
      .grad(f)(tf.tensor2d(x, [8, 3]))
      .dataSync();
    expectClose(
      byX,
      differences((values) => loss(values, list), x),
      2e-5,
    );
    const { grads } = tf.variableGrads(() => f(tf.tensor2d(x, [8, 3])));
    const byWeights = layer.weights.flatMap((weight) => Array.from(grads[weight.name]?.dataSync() ?? []));
    expectClose(
      byWeights,
      differences((values) => loss(x, values), list),
      2e-5,
    );
  });

  it('maps zero to -a * gamma', () => {
    const layer = withWeights({ blend: 'clip', gelu: 'sigmoid', perChannel: false });
    expectClose(call(layer, tf.zeros([1, 3])).dataSync(), [0.06, 0.06, 0.06], 1e-7);
  });

  it('begins as the even mean of Swish and GELU', () => {
    for (const blend of blends) {
      const layer = new SGBlend({ blend });
      const start = [blend === 'clip' ? 0.5 : 0, 1, 0] as const;
      const expected = x.map((value) => sgBlend(value, start, blend, 'sigmoid'));
      expectClose(call(layer, tf.tensor2d(x, [8, 3])).dataSync(), expected, 2e-6);
    }
  });

  it('keeps beta in its range while training, and takes it as it is otherwise', () => {
    const layer = new SGBlend({ perChannel: true });
    layer.build([null, 3]);
    const weights = [tf.zeros([3]), tf.tensor1d([-2, 0.5, 30]), tf.zeros([3])];
    layer.setWeights(weights);
    const betas = () => Array.from(layer.getWeights()[1]?.dataSync() ?? []);
    call(layer, tf.zeros([1, 3]));
    expectClose(betas(), [-2, 0.5, 30]);
    call(layer, tf.zeros([1, 3]), true);
    expectClose(betas(), [BETA_RANGE[0], 0.5, BETA_RANGE[1]]);
  });

  it('works on images and refuses what it does not know', () => {
    const layer = new SGBlend({ perChannel: true });
    expect(call(layer, tf.ones([2, 4, 4, 3])).shape).toEqual([2, 4, 4, 3]);
    expect(layer.getWeights().map((weight) => weight.shape)).toEqual([[3], [3], [3]]);
    expect(() => new SGBlend({ perChannel: true }).build([null, null])).toThrow(/channel axis/);
  });
});

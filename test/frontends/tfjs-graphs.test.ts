import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { type Random, seededRandom } from '../../src/support/random.js';
import { SGBlend, SwanGate } from '../../src/tfjs/index.js';
import { conforms, one } from './support.js';

type Symbolic = tf.SymbolicTensor;

function pick<T>(random: Random, list: readonly T[]): T {
  const item = list[random.integer(list.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

const sameShape = (left: Symbolic, right: Symbolic) => left.shape.join() === right.shape.join();

/** One more value, made from those there are: images of any size, or rows. */
function grow(random: Random, values: readonly Symbolic[], shared: tf.layers.Layer): Symbolic {
  const x = pick(random, values);
  const channels = x.shape.at(-1) ?? 1;
  // Not x itself: tfjs frees a tensor too early that one layer takes twice and another takes later.
  const others = values.filter((other) => other !== x);
  const partners = others.filter((other) => sameShape(other, x));
  const padding = pick(random, ['same', 'valid'] as const);
  const common: (() => tf.layers.Layer)[] = [
    () => new SGBlend({ perChannel: random.integer(2) === 0 }),
    () => tf.layers.batchNormalization({ center: random.integer(2) === 0 }),
    () =>
      tf.layers.activation({
        activation: pick(random, ['relu', 'tanh', 'swish', 'softmax'] as const as readonly 'relu'[]),
      }),
    () => new SwanGate({ groupSize: pick(random, [1, channels]), hiddenUnits: random.integer(3) }),
  ];
  const images: (() => tf.layers.Layer)[] = [
    ...common,
    () =>
      tf.layers.conv2d({
        filters: 2 + random.integer(3),
        kernelSize: 3,
        strides: 1 + random.integer(2),
        padding: 'same',
      }),
    () => tf.layers.depthwiseConv2d({ kernelSize: 2, padding: 'same' }),
    () => tf.layers.maxPooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
    () => tf.layers.averagePooling2d({ poolSize: 2, padding: 'same' }),
    () => tf.layers.upSampling2d({ size: [2, 1] }),
    () => tf.layers.globalAveragePooling2d({}),
    () => tf.layers.flatten(),
    () => tf.layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 2, padding }),
  ];
  const rows: (() => tf.layers.Layer)[] = [
    ...common,
    () => (channels === 4 ? shared : tf.layers.dense({ units: 4 })),
    () => tf.layers.layerNormalization(),
    () => tf.layers.repeatVector({ n: 2 }),
  ];
  if (partners.length > 0 && random.integer(2) === 0) {
    const merge = pick<() => tf.layers.Layer>(random, [
      () => tf.layers.add(),
      () => tf.layers.multiply(),
      () => tf.layers.maximum(),
      () => tf.layers.concatenate(),
    ]);
    return one(merge().apply([x, pick(random, partners)]));
  }
  // A gate on an image may read any row, and a gate on a row any image.
  if (random.integer(4) === 0)
    return one(
      new SwanGate({}).apply([
        x,
        pick(
          random,
          others.filter(({ rank }) => rank !== 3),
        ),
      ]),
    );
  return one(pick(random, x.rank === 4 ? images : x.rank === 2 ? rows : common)().apply(x));
}

describe('random graphs', () => {
  test(
    'of images and rows, with shared layers, gates and several outputs',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 2 ** 31 - 1 }),
          fc.integer({ min: 1, max: 12 }),
          async (seed, size) => {
            const random = seededRandom(seed);
            const image = tf.input({ shape: [5, 4, 2] });
            const row = tf.input({ shape: [4] });
            const inputs = [image, row];
            const shared = tf.layers.dense({ units: 4 });
            const values: Symbolic[] = [...inputs];
            for (let count = 0; count < size; count++) values.push(grow(random, values, shared));
            const outputs = values.slice(-2);
            // An input that no output needs is no part of a model.
            const all = one(tf.layers.concatenate().apply([one(tf.layers.flatten().apply(image)), row]));
            await conforms(tf.model({ inputs, outputs: [...outputs, all] }), { seed });
          },
        ),
        { numRuns: 60 },
      ),
    30_000,
  );
});

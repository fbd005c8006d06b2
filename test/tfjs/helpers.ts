import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { seededRandom } from '../../fixtures/random.js';

/** Seeded numbers in [-scale, scale). */
export function numbers(count: number, seed: number, scale = 1): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.fround((2 * random() - 1) * scale));
}

export function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    const difference = Math.abs((actual[i] ?? Number.NaN) - value);
    expect(difference, `element ${i}: ${actual[i]} for ${value}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(value)),
    );
  });
}

/** The result of a layer or model which has one output. */
export function single(result: tf.Tensor | tf.Tensor[]): tf.Tensor {
  if (Array.isArray(result)) throw new Error('one tensor expected');
  return result;
}

export function symbolic(result: tf.Tensor | tf.Tensor[] | tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor {
  if (result instanceof tf.SymbolicTensor) return result;
  throw new Error('one symbolic tensor expected');
}

/** Calls a layer on real tensors. */
export function call(layer: tf.layers.Layer, inputs: tf.Tensor | tf.Tensor[], training = false): tf.Tensor {
  const result = layer.apply(inputs, { training });
  if (result instanceof tf.Tensor) return result;
  throw new Error('one tensor expected');
}

/** Gives every weight of the model seeded values, so that tests do not depend on initializers. */
export function fillWeights(model: tf.LayersModel | tf.layers.Layer, seed: number, scale = 1): void {
  const weights = model.getWeights();
  model.setWeights(weights.map((weight, i) => tf.tensor(numbers(weight.size, seed + i, scale), weight.shape)));
}

import * as tf from '@tensorflow/tfjs';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import type { Random } from '../../src/support/random.js';
import type { InputCase } from './case.js';

/** Random data for a batch of an input. */
export function randomData(input: InputCase, batch: number, random: Random): Tensor {
  const dims = [batch, ...input.sizes];
  const values = drawn(input, dims, random);
  if (input.dtype === 'int32') return new Tensor('int32', dims, Int32Array.from(values));
  if (input.dtype === 'bool') return new Tensor('bool', dims, Uint8Array.from(values));
  return Tensor.floats(dims, Float32Array.from(values));
}

function drawn({ values, dtype }: InputCase, dims: readonly number[], random: Random): number[] {
  const length = sizeOf(dims);
  if (dtype === 'bool') return Array.from({ length }, () => random.integer(2));
  if (values.kind === 'integers') {
    const { from, below } = values;
    return Array.from({ length }, () => from + random.integer(below - from));
  }
  if (dtype === 'int32') return Array.from({ length }, () => random.integer(19) - 9);
  const result = Array.from({ length }, () => random.normal());
  if (values.kind === 'masked') {
    const row = dims.at(-1) ?? 1;
    for (let start = 0; start < length; start += row) {
      if (random.uniform() < 0.4) result.fill(values.value, start, start + row);
    }
  }
  return result;
}

/** The first sample of a batch. */
export function firstSample(tensor: Tensor): Tensor {
  const dims = [1, ...tensor.dims.slice(1)];
  const size = sizeOf(dims);
  if (tensor.is('int32')) return new Tensor('int32', dims, tensor.data.slice(0, size));
  if (tensor.is('bool')) return new Tensor('bool', dims, tensor.data.slice(0, size));
  return Tensor.floats(dims, tensor.floats().slice(0, size));
}

/** The tensor in tfjs. */
export function toTfjs(tensor: Tensor): tf.Tensor {
  const { data, dims, type } = tensor;
  const dtype = type === 'int32' || type === 'bool' ? type : 'float32';
  return tf.tensor(
    data instanceof Float32Array || data instanceof Int32Array ? data : Uint8Array.from(data, Number),
    [...dims],
    dtype,
  );
}

/**
 * Gives every weight values that no initializer gives: nothing zero, variances positive, and sizes such that sums over a
 * kernel stay near 1, so that deep graphs keep to numbers which float32 adds well.
 */
export function randomizeWeights(model: tf.LayersModel, random: Random): void {
  // Gates without bounds multiply what goes around in a loop: float32 no longer tells the result if that grows.
  const loops = model.weights.some(({ originalName }) => originalName.includes('recurrent_kernel')) ? 0.5 : 1;
  const tensors = model.weights.map(({ originalName, shape }) => {
    const dims = shape.map(Number);
    const fanIn = dims.length < 2 ? 4 : sizeOf(dims.slice(0, -1));
    const scale = originalName.includes('embeddings') ? 1 : loops / Math.sqrt(Math.max(1, fanIn));
    const values = Float32Array.from({ length: sizeOf(dims) }, () => {
      if (originalName.includes('variance')) return 0.5 + random.uniform();
      const sign = random.uniform() < 0.5 ? -1 : 1;
      return sign * (0.05 + Math.abs(random.normal()) * scale);
    });
    return tf.tensor(values, dims);
  });
  model.setWeights(tensors);
  tf.dispose(tensors);
}

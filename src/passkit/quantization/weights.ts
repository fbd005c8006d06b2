import { extentsOf } from '../../ir/slices.js';
import { Tensor } from '../../ir/tensor.js';
import { at } from '../../support/assert.js';
import { leastScale } from './ranges.js';

/** Weights as integers from -127 to 127: `scale * integer`, with a scale for each slot of an axis. */
export interface IntegerWeights {
  readonly integers: Tensor<'int8'>;
  readonly scales: Tensor<'float32'>;
}

const largest = 127;
/** A bias is an integer of 32 bits in steps of the products' scale. Some bits are left for the sum that it is added to. */
const largestBias = 2 ** 30;

/**
 * Symmetric integers, so that the sums of products need no corrections for a zero point. Each scale is the largest weight of
 * its slot in parts of 127, or as much more as the bias of the slot needs to fit 32 bits, given the scale of the data.
 */
export function quantizeWeights(
  weights: Tensor<'float32'>,
  axis: number,
  bias: Tensor<'float32'> | undefined,
  dataScale: number,
): IntegerWeights {
  const { outer, size, inner } = extentsOf(weights.dims, axis);
  const scales = new Float32Array(size);
  const { data } = weights;
  const slotOf = (index: number): number => Math.floor(index / inner) % size;
  for (let index = 0; index < data.length; index++) {
    const slot = slotOf(index);
    scales[slot] = Math.max(at(scales, slot), Math.abs(at(data, index)));
  }
  const biases = bias?.data.length === size ? bias.data : undefined;
  for (let slot = 0; slot < size; slot++) {
    const fitting = Math.abs(biases?.[slot] ?? 0) / (largestBias * dataScale);
    scales[slot] = Math.max(leastScale, at(scales, slot) / largest, fitting);
  }
  const integers = new Int8Array(outer * size * inner);
  for (let index = 0; index < data.length; index++) {
    const steps = Math.round(at(data, index) / at(scales, slotOf(index)));
    integers[index] = Math.min(largest, Math.max(-largest, steps));
  }
  return { integers: new Tensor('int8', weights.dims, integers), scales: new Tensor('float32', [size], scales) };
}

/** A bias in steps of the scale of the data times those of the weights, with these steps. */
export function quantizeBias(
  bias: Tensor<'float32'>,
  scales: Tensor<'float32'>,
  dataScale: number,
): { readonly integers: Tensor<'int32'>; readonly scales: Tensor<'float32'> } {
  const steps = scales.data.map((scale) => Math.fround(scale * dataScale));
  const isSingle = steps.length === 1;
  const integers = Int32Array.from(bias.data, (item, slot) => {
    const wanted = Math.round(item / at(steps, isSingle ? 0 : slot));
    return Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), wanted));
  });
  return { integers: new Tensor('int32', bias.dims, integers), scales: new Tensor('float32', scales.dims, steps) };
}

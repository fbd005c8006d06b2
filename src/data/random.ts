import { Tensor } from '../ir/tensor.js';
import { type ElementArrays, type ElementType, elementTypes, sizeOf } from '../ir/types.js';
import { throwIfAborted } from '../support/errors.js';
import { numberToHalf } from '../support/float16.js';
import { type Random, seededRandom } from '../support/random.js';
import { batchShape } from './calibration.js';
import type { Batch, BatchOptions, Calibration, InputSpec } from './types.js';

/** Size given to a dimension that the model leaves open, the batch excepted. */
const openDim = 8;

/**
 * Random samples, for verification where there is no data. Never a substitute for calibration: gates behave differently.
 *
 * Floats are uniform in their range, if that is known; else uniform in [0, 1) in even samples, as pixels are, and standard
 * normal in odd ones, as standardised features are; a quarter of the steps are masked where the model knows them by a number. Positions are below their bound; other
 * integers and bools are 0 or 1, which are valid as categories and masks. Open dimensions have size 8. A sample depends on
 * seed and position alone, not on the batches.
 */
export function randomSamples(inputs: readonly InputSpec[], seed: number, count: number): Calibration {
  const sample = (input: InputSpec, position: number, index: number): number[] => {
    // Seeds are spread by odd multipliers so that neighbouring samples and inputs share no numbers.
    const random = seededRandom(seed + Math.imul(position + 1, 0x9e3779b1) + Math.imul(index + 1, 0x85ebca77));
    const values = Array.from({ length: sizeOf(sampleDims(input)) }, () => draw(random, input, position));
    if (input.masked !== undefined) maskSome(values, sampleDims(input).at(-1) ?? 1, input.masked, random);
    return values;
  };
  async function* batches(batchSize: number, options: BatchOptions = {}): AsyncGenerator<Batch> {
    const { size, pad } = batchShape(inputs, batchSize, options.pad ?? false);
    const total = Math.min(count, options.limit ?? Infinity);
    for (let start = 0; start < total; start += size) {
      throwIfAborted(options.signal);
      const samples = Math.min(size, total - start);
      const rows = pad ? size : samples;
      const feeds = inputs.map((input, index) => {
        const values = Array.from({ length: rows }, (_, row) =>
          sample(input, start + Math.min(row, samples - 1), index),
        );
        return [input.name, tensorOf(input.type, [rows, ...sampleDims(input)], values.flat())] as const;
      });
      yield { feeds: Object.fromEntries(feeds), samples };
    }
  }
  return { count, labelled: false, batches };
}

/** Fills about a quarter of the steps, each of `width` elements, with `mask`. */
function maskSome(values: number[], width: number, mask: number, random: Random): void {
  for (let start = 0; start < values.length; start += width) {
    if (random.integer(4) === 0) values.fill(mask, start, start + width);
  }
}

function sampleDims(input: InputSpec): number[] {
  return input.shape.slice(1).map((dim) => (typeof dim === 'number' ? dim : openDim));
}

function draw(random: Random, { type, below, range }: InputSpec, position: number): number {
  if (below !== undefined) return random.integer(below);
  if (!type.startsWith('float')) return random.integer(2);
  if (range !== undefined) return range[0] + (range[1] - range[0]) * random.uniform();
  return position % 2 === 0 ? random.uniform() : random.normal();
}

function tensorOf<T extends ElementType>(type: T, dims: readonly number[], values: readonly number[]): Tensor<T> {
  const data: ElementArrays[T] = new elementTypes[type].array(values.length);
  for (const [index, value] of values.entries()) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(value);
    else data[index] = type === 'float16' ? numberToHalf(value) : value;
  }
  return new Tensor(type, dims, data);
}

import { z } from 'zod';
import type { Batch, Calibration } from '../../data/types.js';
import type { Tensors } from '../../runtime/types.js';
import { invalid } from '../../support/errors.js';
import { readRecord } from '../files/file-record.js';

/** What every element of the float inputs lies between, as the user says: proofs rest on it. */
export type InputRange = readonly [low: number, high: number];

const key = 'swanc.inputRange';

/** Metadata properties for a file that was compiled for inputs in this range. */
export function rangeMetadata(range: InputRange | undefined): Readonly<Record<string, string>> {
  return range === undefined ? {} : { [key]: JSON.stringify(range) };
}

/** The range in a file's metadata; undefined if it was compiled for any inputs. */
export function readRange(metadata: ReadonlyMap<string, string>, path: string): InputRange | undefined {
  return readRecord(key, z.tuple([z.number(), z.number()]), metadata, path);
}

/** An element of a sample that lies outside the range. */
interface Outlier {
  readonly input: string;
  readonly sample: number;
  readonly element: number;
}

/** The first outlier of every sample that has one. */
export function* outliersOf(feeds: Tensors, samples: number, [low, high]: InputRange): Generator<Outlier> {
  for (const [input, tensor] of Object.entries(feeds)) {
    if (!tensor.is('float32')) continue;
    const rows = tensor.dims[0] ?? 1;
    const width = tensor.size / rows;
    for (let sample = 0; sample < samples; sample++) {
      const values = tensor.data.subarray(sample * width, (sample + 1) * width);
      const element = values.find((value) => !(value >= low && value <= high));
      if (element !== undefined) yield { input, sample, element };
    }
  }
}

/** Calibration data of which every sample must lie within the range: what is proved for the range says nothing of others. */
export function requireWithin(samples: Calibration, range: InputRange): Calibration {
  return {
    ...samples,
    async *batches(batchSize, options): AsyncGenerator<Batch> {
      let start = 0;
      for await (const batch of samples.batches(batchSize, options)) {
        for (const { input, sample, element } of outliersOf(batch.feeds, batch.samples, range)) {
          const what = `sample ${start + sample} of input '${input}' has an element ${element} outside ${range.join(' to ')}`;
          throw invalid('SWC3108', 'calibration data', what, 'give an --input-range that holds for all inputs');
        }
        start += batch.samples;
        yield batch;
      }
    },
  };
}

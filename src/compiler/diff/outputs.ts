import type { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import { element } from '../../runtime/compare.js';
import { openRuntime } from '../../runtime/session.js';
import type { Tensors } from '../../runtime/types.js';
import { SwancError, throwIfAborted } from '../../support/errors.js';
import type { CommonOptions, DataOptions } from '../options.js';
import { commonInputs, fixedBatchOfInputs, loadModel, type NamedModel, samplesFor } from '../samples/model-inputs.js';
import type { Pair } from './structure.js';

/** How far the outputs of two models are apart. */
export type OutputDifference =
  | { readonly kind: 'not run'; readonly reason: string }
  | {
      readonly kind: 'run';
      readonly samples: number;
      readonly randomInputs: boolean;
      readonly outputs: readonly OneOutput[];
    };

/** An output that both models have. */
export interface OneOutput {
  readonly name: string;
  /** Largest absolute difference; null where it is infinite, or the shapes differ. */
  readonly maxDifference: number | null;
  /** Root mean square of the change in parts of that of the first; null where that is zero, or infinite. */
  readonly relativeChange: number | null;
  /** Samples for which the greatest element is the same; null for outputs that are no scores of classes. */
  readonly sameClass: number | null;
}

type RunOptions = Pick<CommonOptions, 'signal' | 'onProgress'> & DataOptions;

const mostSamples = 256;
const randomCount = 32;
const usualBatch = 16;

/** Runs both models on the same samples; where they cannot be, the reason is in the result. */
export async function outputDifferences(
  models: Pair<{ readonly path: string; readonly bytes: Uint8Array }>,
  options: RunOptions,
): Promise<OutputDifference> {
  const { calibration, signal, onProgress } = options;
  const runtime = await openRuntime();
  const loaded: NamedModel[] = [];
  try {
    for (const { path, bytes } of models) loaded.push(await loadModel(path, bytes, runtime, 1));
    const specs = commonInputs(loaded);
    const batch = fixedBatchOfInputs(specs) ?? usualBatch;
    const limit = options.samples ?? (calibration === undefined ? randomCount : mostSamples);
    const data = await samplesFor(specs, options, limit);
    const sums = new Map<string, Sums>();
    let samples = 0;
    const total = Math.min(limit, data.count);
    for await (const own of data.batches(batch, { limit, pad: true, signal })) {
      const [before = {}, after = {}] = [await run(loaded[0], own.feeds), await run(loaded[1], own.feeds)];
      addOutputs(sums, before, after, own.samples);
      throwIfAborted(signal);
      samples += own.samples;
      onProgress?.({ stage: 'verify', done: samples, total });
    }
    const outputs = [...sums].map(([name, own]) => resultOf(name, own));
    return { kind: 'run', samples, randomInputs: calibration === undefined, outputs };
  } catch (error) {
    // The files are compared all the same; what is wrong with the data is the user's to mend.
    const isOfModels = error instanceof SwancError && ofModels.has(error.code);
    if (!isOfModels) throw error;
    return {
      kind: 'not run',
      reason: [error.summary, ...error.problems.map(({ where, what }) => `${where}: ${what}`)].join('; '),
    };
  } finally {
    for (const { session } of loaded) await session.close();
  }
}

const ofModels: ReadonlySet<string> = new Set(['SWC3402', 'SWC3011', 'SWC3010']);

function run(model: NamedModel | undefined, feeds: Tensors): Promise<Tensors> | undefined {
  return model?.session.run(feeds);
}

interface Sums {
  most: number;
  squares: number;
  base: number;
  same: number;
  isClasses: boolean;
}

function addOutputs(sums: Map<string, Sums>, before: Tensors, after: Tensors, samples: number): void {
  for (const [name, left] of Object.entries(before)) {
    const right = Object.hasOwn(after, name) ? after[name] : undefined;
    if (right === undefined) continue;
    const own = sums.get(name) ?? { most: 0, squares: 0, base: 0, same: 0, isClasses: true };
    sums.set(name, own);
    if (left.dims.join() !== right.dims.join()) {
      own.most = Number.POSITIVE_INFINITY;
      own.isClasses = false;
    } else addOutput(own, left, right, samples);
  }
}

/** Rows beyond `samples` are padding. */
function addOutput(sums: Sums, left: Tensor, right: Tensor, samples: number): void {
  const [, classes = 0, ...more] = left.dims;
  const width = sizeOf(left.dims.slice(1));
  sums.isClasses &&= left.dims.length === 2 && classes > 1 && more.length === 0;
  const rows = left.dims.length === 0 ? 1 : Math.min(samples, left.dims[0] ?? 0);
  for (let row = 0; row < rows; row++) {
    let [bestLeft, bestRight] = [0, 0];
    for (let column = 0; column < width; column++) {
      const index = row * width + column;
      const [one, other] = [element(left, index), element(right, index)];
      if (one > element(left, row * width + bestLeft)) bestLeft = column;
      if (other > element(right, row * width + bestRight)) bestRight = column;
      sums.base += one * one;
      if (one === other || Object.is(one, other)) continue;
      const difference = Math.abs(one - other);
      sums.most = Math.max(sums.most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      sums.squares += difference * difference;
    }
    if (bestLeft === bestRight) sums.same++;
  }
}

function resultOf(name: string, { most, squares, base, same, isClasses }: Sums): OneOutput {
  const relative = squares === 0 && most === 0 ? 0 : Math.sqrt(squares / base);
  return {
    name,
    maxDifference: Number.isFinite(most) ? most : null,
    relativeChange: Number.isFinite(relative) && Number.isFinite(most) ? relative : null,
    sameClass: isClasses ? same : null,
  };
}

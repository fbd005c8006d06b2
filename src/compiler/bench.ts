import type { InputSpec } from '../data/types.js';
import { openRuntime } from '../runtime/session.js';
import type { Tensors } from '../runtime/types.js';
import { at } from '../support/assert.js';
import { problem, SwancError } from '../support/errors.js';
import { seededRandom } from '../support/random.js';
import { readRunnable } from './files/compiled-file.js';
import { compiledFiles } from './files/compiled-files.js';
import { mean, median, quantile, timeRounds } from './measure.js';
import type { CommonOptions, DataOptions } from './options.js';
import { commonInputs, fixedBatchOfInputs, loadModel, type NamedModel, samplesFor } from './samples/model-inputs.js';
import { largestBatch, timedRuns } from './samples/timed-samples.js';

/** What is timed, on what, and for how long. */
export interface BenchOptions extends Pick<CommonOptions, 'signal' | 'onProgress'>, DataOptions {
  /** Paths of .onnx or .ort files, whoever made them, or of folders that were compiled to, of which all models are taken. */
  readonly models: readonly string[];
  /** Samples to run on; seeded random ones by default, on which gates behave otherwise than on data. */
  readonly calibration?: DataOptions['calibration'];
  /** Samples of a run; by default as many as the models take, 1 where they leave that open. */
  readonly batch?: number | undefined;
  /** Threads within an operator; 1 by default. */
  readonly threads?: number | undefined;
  /** Runs of each model, instead of a time. */
  readonly runs?: number | undefined;
  /** For about how many seconds to measure, all models together; 3 for each by default. */
  readonly seconds?: number | undefined;
}

/** Latencies of a model, in microseconds of a run. */
export interface Latencies {
  readonly mean: number;
  readonly min: number;
  readonly p5: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** How many times as fast one model is as another, round by round. */
export interface SpeedUp {
  /** The median. */
  readonly ratio: number;
  /** What it lies between with 95 % confidence, however times are distributed; null where there are too few runs to tell. */
  readonly low: number | null;
  readonly high: number | null;
}

/** One of the models, and how it did. */
export interface BenchedModel {
  readonly path: string;
  /** Of what is loaded, weights included. */
  readonly bytes: number;
  readonly microseconds: Latencies;
  /** Against the first model; null for that itself. */
  readonly speedUp: SpeedUp | null;
}

/** The times of all models, and what they were measured with. */
export interface BenchResult {
  /** Name and version of the engine. */
  readonly runtime: string;
  readonly threads: number;
  readonly batch: number;
  /** True where there were no data. */
  readonly randomInputs: boolean;
  /** Different runs that were gone round. */
  readonly inputs: number;
  /** Runs of each model that were timed. */
  readonly runs: number;
  readonly models: readonly BenchedModel[];
}

const usualSeconds = 3;
/** More tell nothing more and their order of runs takes memory. */
const mostModels = 64;
const mostThreads = 256;
/** Different random runs. */
const randomRuns = 8;

/**
 * Measures models side by side in ONNX Runtime: in every round each runs once on the same samples, in random order, after a
 * warm-up.
 * @throws SwancError `usage`, or `invalid` where a file cannot be run, or the models do not take the same inputs.
 */
export async function bench(options: BenchOptions): Promise<BenchResult> {
  checkOptions(options);
  const { signal, onProgress, threads = 1 } = options;
  const files: string[] = [];
  for (const path of options.models) files.push(...(await compiledFiles(path)));
  if (files.length > mostModels) {
    throw usage('models', `${files.length} files are more than ${mostModels}`, 'name fewer');
  }
  const runtime = await openRuntime();
  const models: (NamedModel & { readonly bytes: number })[] = [];
  try {
    onProgress?.({ stage: 'import' });
    for (const path of files) {
      const bytes = readRunnable(path);
      models.push({ ...(await loadModel(path, bytes, runtime, threads)), bytes: bytes.length });
    }
    const specs = commonInputs(models);
    const batch = batchOf(options.batch, specs);
    const runs = await runsOf(specs, batch, options);
    const times = await timeRounds(
      models.map(({ session }) => session),
      runs,
      {
        signal,
        rounds: options.runs,
        milliseconds: 1000 * (options.seconds ?? usualSeconds * models.length),
        random: seededRandom(models.length),
        onRound: (part) => onProgress?.({ stage: 'measure', done: Math.floor(100 * part), total: 100 }),
      },
    );
    const base = at(times, 0);
    return {
      runtime: `${runtime.name} ${runtime.version}`,
      threads,
      batch,
      randomInputs: options.calibration === undefined,
      inputs: runs.length,
      runs: base.length,
      models: models.map(({ path, bytes }, index) => {
        const own = at(times, index);
        return { path, bytes, microseconds: latenciesOf(own), speedUp: index === 0 ? null : speedUpOf(own, base) };
      }),
    };
  } finally {
    for (const { session } of models) await session.close();
  }
}

function checkOptions({ models, runs, seconds, batch, threads, samples, calibration }: BenchOptions): void {
  const problems = [
    ...(models.length === 0 ? [problem('models', 'there is none', 'name an .onnx file')] : []),
    ...models
      .filter((path) => path.endsWith('.json'))
      .map((path) => problem(path, 'this is no .onnx file', 'compile it first, with "swanc compile"')),
    ...(runs !== undefined && seconds !== undefined
      ? [problem('runs', 'it excludes seconds', 'give one of them')]
      : []),
    ...(samples !== undefined && calibration === undefined
      ? [problem('samples', 'it belongs to calibration data', 'give --calibration')]
      : []),
    ...[...Object.entries({ runs, batch, threads, samples })].flatMap(([name, value]) =>
      value === undefined || (Number.isSafeInteger(value) && value > 0)
        ? []
        : [problem(name, `${value} is no whole number from 1`)],
    ),
    ...(batch !== undefined && batch > largestBatch ? [problem('batch', `${batch} is more than ${largestBatch}`)] : []),
    ...(threads !== undefined && threads > mostThreads
      ? [problem('threads', `${threads} are more than ${mostThreads}`)]
      : []),
    ...(seconds === undefined || (seconds > 0 && Number.isFinite(seconds))
      ? []
      : [problem('seconds', `${seconds} is no number above 0`)]),
  ];
  if (problems.length > 0) throw new SwancError('SWC2002', 'these options do not fit', problems);
}

function usage(where: string, what: string, advice: string): SwancError {
  return new SwancError('SWC2002', 'these options do not fit', [problem(where, what, advice)]);
}

function batchOf(wanted: number | undefined, specs: readonly InputSpec[]): number {
  const fixed = fixedBatchOfInputs(specs);
  if (wanted !== undefined && fixed !== undefined && wanted !== fixed) {
    throw usage('batch', `runs of ${wanted} samples are asked for, but a model takes ${fixed}`, 'leave out --batch');
  }
  return wanted ?? fixed ?? 1;
}

async function runsOf(specs: readonly InputSpec[], batch: number, options: BenchOptions): Promise<readonly Tensors[]> {
  // A model without inputs gives the same at every run.
  if (specs.length === 0) return [{}];
  const data = await samplesFor(specs, options, randomRuns * batch);
  const runs = await timedRuns(data, batch, { samples: options.samples, signal: options.signal });
  if (runs.length > 0) return runs;
  throw usage(
    'batch',
    `runs of ${batch} samples cannot be made of the data`,
    'give more samples, or a smaller --batch',
  );
}

function latenciesOf(times: readonly number[]): Latencies {
  return {
    mean: mean(times),
    min: times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
    p5: quantile(times, 0.05),
    p50: median(times),
    p90: quantile(times, 0.9),
    p99: quantile(times, 0.99),
  };
}

/** Standard deviations that 95 % of a normal distribution lie within. */
const normal95 = 1.96;

/**
 * The median of how many times as fast runs were as those of the base in the same round, between order statistics that
 * enclose it with 95 % confidence (those of the sign test: the number of ratios below the median is binomial with 1/2).
 */
export function speedUpOf(own: readonly number[], base: readonly number[]): SpeedUp {
  const ratios = own.map((time, index) => at(base, index) / time).sort((left, right) => left - right);
  const reach = (normal95 * Math.sqrt(ratios.length)) / 2;
  const low = Math.floor(ratios.length / 2 - reach) - 1;
  const high = Math.ceil(ratios.length / 2 + reach);
  return {
    ratio: median(ratios),
    low: ratios[low] ?? null,
    high: ratios[high] ?? null,
  };
}

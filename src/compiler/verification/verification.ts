import type { Batch, Calibration } from '../../data/types.js';
import type { Graph } from '../../ir/graph.js';
import { takeAlongAxis } from '../../ir/slices.js';
import { Tensor } from '../../ir/tensor.js';
import type { GateOutput, RemovedUnits } from '../../passkit/pass.js';
import { Comparator, type Comparison } from '../../runtime/compare.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { at } from '../../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../../support/errors.js';
import { withGateOutputs } from '../gates/gate-outputs.js';
import { GateScores } from '../gates/gate-scores.js';
import { type GateState, gateStates, outsideSamples, type ScoredBatch } from '../gates/gate-states.js';
import type { SourceWithOriginal } from '../model/source.js';
import type { RoundingSpread } from '../precision/rounding-spread.js';
import { type InputRange, outliersOf } from '../samples/input-range.js';
import { batchSizeFor, makeSamples } from '../samples/samples.js';
import { fixedBatchOf } from '../samples/timed-samples.js';
import { runInPieces } from './in-pieces.js';

/** What the compiled model is compared with. */
export type ReferenceKind = 'tfjs-node' | 'tfjs-wasm' | 'tfjs-cpu' | 'onnxruntime';

/** The outputs of the original for the samples of a verification, and how clear its gates' decisions are. */
export interface Reference {
  readonly kind: ReferenceKind;
  /** Why TensorFlow.js did not run a model of its own; undefined where it did. */
  readonly without: string | undefined;
  /** What ran the original where this is another graph, from which a budget let something go. */
  readonly original?: ReferenceKind;
  readonly samples: number;
  /** Samples in the calibration data; undefined if the samples are random because there was no data. */
  readonly available: number | undefined;
  readonly batches: readonly ReferenceBatch[];
  /**
   * The same by the plain backend of tfjs, where the fast one gave this: its kernels are wrong for some layers, so what
   * differs from them alone is no failure.
   */
  readonly plain?: () => Promise<Reference>;
}

interface ReferenceBatch extends GateState {
  readonly feeds: Tensors;
  /** Class numbers, where the data have them. */
  readonly labels?: Tensor<'int64'> | undefined;
  readonly expected: Tensors;
  readonly samples: number;
}

/** Samples compared unless told otherwise; of random ones, which do not tell much of gates, fewer do. */
const defaultSamples = 64;
const defaultRandomSamples = 32;
const seed = 20_260_101;

/** How far rounding may move a score, in parts of the largest score of its gate (of 1, if that is less). */
const scoreRounding = 2e-5;

export interface ReferenceOptions {
  readonly source: SourceWithOriginal;
  readonly data: Calibration | undefined;
  /** Most samples to compare; 64 if not given, 32 if they are random. */
  readonly samples?: number | undefined;
  /** The first so many samples are the data; all if not given. */
  readonly limit?: number | undefined;
  /** Samples of every run, where a compiled model takes just so many. */
  readonly batch?: number | undefined;
  /** What random samples lie within. */
  readonly inputRange?: InputRange | undefined;
  readonly runtime: Runtime;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs the original: in tfjs where it is installed and reads the model, else as the unoptimised graph. Samples are taken
 * evenly from all of the data: they may be sorted by class.
 */
export async function runReference(options: ReferenceOptions): Promise<Reference> {
  const { source, data, runtime, signal } = options;
  const wanted = options.samples ?? (data === undefined ? defaultRandomSamples : defaultSamples);
  const samples = data ?? makeSamples(source, seed, wanted, options.inputRange);
  const scores = await GateScores.open(source.prepared.graph, runtime);
  const drawn: ScoredBatch[] = [];
  try {
    for await (const batch of spread(samples, wanted, options)) {
      throwIfAborted(signal);
      const { feeds, labels } = batch;
      const found = await guarded('onnxruntime', data === undefined, () => scores.run(feeds));
      drawn.push({ feeds, labels, samples: batch.samples, ...found });
    }
  } finally {
    await scores.close();
  }
  const states = gateStates(drawn);
  const batches = drawn.map(({ feeds, labels, samples: rows }, index) => {
    return { feeds, labels, samples: rows, ...at(states, index) };
  });
  const rest = {
    samples: drawn.reduce((sum, batch) => sum + batch.samples, 0),
    available: data && countOf(data, options),
  };
  const run = async (backend?: 'cpu'): Promise<Reference> => ({
    ...rest,
    ...(await runOriginal(options, batches, backend)),
  });
  const first = await run().catch((error: unknown) => {
    if (error instanceof EngineError && error.engine === 'tfjs-wasm') return run('cpu');
    throw error;
  });
  return first.kind === 'tfjs-wasm' ? { ...first, plain: () => run('cpu') } : first;
}

/**
 * The same samples with what `graph`, run as it stands, gives for them, and how clear its gates' decisions are: for what
 * follows on a step that changes results.
 */
export async function rebased(reference: Reference, graph: Graph, runtime: Runtime): Promise<Reference> {
  const scores = await GateScores.open(graph, runtime);
  const session = await runtime.load(graph, { optimize: 'none' });
  try {
    const scored: ScoredBatch[] = [];
    for (const { feeds, samples } of reference.batches) scored.push({ feeds, samples, ...(await scores.run(feeds)) });
    const states = gateStates(scored);
    const batches: ReferenceBatch[] = [];
    for (const [index, { feeds, samples }] of reference.batches.entries()) {
      batches.push({ feeds, samples, expected: await session.run(feeds), ...at(states, index) });
    }
    const { samples, available, kind } = reference;
    return { kind: 'onnxruntime', without: undefined, original: kind, samples, available, batches };
  } finally {
    await session.close();
    await scores.close();
  }
}

/** What the original gives for each batch, in the fastest backend of tfjs or in `backend`. */
async function runOriginal(
  options: ReferenceOptions,
  batches: readonly Omit<ReferenceBatch, 'expected'>[],
  backend?: 'cpu',
): Promise<Pick<Reference, 'kind' | 'without' | 'batches'>> {
  const run = await openReference(options, backend);
  const isRandom = options.data === undefined;
  try {
    const expected: ReferenceBatch[] = [];
    for (const batch of batches) {
      throwIfAborted(options.signal);
      expected.push({ ...batch, expected: await guarded(run.kind, isRandom, () => run.predict(batch.feeds)) });
    }
    return { kind: run.kind, without: run.without, batches: expected };
  } finally {
    await run.close();
  }
}

/** A model that its own engine cannot run on these samples: no defect of swanc. */
class EngineError extends SwancError {
  override readonly name = 'EngineError';
  readonly engine: ReferenceKind;

  constructor(engine: ReferenceKind, isRandom: boolean, what: string, cause: unknown) {
    const advice = isRandom
      ? 'random inputs may not suit the model: give samples with --calibration, or leave the comparison out with --no-verify'
      : 'check the data; what the original refuses anyway can be compiled without verification';
    super('SWC3033', 'the original cannot be run', [problem('the original', what, advice)], { cause });
    this.engine = engine;
  }
}

/** Runs part of the original; what its engine throws comes out as an {@link EngineError}. */
export async function guarded<T>(engine: ReferenceKind, isRandom: boolean, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof SwancError) throw error;
    const what = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new EngineError(engine, isRandom, what, error);
  }
}

function countOf({ count }: Calibration, { limit = count }: ReferenceOptions): number {
  return Math.min(count, limit);
}

/** About `wanted` samples, evenly from all of the data. Where the batch is fixed, batches are whole. */
async function* spread(source: Calibration, wanted: number, options: ReferenceOptions): AsyncGenerator<Batch> {
  const { source: model, batch: fixed, signal } = options;
  const limit = countOf(source, options);
  const isFixed = (fixed ?? fixedBatchOf(model.prepared.graph)) !== undefined;
  const step = Math.max(1, limit / wanted);
  let start = 0;
  let next = 0;
  for await (const batch of source.batches(fixed ?? batchSizeFor(model), { pad: isFixed, signal, limit })) {
    const rows: number[] = [];
    for (; next < start + batch.samples; next += step) rows.push(Math.floor(next) - start);
    start += batch.samples;
    if (rows.length === 0) continue;
    if (isFixed || rows.length === batch.samples) yield batch;
    else {
      const feeds = mapTensors(batch.feeds, (tensor) => takeAlongAxis(tensor, 0, rows));
      const labels = batch.labels === undefined ? {} : { labels: takeAlongAxis(batch.labels, 0, rows) };
      yield { samples: rows.length, feeds, ...labels };
    }
  }
}

function mapTensors(tensors: Tensors, change: (tensor: Tensor) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor)]));
}

interface Predictor {
  readonly kind: ReferenceKind;
  readonly without?: string;
  predict(feeds: Tensors): Promise<Tensors>;
  close(): Promise<void>;
}

/**
 * tfjs where it runs the model, and rightly, else the unoptimised graph, which also stands in for what tfjs keeps to
 * itself: states.
 */
async function openReference({ source, runtime }: ReferenceOptions, backend?: 'cpu'): Promise<Predictor> {
  const opened = source.format === 'tfjs-layers' ? await openTfjs(source, backend) : undefined;
  const tfjs = typeof opened === 'string' ? undefined : opened;
  if (tfjs !== undefined && source.states.length === 0) return tfjs;
  const session = await runtime.load(source.original, { optimize: 'none' });
  return {
    kind: tfjs?.kind ?? 'onnxruntime',
    ...(typeof opened === 'string' ? { without: opened } : {}),
    predict: async (feeds) => ({ ...(await session.run(feeds)), ...(await tfjs?.predict(feeds)) }),
    close: async () => {
      await session.close();
      await tfjs?.close();
    },
  };
}

/** The model in tfjs, or why it cannot be the reference. It is an optional peer, and cannot load all that it saves. */
async function openTfjs({ path, original, departures }: SourceWithOriginal, only?: 'cpu'): Promise<Predictor | string> {
  if (departures.length > 0) return `it is wrong in ${departures.map(({ where }) => `'${where}'`).join(', ')}`;
  const reference = await import('../../tfjs/reference.js').catch(() => undefined);
  if (reference === undefined) return 'it is not installed';
  const { backend } = await reference.loadTfjs(only);
  const model = await reference.openModel(path).catch((error: unknown) => {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return `it cannot load the model: ${reason}`;
  });
  if (typeof model === 'string') return model;
  const outputs = original.outputs.map(({ name }) => name);
  return {
    kind: backend === 'tensorflow' ? 'tfjs-node' : `tfjs-${backend}`,
    predict: async (feeds) => {
      const inputs = Object.entries(feeds).map(([name, tensor]) => ({
        name,
        dims: tensor.dims,
        data: numbersOf(tensor),
      }));
      const results = await model.predict(inputs);
      // Outputs come in the model's order, which is the graph's; two of one layer have one name in tfjs.
      return Object.fromEntries(results.map((result, index) => [at(outputs, index), tensorOf(result)]));
    },
    close: async () => model.close(),
  };
}

type TfjsData = Float32Array | Int32Array | Uint8Array;

/** Inputs of imported tfjs models are float32, int32 or bool. */
function numbersOf(tensor: Tensor): TfjsData {
  const { data } = tensor;
  if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array) return data;
  throw new Error(`internal error: tfjs has no ${tensor.type} inputs`);
}

function tensorOf({ dims, data }: { dims: readonly number[]; data: TfjsData }): Tensor {
  if (data instanceof Float32Array) return new Tensor('float32', dims, data);
  return data instanceof Int32Array ? new Tensor('int32', dims, data) : new Tensor('bool', dims, data);
}

/** What a compiled model rests on besides the original. */
export interface Assumptions {
  readonly removed: readonly RemovedUnits[];
  /** What it was compiled for: samples outside are none that it promises anything of. */
  readonly inputRange?: InputRange | undefined;
  /** What it gives besides the outputs of the original: compared with what the original's gates decide. */
  readonly gateOutputs?: readonly GateOutput[];
  /** Numbers of samples that it is also run on at a time: those that its branches are for. */
  readonly pieces?: readonly number[];
  /** What its rounding comes to, batch by batch of the reference, if it computes in less than float32. */
  readonly rounding?: RoundingSpread | undefined;
}

/**
 * Compares a compiled model with the reference. Samples in which a unit acts otherwise than was observed (one that was
 * removed as never firing fires, one whose gate was removed as always on does not) are counted apart, and so are samples
 * outside the range of the inputs.
 */
export async function compareWith(
  reference: Reference,
  session: Session,
  assumptions: Assumptions,
  signal?: AbortSignal,
): Promise<Compared> {
  let comparison = await compareRuns(reference, session, assumptions, undefined, signal);
  for (const size of assumptions.pieces ?? []) {
    if (!comparison.passed) break;
    const other = await compareRuns(reference, session, assumptions, size, signal);
    if (!other.passed || other.maxDifference > comparison.maxDifference) comparison = other;
  }
  if (comparison.verdict !== 'different' || reference.plain === undefined) return { comparison, reference };
  return compareWith(await reference.plain(), session, assumptions, signal);
}

/** Runs all samples, in the reference's batches or in smaller ones of `size` where the model can be run so. */
async function compareRuns(
  reference: Reference,
  session: Session,
  { removed, inputRange, gateOutputs, rounding }: Assumptions,
  size: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  const comparator = new Comparator({ marginBound: 1 });
  for (const [index, { feeds, expected: outputs, firing, samples, ...batch }] of reference.batches.entries()) {
    throwIfAborted(signal);
    const { allowances, margins: own } = rounding?.[index] ?? {};
    const margins = Float64Array.from(batch.margins, (margin, sample) =>
      Math.min(margin / scoreRounding, own?.[sample] ?? Number.POSITIVE_INFINITY),
    );
    const expected = withGateOutputs(outputs, gateOutputs ?? [], firing);
    const outside = outsideSamples(firing, samples, removed);
    if (inputRange !== undefined) {
      for (const { sample } of outliersOf(feeds, samples, inputRange)) outside[sample] = 1;
    }
    const pieces = size === undefined ? undefined : await runInPieces(session, feeds, expected, size);
    const actual = pieces ?? (await session.run(feeds));
    comparator.add({
      expected,
      actual,
      samples,
      outside,
      allowances,
      ...(firing.size > 0 || own !== undefined ? { margins } : {}),
    });
  }
  return comparator.result();
}

/** A comparison, and what it was with in the end. */
export interface Compared {
  readonly comparison: Comparison;
  readonly reference: Reference;
}

/** Throws the `verification` error if the comparison failed, saying where, and SWC3106 if it could tell nothing. */
export function requireEqual({ comparison }: Compared, what: string): void {
  if (comparison.passed && comparison.finite === 0) {
    throw new SwancError('SWC3106', `${what} cannot be compared`, [
      problem(
        'the original',
        `in none of ${comparison.clear} comparable samples is any of its outputs a finite number`,
        'give samples that suit the model with --calibration, or leave the comparison out with --no-verify',
      ),
    ]);
  }
  if (comparison.passed) return;
  if (comparison.verdict === 'incomparable') {
    throw new SwancError('SWC4002', `${what} could not be verified`, [
      problem(
        'samples',
        `none of ${comparison.samples} could be compared: ${comparison.boundary} have a score within ` +
          `rounding of a threshold or of another mode's, in ${comparison.outsideProfile} units act otherwise than observed, ` +
          'or inputs leave their range',
        comparison.boundary > 0 && comparison.outsideProfile === 0
          ? 'scores that lie on their thresholds decide by rounding: train on, or change the threshold'
          : 'give more calibration data',
      ),
    ]);
  }
  const { failures } = comparison;
  // What no number takes part in is none itself: a unit that is off, and was removed, no longer does.
  if (failures.length > 0 && failures.every(({ expected }) => Number.isNaN(expected))) {
    throw new SwancError(
      'SWC3106',
      `${what} cannot be compared: the original computes what is no number`,
      failures.map(({ sample, output, index }) =>
        problem(`sample ${sample}`, `output '${output}' element ${index} of the original is NaN`),
      ),
    );
  }
  throw new SwancError(
    'SWC4001',
    `${what} differs from the original in ${comparison.failed} of ${comparison.clear} comparable samples`,
    failures.map(({ sample, output, index, expected, actual }) =>
      problem(`sample ${sample}`, `output '${output}' element ${index} is ${actual}, expected ${expected}`),
    ),
  );
}

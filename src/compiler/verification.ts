import type { Batch, Calibration } from '../data/types.js';
import type { Graph } from '../ir/graph.js';
import { Tensor, takeAlongAxis } from '../ir/tensor.js';
import { isStatic } from '../ir/types.js';
import type { Gate } from '../passkit/gates.js';
import type { RemovedUnits } from '../passkit/pass.js';
import { Comparator, type Comparison } from '../runtime/compare.js';
import type { Runtime, Session, Tensors } from '../runtime/types.js';
import { at, defined } from '../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../support/errors.js';
import { GateScores } from './gate-scores.js';
import { batchSizeFor, makeSamples } from './samples.js';
import type { SourceWithOriginal } from './source.js';

/** What the compiled model is compared with. */
export type ReferenceKind = 'tfjs-node' | 'tfjs-wasm' | 'tfjs-cpu' | 'onnxruntime';

/** The outputs of the original for the samples of a verification, and how clear its gates' decisions are. */
export interface Reference {
  readonly kind: ReferenceKind;
  /** Why TensorFlow.js did not run a model of its own; undefined where it did. */
  readonly without: string | undefined;
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
  const samples = data ?? makeSamples(source, seed, wanted);
  const scores = await GateScores.open(source.prepared.graph, runtime);
  const drawn: ScoredBatch[] = [];
  try {
    for await (const batch of spread(samples, wanted, batchSizeFor(source), signal)) {
      throwIfAborted(signal);
      const { feeds } = batch;
      const found = await guarded('onnxruntime', data === undefined, () => scores.run(feeds));
      drawn.push({ feeds, samples: batch.samples, scores: found });
    }
  } finally {
    await scores.close();
  }
  const states = gateStates(drawn);
  const batches = drawn.map(({ feeds, samples: rows }, index) => ({ feeds, samples: rows, ...at(states, index) }));
  const rest = { samples: drawn.reduce((sum, batch) => sum + batch.samples, 0), available: data?.count };
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
    super('invalid', 'the original cannot be run', [problem('the original', what, advice)], { cause });
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

/** About `wanted` samples, evenly from all of the data. A model with a fixed batch gets its batches whole. */
async function* spread(
  source: Calibration,
  wanted: number,
  batchSize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Batch> {
  const step = Math.max(1, source.count / wanted);
  let start = 0;
  let next = 0;
  for await (const batch of source.batches(batchSize, { signal })) {
    const rows: number[] = [];
    for (; next < start + batch.samples; next += step) rows.push(Math.floor(next) - start);
    start += batch.samples;
    const isPadded = Object.values(batch.feeds).some((tensor) => tensor.dims[0] !== batch.samples);
    if (rows.length === 0) continue;
    if (isPadded || rows.length === batch.samples) yield batch;
    else yield { samples: rows.length, feeds: mapTensors(batch.feeds, (tensor) => takeAlongAxis(tensor, 0, rows)) };
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
  const reference = await import('../tfjs/reference.js').catch(() => undefined);
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

/** What the gates decide for the samples of a batch. */
interface GateState {
  /** For each sample the smallest distance of any gate's score from its threshold, in parts of that gate's scale. */
  readonly margins: Float32Array;
  /** Which units fire, by gate: a byte for each [sample, unit], 1 if it fires anywhere in the sample. */
  readonly firing: ReadonlyMap<string, { readonly units: number; readonly fires: Uint8Array }>;
}

interface ScoredBatch {
  readonly feeds: Tensors;
  readonly samples: number;
  readonly scores: ReadonlyMap<Gate, Tensor>;
}

/** The gates' decisions in every batch. */
function gateStates(batches: readonly ScoredBatch[]): GateState[] {
  const facts = new Map(
    [...(batches[0]?.scores.keys() ?? [])].map((gate) => [
      gate,
      scoreFacts(
        batches.flatMap(({ scores }) => scores.get(gate) ?? []),
        gate.units,
      ),
    ]),
  );
  return batches.map(({ feeds, samples, scores }) => {
    const margins = new Float32Array(samples).fill(Number.POSITIVE_INFINITY);
    const firing = new Map<string, { units: number; fires: Uint8Array }>();
    for (const [gate, rows] of scores) {
      const { scale, isConstant } = defined(facts.get(gate), gate.name);
      const values = rows.floats();
      // A model with a fixed batch gets padded ones: what is beyond `samples` is no data.
      const perSample = values.length / rowsOf(feeds);
      const fires = new Uint8Array(samples * gate.units);
      for (const [index, score] of values.subarray(0, samples * perSample).entries()) {
        const sample = Math.floor(index / perSample);
        const unit = index % gate.units;
        const margin = Math.abs(score - gate.threshold) / scale;
        if (at(isConstant, unit) === 0) margins[sample] = Math.min(at(margins, sample), margin);
        if (score >= gate.threshold) fires[sample * gate.units + unit] = 1;
      }
      firing.set(gate.name, { units: gate.units, fires });
    }
    return { margins, firing };
  });
}

/**
 * The size of a gate's scores, and which units have the same score, to the bit, in every event: theirs come from weights
 * that are zero, so that every engine computes just them, and a threshold that they lie on is no boundary.
 */
function scoreFacts(batches: readonly Tensor[], units: number): { scale: number; isConstant: Uint8Array } {
  const first = batches[0]?.floats() ?? new Float32Array();
  const events = batches.reduce((sum, rows) => sum + rows.size, 0) / units;
  const isConstant = new Uint8Array(units).fill(events > 1 ? 1 : 0);
  let scale = 1;
  for (const rows of batches) {
    for (const [index, score] of rows.floats().entries()) {
      scale = Math.max(scale, Math.abs(score));
      if (score !== first[index % units]) isConstant[index % units] = 0;
    }
  }
  return { scale, isConstant };
}

/**
 * Compares a compiled model with the reference. Samples in which a unit acts otherwise than its removal supposes (one
 * that was removed as never firing fires, one whose gate was removed as always on does not) are counted apart.
 */
export async function compareWith(
  reference: Reference,
  session: Session,
  removed: readonly RemovedUnits[],
  signal?: AbortSignal,
): Promise<Compared> {
  const comparator = new Comparator({ marginBound: scoreRounding });
  for (const { feeds, expected, margins, firing, samples } of reference.batches) {
    throwIfAborted(signal);
    const outside = outsideSamples(firing, samples, removed);
    const actual = await session.run(feeds);
    comparator.add({ expected, actual, samples, outside, ...(firing.size > 0 ? { margins } : {}) });
  }
  const comparison = comparator.result();
  if (comparison.verdict !== 'different' || reference.plain === undefined) return { comparison, reference };
  return compareWith(await reference.plain(), session, removed, signal);
}

/** A comparison, and what it was with in the end. */
export interface Compared {
  readonly comparison: Comparison;
  readonly reference: Reference;
}

/** 1 for the samples in which some unit acts otherwise than its removal supposes. */
function outsideSamples(firing: GateState['firing'], samples: number, removed: readonly RemovedUnits[]): Uint8Array {
  const outside = new Uint8Array(samples);
  for (const entry of removed) {
    const state = firing.get(entry.gate);
    if (state === undefined) continue;
    for (let sample = 0; sample < samples; sample++) {
      const fires = (unit: number): boolean => state.fires[sample * state.units + unit] === 1;
      if (entry.units.some((unit) => fires(unit) !== supposed(entry, fires))) outside[sample] = 1;
    }
  }
  return outside;
}

/** Whether the units of a removal are supposed to fire in a sample. */
function supposed({ reason, leader }: RemovedUnits, fires: (unit: number) => boolean): boolean {
  return reason === 'with' ? fires(defined(leader, 'the leader of merged units')) : reason === 'on';
}

/** Rows of a batch, padding included. */
function rowsOf(feeds: Tensors): number {
  return Object.values(feeds)[0]?.dims[0] ?? 1;
}

/** Throws the `verification` error if the comparison failed, saying where. */
export function requireEqual({ comparison }: Compared, what: string): void {
  if (comparison.passed) return;
  if (comparison.verdict === 'incomparable') {
    throw new SwancError('verification', `${what} could not be verified`, [
      problem(
        'samples',
        `none of ${comparison.samples} could be compared: ${comparison.boundary} have a score within rounding of a ` +
          `threshold, ${comparison.outsideProfile} fire units that the profile never saw fire`,
        comparison.boundary > 0 && comparison.outsideProfile === 0
          ? 'scores that lie on their thresholds decide by rounding: train on, or change the threshold'
          : 'give more calibration data',
      ),
    ]);
  }
  throw new SwancError(
    'verification',
    `${what} differs from the original in ${comparison.failed} of ${comparison.clear} comparable samples`,
    comparison.failures.map(({ sample, output, index, expected, actual }) =>
      problem(`sample ${sample}`, `output '${output}' element ${index} is ${actual}, expected ${expected}`),
    ),
  );
}

/** One sample of a batch, for measurements at batch 1. */
export function firstSample(feeds: Tensors): Tensors {
  return mapTensors(feeds, (tensor) => takeAlongAxis(tensor, 0, [0]));
}

/** True if the model takes batches of one sample. */
export function takesSingleSamples(graph: Graph): boolean {
  return graph.inputs.every(({ shape }) => shape !== undefined && (!isStatic(shape.slice(0, 1)) || shape[0] === 1));
}

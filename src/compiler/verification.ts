import { randomSamples } from '../data/random.js';
import type { Calibration } from '../data/types.js';
import type { Graph } from '../ir/graph.js';
import { Tensor, takeAlongAxis } from '../ir/tensor.js';
import { isStatic } from '../ir/types.js';
import type { RemovedUnits } from '../passkit/pass.js';
import { Comparator, type Comparison } from '../runtime/compare.js';
import type { Runtime, Session, Tensors } from '../runtime/types.js';
import { at, defined } from '../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../support/errors.js';
import { GateScores } from './gate-scores.js';

/** What the compiled model is compared with. */
export type ReferenceKind = 'tfjs-node' | 'tfjs-wasm' | 'tfjs-cpu' | 'onnxruntime';

/** The outputs of the original for the samples of a verification, and how clear its gates' decisions are. */
export interface Reference {
  readonly kind: ReferenceKind;
  readonly samples: number;
  /** True if the samples are random because there was no data. */
  readonly isRandom: boolean;
  readonly batches: readonly ReferenceBatch[];
}

interface ReferenceBatch {
  readonly feeds: Tensors;
  readonly expected: Tensors;
  readonly samples: number;
  /** For each sample the smallest distance of any gate's score from its threshold. */
  readonly margins: Float32Array;
  /** Which units fire, by gate: a byte for each [sample, unit], 1 if it fires anywhere in the sample. */
  readonly firing: ReadonlyMap<string, { readonly units: number; readonly fires: Uint8Array }>;
}

/** Samples compared unless told otherwise; random ones where there is no data. */
const defaultSamples = 64;
const batchSize = 32;
const seed = 20_260_101;

export interface ReferenceOptions {
  /** Prepared graph: gates recognised and named. */
  readonly graph: Graph;
  /** Unoptimised graph, for models that tfjs does not run. */
  readonly original: Graph;
  /** Path of the tfjs model, if it is one. */
  readonly tfjsPath: string | undefined;
  readonly data: Calibration | undefined;
  /** Most samples to compare; 64 if not given. */
  readonly samples?: number | undefined;
  readonly runtime: Runtime;
  readonly signal: AbortSignal | undefined;
}

/** Runs the original: in tfjs where it is installed and reads the model, else as the unoptimised graph. */
export async function runReference(options: ReferenceOptions): Promise<Reference> {
  const { graph, data, runtime, signal } = options;
  const wanted = options.samples ?? defaultSamples;
  const source = data ?? randomSamples(inputsOf(graph), seed, wanted);
  const total = Math.min(source.count, wanted);
  const scores = await GateScores.open(graph, runtime);
  const run = await openReference(options);
  try {
    const batches: ReferenceBatch[] = [];
    for await (const { feeds, samples } of source.batches(batchSize, { limit: total, signal })) {
      throwIfAborted(signal);
      batches.push({
        feeds,
        samples,
        expected: await run.predict(feeds),
        ...(await gateState(scores, feeds, samples)),
      });
    }
    const samples = batches.reduce((sum, batch) => sum + batch.samples, 0);
    return { kind: run.kind, samples, isRandom: data === undefined, batches };
  } finally {
    await scores.close();
    await run.close();
  }
}

/** The inputs of a model as data readers need them. */
export function inputsOf(graph: Graph) {
  return graph.inputs.map((value) => ({ name: value.name, ...defined(value.type, `the type of '${value.name}'`) }));
}

interface Predictor {
  readonly kind: ReferenceKind;
  predict(feeds: Tensors): Promise<Tensors>;
  close(): Promise<void>;
}

async function openReference({ original, tfjsPath, runtime }: ReferenceOptions): Promise<Predictor> {
  const tfjs = tfjsPath === undefined ? undefined : await openTfjs(tfjsPath, original);
  if (tfjs !== undefined) return tfjs;
  const session = await runtime.load(original, { optimize: 'none' });
  return { kind: 'onnxruntime', predict: (feeds) => session.run(feeds), close: () => session.close() };
}

/** tfjs is an optional peer: undefined where it is not installed. */
async function openTfjs(path: string, original: Graph): Promise<Predictor | undefined> {
  const reference = await import('../tfjs/reference.js').catch(() => undefined);
  if (reference === undefined) return undefined;
  const { backend } = await reference.loadTfjs();
  const model = await reference.openModel(path);
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

async function gateState(
  scores: GateScores,
  feeds: Tensors,
  samples: number,
): Promise<Pick<ReferenceBatch, 'margins' | 'firing'>> {
  const margins = new Float32Array(samples).fill(Number.POSITIVE_INFINITY);
  const firing = new Map<string, { units: number; fires: Uint8Array }>();
  for (const [{ name, units, threshold }, rows] of await scores.run(feeds)) {
    const values = rows.floats();
    // A model with a fixed batch gets padded ones: what is beyond `samples` is no data.
    const perSample = values.length / rowsOf(feeds);
    const fires = new Uint8Array(samples * units);
    for (const [index, score] of values.entries()) {
      const sample = Math.floor(index / perSample);
      if (sample >= samples) break;
      margins[sample] = Math.min(at(margins, sample), Math.abs(score - threshold));
      if (score >= threshold) fires[sample * units + (index % units)] = 1;
    }
    firing.set(name, { units, fires });
  }
  return { margins, firing };
}

/** Whether the units of a removal are supposed to fire in a sample. */
function supposed({ reason, leader }: RemovedUnits, fires: (unit: number) => boolean): boolean {
  return reason === 'with' ? fires(defined(leader, 'the leader of merged units')) : reason === 'on';
}

/** Rows of a batch, padding included. */
function rowsOf(feeds: Tensors): number {
  return Object.values(feeds)[0]?.dims[0] ?? 1;
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
): Promise<Comparison> {
  const comparator = new Comparator();
  for (const { feeds, expected, margins, firing, samples } of reference.batches) {
    throwIfAborted(signal);
    const outside = new Uint8Array(samples);
    for (const entry of removed) {
      const state = firing.get(entry.gate);
      if (state === undefined) continue;
      for (let sample = 0; sample < samples; sample++) {
        const fires = (unit: number): boolean => at(state.fires, sample * state.units + unit) === 1;
        if (entry.units.some((unit) => fires(unit) !== supposed(entry, fires))) outside[sample] = 1;
      }
    }
    const actual = await session.run(feeds);
    const hasGates = firing.size > 0;
    comparator.add({ expected, actual, samples, outside, ...(hasGates ? { margins } : {}) });
  }
  return comparator.result();
}

/** Throws the `verification` error if the comparison failed, saying where. */
export function requireEqual(comparison: Comparison, what: string): void {
  if (comparison.passed) return;
  if (comparison.verdict === 'incomparable') {
    throw new SwancError('verification', `${what} could not be verified`, [
      problem(
        'samples',
        `none of ${comparison.samples} could be compared: ${comparison.boundary} have a score within rounding of a ` +
          `threshold, ${comparison.outsideProfile} fire units that the profile never saw fire`,
        'give more calibration data',
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
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, takeAlongAxis(tensor, 0, [0])]));
}

/** True if the model takes batches of one sample. */
export function takesSingleSamples(graph: Graph): boolean {
  return graph.inputs.every(({ shape }) => shape !== undefined && (!isStatic(shape.slice(0, 1)) || shape[0] === 1));
}

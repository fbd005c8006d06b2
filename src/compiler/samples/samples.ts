import { openCalibration, type ReadOptions } from '../../data/calibration.js';
import { randomSamples } from '../../data/random.js';
import type { Calibration, InputSpec } from '../../data/types.js';
import type { Graph, Value } from '../../ir/graph.js';
import { Tensor } from '../../ir/tensor.js';
import { isStatic, sizeOf } from '../../ir/types.js';
import { operatorOf } from '../../ops/index.js';
import { elementsPerSample } from '../../ops/operator.js';
import type { Tensors } from '../../runtime/types.js';
import { defined } from '../../support/assert.js';
import { problem, SwancError } from '../../support/errors.js';
import type { Source } from '../model/source.js';
import type { DataOptions } from '../options.js';
import type { InputRange } from './input-range.js';

/**
 * Calibration data for a model, or undefined without any. Every sample begins a sequence of its own: the states of stateful
 * layers are zeros.
 * @throws SwancError `invalid` for data that do not fit the model.
 */
export async function openData(options: DataOptions, source: Source): Promise<Calibration | undefined> {
  return options.calibration === undefined ? undefined : openSamples(options.calibration, source, options);
}

/** As {@link openData}, for data that are there. */
export async function openSamples(
  paths: string | readonly string[],
  source: Source,
  options: DataOptions = {},
): Promise<Calibration> {
  const { data, states } = inputsOf(source);
  return withZeros(await openCalibration(paths, data.map(specOf), readOptionsOf(options)), states);
}

/** How data are read, of the options of an operation. */
export function readOptionsOf(options: DataOptions): ReadOptions {
  return {
    labels: options.labels,
    shuffle: options.shuffle,
    format: options.dataFormat,
    header: options.dataHeader,
    images: {
      size: options.imageSize,
      resize: options.imageResize,
      crop: options.imageCrop,
      scale: options.imageScale,
      mean: options.imageMean,
      std: options.imageStd,
      channels: options.imageChannels,
      layout: options.imageLayout,
    },
  };
}

/** Seeded random samples for a model without data, within a range if one is known. */
export function makeSamples(source: Source, seed: number, count: number, range?: InputRange): Calibration {
  const { data, states } = inputsOf(source);
  const specs = data.map((value) => ({ ...specOf(value), masked: source.maskedInputs.get(value.name), range }));
  return withZeros(randomSamples(specs, seed, count), states);
}

/** The inputs that take data, and those that take the states of the run before. */
function inputsOf({ prepared, states }: Source): {
  readonly data: readonly Value[];
  readonly states: readonly Value[];
} {
  const isState = ({ name }: Value): boolean => states.some(({ input }) => input === name);
  return {
    data: prepared.graph.inputs.filter((value) => !isState(value)),
    states: prepared.graph.inputs.filter(isState),
  };
}

function specOf(value: Value): InputSpec {
  return { name: value.name, ...defined(value.type, `the type of '${value.name}'`), below: positionsBelow(value) };
}

/** The bound of the positions that a value holds (token numbers), if it is read as such; undefined: it is no position. */
function positionsBelow(value: Value): number | undefined {
  const bounds = value.uses.flatMap(({ node, index }): number[] => {
    const operator = operatorOf(node);
    const positions = operator?.positions?.(node);
    if (positions?.input === index) return positions.size === undefined ? [] : [positions.size];
    const hands = index === 0 && (operator?.moves === true || operator?.converts === true);
    return hands ? node.outputs.flatMap((output) => positionsBelow(output) ?? []) : [];
  });
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function withZeros(samples: Calibration, states: readonly Value[]): Calibration {
  if (states.length === 0) return samples;
  return {
    count: samples.count,
    labelled: samples.labelled,
    notes: samples.notes ?? [],
    async *batches(batchSize, options) {
      for await (const batch of samples.batches(batchSize, options)) {
        const zeros = states.map((state) => [state.name, zerosFor(state, batch.feeds)] as const);
        yield { ...batch, feeds: { ...batch.feeds, ...Object.fromEntries(zeros) } };
      }
    },
  };
}

/** Of the size of the batch where the model leaves that open. */
function zerosFor(state: Value, feeds: Tensors): Tensor {
  const rows = Object.values(feeds)[0]?.dims[0] ?? 1;
  const dims = specOf(state).shape.map((dim) => (typeof dim === 'number' ? dim : rows));
  return Tensor.floats(dims, new Float32Array(sizeOf(dims)));
}

/** Samples that are run at a time, and the most elements that any value may have then. */
const usualBatch = 32;
const comfortableElements = 2 ** 26;
/** 1 GB of floats: engines hold several such values at a time. */
const mostElements = 2 ** 28;

/**
 * How many samples to run at a time: fewer of a model with large values.
 * @throws SwancError `unsupported` where even one sample is too large to run here.
 */
export function batchSizeFor({ prepared }: Source): number {
  requireFewRounds(prepared.graph);
  const values = [...prepared.graph.inputs, ...[...prepared.graph.allNodes()].flatMap(({ outputs }) => outputs)];
  let largest = 1;
  for (const value of values) {
    // Sizes that are open are small in random samples, and those of data in memory already.
    const elements = elementsPerSample(value.shape);
    if (elements > mostElements) {
      const what = `it has ${elements} elements for ${isStatic(value.shape ?? []) ? 'its batch' : 'one sample'}: too many to be run here`;
      throw new SwancError('SWC3009', 'the model is too large', [
        problem(value.producer?.label ?? value.name, what, 'compile without verification and calibration data'),
      ]);
    }
    largest = Math.max(largest, elements);
  }
  return Math.max(1, Math.min(usualBatch, Math.floor(comfortableElements / largest)));
}

/** Rounds of all loops that one run may take: engines do some hundred thousand small ones in a second. */
const mostRounds = 1e6;

/**
 * Loops whose number of rounds stands in the model must come to an end: engines cannot be interrupted.
 * @throws SwancError `unsupported` for more rounds than can be run here.
 */
function requireFewRounds(graph: Graph, before = 1): void {
  for (const node of graph.nodes) {
    const trips = node.op === 'Loop' ? node.inputs[0]?.constant?.numbers()[0] : undefined;
    const rounds = before * Math.max(1, trips ?? 1);
    if (rounds > mostRounds) {
      const what = `it has ${rounds} rounds in a run: too many to be run here`;
      throw new SwancError('SWC3009', 'the model is too large', [
        problem(node.label, what, 'compile without verification and calibration data'),
      ]);
    }
    for (const nested of node.subgraphs) requireFewRounds(nested, rounds);
  }
}

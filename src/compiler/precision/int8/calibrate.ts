import type { Calibration } from '../../../data/types.js';
import type { Graph, Value } from '../../../ir/graph.js';
import { type Observation, type Observed, observe } from '../../../passkit/quantization/observe.js';
import { Histogram, type Range, type RangeMethod, united } from '../../../passkit/quantization/ranges.js';
import type { Runtime, Session, Tensors } from '../../../runtime/types.js';
import { defined } from '../../../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../../../support/errors.js';

/** Samples that ranges are taken from: more hardly move them. */
const mostSamples = 1024;

interface CalibrationOptions {
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
}

/** What values of a graph were seen to be, from which ranges are made in several ways. */
export class SeenValues {
  readonly #histograms: ReadonlyMap<string, Histogram>;

  constructor(histograms: ReadonlyMap<string, Histogram>) {
    this.#histograms = histograms;
  }

  /** The ranges by the names of the values. */
  ranges(method: RangeMethod): ReadonlyMap<string, Range> {
    return new Map([...this.#histograms].map(([name, histogram]) => [name, histogram.range(method)]));
  }
}

/**
 * Runs a graph on data and counts the elements of values: once for their extremes, once for histograms between these, a batch
 * at a time. Of values in a branch those of the samples that take it count; if none does, those that it would have.
 * @throws SwancError `invalid` for a value that is never a number.
 */
export async function seenValues(
  graph: Graph,
  values: Iterable<Value>,
  data: Calibration,
  runtime: Runtime,
  options: CalibrationOptions,
): Promise<SeenValues> {
  const observation = observe(graph, values);
  if (observation.observed.length === 0) return new SeenValues(new Map());
  const session = await runtime.load(observation.graph);
  try {
    const run = (see: (results: Tensors) => void): Promise<void> => runAll(session, data, options, see);
    const extremes = new Extremes(observation);
    await run((results) => extremes.add(results));
    const histograms = new Map(
      observation.observed.map((own) => [own.value.name, new Histogram(extremes.rangeOf(own))] as const),
    );
    await run((results) => {
      for (const own of observation.observed) {
        if (extremes.isTaken(own) && !isComputed(own, results)) continue;
        histograms.get(own.value.name)?.add(defined(results[own.output], own.output).floats());
      }
    });
    return new SeenValues(histograms);
  } finally {
    await session.close();
  }
}

async function runAll(
  session: Session,
  data: Calibration,
  { batchSize, signal }: CalibrationOptions,
  see: (results: Tensors) => void,
): Promise<void> {
  for await (const { feeds } of data.batches(batchSize, { signal, limit: mostSamples })) {
    throwIfAborted(signal);
    see(await session.run(Object.fromEntries(session.inputs.map((name) => [name, defined(feeds[name], name)]))));
  }
}

/** True if the graph itself computes the value in this run. */
function isComputed({ conditions }: Observed, results: Tensors): boolean {
  return conditions.every(({ output, holds }) => defined(results[output], output).numbers()[0] === Number(holds));
}

class Extremes {
  readonly #taken = new Map<Observed, Range>();
  readonly #all = new Map<Observed, Range>();
  readonly #observation: Observation;

  constructor(observation: Observation) {
    this.#observation = observation;
  }

  add(results: Tensors): void {
    for (const own of this.#observation.observed) {
      const range = extremesOf(defined(results[own.output], own.output).floats());
      if (range === undefined) continue;
      for (const known of isComputed(own, results) ? [this.#taken, this.#all] : [this.#all]) {
        known.set(own, united([range, known.get(own) ?? range]));
      }
    }
  }

  isTaken(own: Observed): boolean {
    return this.#taken.has(own);
  }

  rangeOf(own: Observed): Range {
    const range = this.#taken.get(own) ?? this.#all.get(own);
    if (range !== undefined) return range;
    throw new SwancError('SWC3106', 'the model cannot be quantized', [
      problem(own.value.producer?.label ?? own.value.name, 'it gives no number on any sample', 'check the data'),
    ]);
  }
}

/** Of the elements that are numbers; undefined if none is. */
function extremesOf(elements: Float32Array): Range | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const element of elements) {
    if (!Number.isFinite(element)) continue;
    if (element < low) low = element;
    if (element > high) high = element;
  }
  return low <= high ? [low, high] : undefined;
}

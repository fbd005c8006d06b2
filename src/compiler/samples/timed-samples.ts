import type { Calibration } from '../../data/types.js';
import type { Graph } from '../../ir/graph.js';
import { bytesOf, type Tensor, tensorFromBytes } from '../../ir/tensor.js';
import type { Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { problem, SwancError } from '../../support/errors.js';
import { seededRandom, shuffled } from '../../support/random.js';

/** Runs that measurements go round. */
const mostRuns = 32;

/** Samples that the model takes in a run; undefined where it leaves that open. */
export function fixedBatchOf(graph: Graph): number | undefined {
  for (const { shape } of graph.inputs) {
    const first = shape?.[0];
    if (typeof first === 'number') return first;
  }
  return undefined;
}

/** Samples of a run that plans are made and measured for, unless another number is wanted: see `CompileOptions.batch`. */
export function batchOf(wanted: number | undefined, graph: Graph): number {
  return wanted ?? fixedBatchOf(graph) ?? 1;
}

/** @throws SwancError `usage` where another number of samples is wanted than the model takes. */
export function requireBatch(wanted: number | undefined, graph: Graph): void {
  const fixed = fixedBatchOf(graph);
  if (wanted === undefined || fixed === undefined || wanted === fixed) return;
  const what = `plans for runs of ${wanted} samples, but the model takes ${fixed}`;
  throw new SwancError('SWC2002', 'the options do not fit the model', [problem('batch', what, 'leave out --batch')]);
}

/** Samples of a run that can be planned for: more tell no more, and all of a run are in memory. */
export const largestBatch = 4096;

/** Runs below which their scatter hardly tells what is faster. */
const fewestRuns = 8;

/** What is to be said of plans that were measured in so few runs; undefined where there were enough, or none at all. */
export function tooFewRuns(runs: number): string | undefined {
  if (runs === 0 || runs >= fewestRuns) return undefined;
  return `too few samples to measure plans: they make ${runs} of at least ${fewestRuns} different runs`;
}

/**
 * @throws SwancError `usage` where a run is wanted to be of more samples than there are to be measured. A model that takes a
 * fixed number is given some of them twice.
 */
export function requireSamples(
  wanted: number | undefined,
  graph: Graph,
  data: Calibration,
  samples: number | undefined,
): void {
  const count = countOf(data, samples);
  if (wanted === undefined || wanted <= count || fixedBatchOf(graph) !== undefined) return;
  const what = `runs of ${wanted} samples cannot be measured with ${count}`;
  const advice = `give more calibration samples, or at most --batch ${count}`;
  throw new SwancError('SWC2002', 'the options do not fit the data', [problem('batch', what, advice)]);
}

function countOf(data: Calibration, samples: number | undefined): number {
  return Math.min(data.count, samples ?? data.count);
}

/**
 * Real samples for runs to be timed with, evenly from all of them: they may be sorted by class. Where there are too few
 * samples for so many runs, runs share some, but no two have all in common. None without data, since gates behave otherwise
 * on random inputs.
 */
export async function timedRuns(
  data: Calibration | undefined,
  batch: number,
  { samples, signal }: { readonly samples?: number | undefined; readonly signal?: AbortSignal | undefined },
): Promise<readonly Tensors[]> {
  if (data === undefined) return [];
  const limit = countOf(data, samples);
  if (batch > 1 && batch < limit && limit < mostRuns * batch) {
    const rows = await rowsOf(data, limit, signal);
    // Samples of several sizes are never in one run: these stay as they come.
    if (rows !== undefined)
      return dealt(rows.length, batch).map((chosen) => joined(chosen.map((row) => at(rows, row))));
  }
  return evenRuns(data, batch, limit, signal);
}

/** Runs of samples that follow one another. */
async function evenRuns(
  data: Calibration,
  batch: number,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<readonly Tensors[]> {
  const runs: Tensors[] = [];
  const step = Math.max(1, limit / batch / mostRuns);
  let next = 0;
  let run = 0;
  for await (const { feeds } of data.batches(batch, { limit, pad: true, signal })) {
    if (run++ < Math.floor(next)) continue;
    runs.push(feeds);
    next += step;
    if (runs.length === mostRuns) break;
  }
  return runs;
}

/** The first samples one by one, each with a first axis of size 1; undefined if they are of several sizes. */
async function rowsOf(
  data: Calibration,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<readonly Tensors[] | undefined> {
  const rows: Tensors[] = [];
  for await (const { feeds, samples } of data.batches(Math.min(limit, rowsRead), { limit, signal })) {
    for (let row = 0; row < samples; row++) {
      rows.push(Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, rowOf(tensor, row)])));
    }
  }
  const sizes = rows.map((row) =>
    Object.values(row)
      .map(({ dims }) => dims.join())
      .join(';'),
  );
  return new Set(sizes).size === 1 ? rows : undefined;
}

/** Samples that are read at once. */
const rowsRead = 256;

function rowOf(tensor: Tensor, row: number): Tensor {
  const [count = 1, ...others] = tensor.dims;
  const size = tensor.bytes / count;
  return tensorFromBytes(tensor.type, [1, ...others], bytesOf(tensor).subarray(row * size, (row + 1) * size));
}

/**
 * Up to {@link mostRuns} different sets of `batch` numbers below `count`: hands of a deck that is shuffled anew when too few
 * are left for one more, so that all come equally often.
 */
function dealt(count: number, batch: number): readonly (readonly number[])[] {
  const random = seededRandom(count);
  const numbers = Array.from({ length: count }, (_, index) => index);
  const hands = new Map<string, readonly number[]>();
  for (let deal = 0; deal < mostDeals && hands.size < mostRuns; deal++) {
    const deck = shuffled(numbers, random);
    for (let start = 0; start + batch <= count && hands.size < mostRuns; start += batch) {
      const hand = deck.slice(start, start + batch).sort((left, right) => left - right);
      hands.set(hand.join(), hand);
    }
  }
  return [...hands.values()];
}

/** So many find nearly all sets where there are few. */
const mostDeals = 8 * mostRuns;

/** Samples of one size as one run. */
function joined(rows: readonly Tensors[]): Tensors {
  const [first = {}] = rows;
  return Object.fromEntries(
    Object.entries(first).map(([name, { type, dims, bytes }]) => {
      const all = new Uint8Array(rows.length * bytes);
      for (const [index, row] of rows.entries()) all.set(bytesOf(defined(row[name], name)), index * bytes);
      return [name, tensorFromBytes(type, [rows.length, ...dims.slice(1)], all)];
    }),
  );
}

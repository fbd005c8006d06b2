import type { Calibration } from '../data/types.js';
import type { Graph } from '../ir/graph.js';
import type { Tensors } from '../runtime/types.js';
import { problem, SwancError } from '../support/errors.js';

/** Runs that measurements go round. */
const mostRuns = 32;

/** Samples that the model takes in a run; undefined where it leaves that open. */
function fixedBatchOf(graph: Graph): number | undefined {
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
  throw new SwancError('usage', 'the options do not fit the model', [problem('batch', what, 'leave out --batch')]);
}

/**
 * Real samples for runs to be timed with, evenly from all of them: they may be sorted by class. None without data, since
 * gates behave otherwise on random inputs.
 */
export async function timedRuns(
  data: Calibration | undefined,
  batch: number,
  { samples, signal }: { readonly samples?: number | undefined; readonly signal?: AbortSignal | undefined },
): Promise<readonly Tensors[]> {
  const runs: Tensors[] = [];
  if (data === undefined) return runs;
  const limit = Math.min(data.count, samples ?? data.count);
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

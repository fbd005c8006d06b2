import { lowerSgBlend } from '../../../passes/lower-sg-blend.js';
import { joinAlongAxis } from '../../ir/slices.js';
import type { Tensor } from '../../ir/tensor.js';
import type { PassManager } from '../../passkit/manager.js';
import type { PassContext } from '../../passkit/pass.js';
import { type NoisyGraph, noisyGraph } from '../../passkit/precision/noisy-graph.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { throwIfAborted } from '../../support/errors.js';
import { fixedBatchOf } from '../samples/timed-samples.js';
import { deviationsAllowed, marginsUnder } from './noisy-margins.js';

/** How far rounding to float16 may move what a model gives and what its gates decide by: see `noisyGraph`. */
export type RoundingSpread = readonly BatchSpread[];

/** Of one batch. */
export interface BatchSpread {
  /**
   * For each sample the least margin of any decision, in parts of what rounding may move it by there: above 1 no decision
   * can be turned over.
   */
  readonly margins: Float64Array;
  /** What each sample's outputs may change by, by output, where no decision is turned over. */
  readonly allowances: Readonly<Record<string, Float64Array>>;
}

interface SpreadOptions {
  /** The model before it is lowered, with its gates. */
  readonly prepared: PassManager;
  readonly context: PassContext;
  readonly batches: readonly { readonly feeds: Tensors; readonly samples: number }[];
  readonly runtime: Runtime;
}

/** Times that each sample is run with other noise. */
const draws = 16;

/** Runs the model with rounding noise on the samples. Nothing of it depends on the graph that is to be judged. */
export async function measureSpread({ prepared, context, batches, runtime }: SpreadOptions): Promise<RoundingSpread> {
  const manager = prepared.fork(context);
  await manager.run([lowerSgBlend]);
  const noisy = noisyGraph(manager.graph);
  const session = await runtime.load(noisy.graph, { optimize: 'none' });
  try {
    // An If asks for the whole batch at once.
    const { graph } = manager;
    const canJoin = fixedBatchOf(graph) === undefined && graph.nodes.every(({ subgraphs }) => subgraphs.length === 0);
    const spread: BatchSpread[] = [];
    for (const group of canJoin ? groupsOf(batches) : batches.map((batch) => [batch])) {
      throwIfAborted(context.signal);
      const samples = group.reduce((sum, batch) => sum + batch.samples, 0);
      const whole = await spreadOf(noisy, session, joinedFeeds(group), samples);
      let first = 0;
      for (const batch of group) {
        spread.push(group.length === 1 ? whole : partOf(whole, first, first + batch.samples));
        first += batch.samples;
      }
    }
    return spread;
  } finally {
    await session.close();
  }
}

/** Samples that are run at once, where batches are smaller. */
const mostJoined = 32;

/** Batches that follow one another, of samples of one shape and without padding, together. */
function groupsOf(batches: SpreadOptions['batches']): SpreadOptions['batches'][number][][] {
  const groups: { readonly shape: string; samples: number; readonly batches: SpreadOptions['batches'][number][] }[] =
    [];
  for (const batch of batches) {
    const values = Object.values(batch.feeds);
    const isWhole = values.every(({ dims }) => dims[0] === batch.samples);
    const shape = isWhole ? values.map(({ dims }) => dims.slice(1).join()).join(';') : `padded ${groups.length}`;
    const last = groups.at(-1);
    if (last?.shape === shape && last.samples + batch.samples <= mostJoined) {
      last.batches.push(batch);
      last.samples += batch.samples;
    } else {
      groups.push({ shape, samples: batch.samples, batches: [batch] });
    }
  }
  return groups.map((group) => group.batches);
}

function joinedFeeds(batches: SpreadOptions['batches']): Tensors {
  const first = at(batches, 0).feeds;
  if (batches.length === 1) return first;
  const joined = (name: string): Tensor =>
    joinAlongAxis(
      batches.map(({ feeds }) => defined(feeds[name], name)),
      0,
    );
  return Object.fromEntries(Object.keys(first).map((name) => [name, joined(name)]));
}

/** That of some of the samples. */
function partOf({ margins, allowances }: BatchSpread, first: number, end: number): BatchSpread {
  const parts = Object.entries(allowances).map(([name, own]) => [name, own.slice(first, end)] as const);
  return { margins: margins.slice(first, end), allowances: Object.fromEntries(parts) };
}

async function spreadOf(noisy: NoisyGraph, session: Session, feeds: Tensors, samples: number): Promise<BatchSpread> {
  const used = Object.fromEntries(session.inputs.map((name) => [name, defined(feeds[name], name)]));
  const outputs = new Squares();
  const scores = new Squares();
  let exact: Tensors = {};
  for (let draw = 0; draw < draws; draw++) {
    exact = await session.run(used);
    for (const { name, noisy: other } of noisy.outputs) outputs.add(exact, name, other);
    for (const { exact: score, noisy: other } of noisy.decisions) scores.add(exact, score, other);
  }
  const margins = new Float64Array(samples).fill(Number.POSITIVE_INFINITY);
  for (const decision of noisy.decisions) {
    const deviations = scores.deviations(decision.noisy);
    const own = marginsUnder(defined(exact[decision.exact], 'scores'), deviations, decision);
    for (const [sample, margin] of margins.entries()) margins[sample] = Math.min(margin, at(own, sample));
  }
  const allowances = noisy.outputs.map(({ name, noisy: other }) => {
    const most = largestOfRows(outputs.deviations(other), defined(exact[name], name).dims[0] ?? 1);
    // Where rounding makes a number of what is none, or the other way round, it decides.
    for (const [sample, allowance] of most.entries()) if (allowance === Number.POSITIVE_INFINITY) margins[sample] = 0;
    return [name, most] as const;
  });
  return { margins, allowances: Object.fromEntries(allowances) };
}

/** Of every sample as many deviations as count for a decision, of the element that noise moves most. */
function largestOfRows(deviations: Float64Array, rows: number): Float64Array {
  const size = deviations.length / rows;
  const most = new Float64Array(rows);
  for (const [index, deviation] of deviations.entries()) {
    const row = Math.floor(index / size);
    most[row] = Math.max(at(most, row), deviationsAllowed * deviation);
  }
  return most;
}

/** Sums over draws of the squares by which values change, element by element: infinite where one of both is no finite number. */
class Squares {
  readonly #sums = new Map<string, Float64Array>();

  add(results: Tensors, name: string, noisy: string): void {
    const [exact, other] = [defined(results[name], name), defined(results[noisy], noisy)];
    const sums = this.#sums.get(noisy) ?? new Float64Array(exact.size);
    this.#sums.set(noisy, sums);
    if (!exact.is('float32')) return;
    for (const [index, value] of exact.floats().entries()) {
      const changed = at(other.floats(), index);
      if (Object.is(changed, value)) continue;
      const change = Number.isFinite(changed - value) ? changed - value : Number.POSITIVE_INFINITY;
      sums[index] = at(sums, index) + change ** 2;
    }
  }

  deviations(noisy: string): Float64Array {
    return defined(this.#sums.get(noisy), noisy).map((sum) => Math.sqrt(sum / draws));
  }
}

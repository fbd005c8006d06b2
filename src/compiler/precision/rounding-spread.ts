import { lowerSgBlend } from '../../../passes/lower-sg-blend.js';
import type { Tensor } from '../../ir/tensor.js';
import type { PassManager } from '../../passkit/manager.js';
import type { PassContext } from '../../passkit/pass.js';
import { type NoisyDecision, type NoisyGraph, noisyGraph } from '../../passkit/precision/noisy-graph.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { throwIfAborted } from '../../support/errors.js';
import { marginsUnder } from './noisy-margins.js';

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

/**
 * How many times the largest change of an output in all draws a sample's outputs may change by: rounding is like one draw
 * more, and the largest of 16 draws of a normal variable is below a quarter of another draw with a probability of 1e-9.
 */
const safety = 4;

/** Runs the model with rounding noise on the samples. Nothing of it depends on the graph that is to be judged. */
export async function measureSpread({ prepared, context, batches, runtime }: SpreadOptions): Promise<RoundingSpread> {
  const manager = prepared.fork(context);
  await manager.run([lowerSgBlend]);
  const noisy = noisyGraph(manager.graph);
  const session = await runtime.load(noisy.graph, { optimize: 'none' });
  try {
    const spread: BatchSpread[] = [];
    for (const { feeds, samples } of batches) {
      throwIfAborted(context.signal);
      spread.push(await spreadOf(noisy, session, feeds, samples));
    }
    return spread;
  } finally {
    await session.close();
  }
}

async function spreadOf(noisy: NoisyGraph, session: Session, feeds: Tensors, samples: number): Promise<BatchSpread> {
  const used = Object.fromEntries(session.inputs.map((name) => [name, defined(feeds[name], name)]));
  const allowances: Record<string, Float64Array> = {};
  const moved = new Map<NoisyDecision, Float64Array>();
  let exact: Tensors = {};
  for (let draw = 0; draw < draws; draw++) {
    exact = await session.run(used);
    addOutputs(allowances, noisy, exact);
    for (const decision of noisy.decisions) {
      const squares = moved.get(decision) ?? new Float64Array(defined(exact[decision.exact], decision.exact).size);
      addSquares(squares, defined(exact[decision.exact], 'scores'), defined(exact[decision.noisy], 'noisy scores'));
      moved.set(decision, squares);
    }
  }
  const margins = new Float64Array(samples).fill(Number.POSITIVE_INFINITY);
  for (const [decision, squares] of moved) {
    const deviations = squares.map((sum) => Math.sqrt(sum / draws));
    const own = marginsUnder(defined(exact[decision.exact], 'scores'), deviations, decision);
    for (const [sample, margin] of margins.entries()) margins[sample] = Math.min(margin, at(own, sample));
  }
  return { margins, allowances };
}

/** Takes the changes of every sample's outputs into account; of numbers that are not finite there is none. */
function addOutputs(own: Record<string, Float64Array>, { outputs }: NoisyGraph, results: Tensors): void {
  for (const { name, noisy } of outputs) {
    const [exact, other] = [defined(results[name], name), defined(results[noisy], noisy)];
    const rows = exact.dims[0] ?? 1;
    own[name] ??= new Float64Array(rows);
    const most = own[name];
    if (!exact.is('float32')) continue;
    const size = exact.size / rows;
    for (const [index, value] of exact.floats().entries()) {
      const row = Math.floor(index / size);
      const change = safety * Math.abs(at(other.floats(), index) - value);
      if (change > at(most, row) && change < Number.POSITIVE_INFINITY) most[row] = change;
    }
  }
}

function addSquares(sums: Float64Array, exact: Tensor, noisy: Tensor): void {
  for (const [index, value] of exact.floats().entries()) {
    const change = at(noisy.floats(), index) - value;
    if (Number.isFinite(change)) sums[index] = at(sums, index) + change ** 2;
  }
}

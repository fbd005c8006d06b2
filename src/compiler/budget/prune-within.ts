import { splitCalibration } from '../../data/split.js';
import type { Calibration } from '../../data/types.js';
import { rankWeakUnits } from '../../passkit/budget/ranking.js';
import type { WeakItem, WeakUnits } from '../../passkit/budget/weak-units.js';
import type { PassManager } from '../../passkit/manager.js';
import type { PassContext } from '../../passkit/pass.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { problem, SwancError, throwIfAborted } from '../../support/errors.js';
import { bytesOfForm, compileForm, type Form, settled, sizeOfForm } from '../forms/forms.js';
import { measure } from '../measure.js';
import type { CompileOptions } from '../options.js';
import type { BudgetReport, TradeOffPoint } from '../reporting/report.js';
import { type Approximation, type Budget, dropOf, isWithin, lossReport } from './approximation.js';
import { removalShare } from './budget-options.js';
import { collectMoments } from './collect-moments.js';
import { type Loss, measureLoss, OriginalOutputs } from './loss.js';
import { searchMost } from './search.js';

/**
 * Removal beyond what is never needed, as far as a budget allows: units are ranked on one half of the calibration data,
 * and what removing so many of them loses is measured on the other half.
 */

const splitSeed = 20_260_102;
/** Parts of the work that the ranking can save at which the search begins, and trials in all. */
const grid = [0.2, 0.4, 0.55, 0.7, 0.85, 1];
const mostTrials = 13;
/** Milliseconds for which each trial is measured: the curve is to be seen, and what is written is measured once more. */
const trialTime = 60;

interface BudgetInput {
  readonly budget: Budget;
  readonly options: CompileOptions;
  readonly context: PassContext;
  /** After removal, before settling. */
  readonly start: PassManager;
  /** The model without removals, which losses are taken against. */
  readonly original: Form;
  readonly data: Calibration;
  readonly runtime: Runtime;
  readonly batchSize: number;
  /** The model takes batches of one size only. */
  readonly fixedBatch: boolean;
  /** Single samples for measurements; none where the model takes no single samples. */
  readonly timed: readonly Tensors[];
}

/** What goes within the budget. */
export interface Pruned {
  /** Undefined where nothing more may go. */
  readonly weak: WeakUnits | undefined;
  readonly approximation: Approximation | undefined;
  readonly report: BudgetReport;
}

/** Finds how much may go within the budget; the result was measured to keep within it. */
export async function pruneWithin(input: BudgetInput): Promise<Pruned> {
  const { budget, start, data, runtime, options, batchSize, fixedBatch } = input;
  const { signal } = options;
  const split = { seed: splitSeed, limit: options.samples, wholeBatches: fixedBatch };
  const { ranking, heldOut } = splitCalibration(data, split);
  let done = 0;
  options.onProgress?.({ stage: 'rank', done, total: ranking.count });
  const onBatch = (samples: number): void => {
    done += samples;
    options.onProgress?.({ stage: 'rank', done, total: ranking.count });
  };
  const moments = await collectMoments(start.graph, ranking, runtime, { batchSize, signal, onBatch });
  const items = moments === undefined ? [] : rankWeakUnits(start.graph, moments);
  const weakOf = (count: number): WeakUnits | undefined =>
    moments === undefined || count === 0 ? undefined : { items, count, moments };
  const trials = await Trials.open(input, heldOut, weakOf);
  try {
    await searchMost({
      reached: reachedBy(items),
      grid,
      trials: mostTrials,
      attempt: async (taken) => {
        throwIfAborted(signal);
        options.onProgress?.({ stage: 'prune', done: trials.points.length, total: mostTrials });
        return isWithin(budget, await trials.run(taken, items)) === true;
      },
    });
    // Where nothing could go anyway, nothing is ranked.
    return prunedBy(trials.points, input, weakOf, moments === undefined ? ranking.count : done);
  } finally {
    await trials.close();
  }
}

/** Takes, of all that was tried and kept within the budget, what leaves least work. */
function prunedBy(
  trials: readonly Trial[],
  { budget, options }: BudgetInput,
  weakOf: (count: number) => WeakUnits | undefined,
  rankedOn: number,
): Pruned {
  const points = trials.toSorted((left, right) => left.point.items - right.point.items);
  const first = at(points, 0);
  requireEvidence(first.loss, rankedOn);
  const within = points.filter(({ loss }) => isWithin(budget, loss) === true);
  // That need not be most items: widths are chosen anew behind them, and constants that vary with the place are parameters
  // again, which must not grow by more than the work shrinks.
  const workOf = ({ point }: Trial): number => point.flops * Math.max(1, point.parameters / first.point.parameters);
  // Nothing more removed: that was tried first, and is what is left if nothing keeps within.
  const best = within.reduce((least, own) => (workOf(own) < workOf(least) ? own : least), first);
  const { items } = best.point;
  return {
    weak: weakOf(items),
    approximation: items === 0 ? undefined : { budget, measured: lossReport(best.loss) },
    report: {
      budget,
      share: removalShare(options.precision),
      met: within.length > 0,
      rankedOn,
      heldOut: best.loss.samples,
      chosen: points.indexOf(best),
      points: points.map(({ point }) => point),
    },
  };
}

/**
 * Losses must be told on samples, by a model that does better than naming the commonest class: else a budget of accuracy
 * would let everything go.
 * @throws SwancError `usage` without samples, `invalid` for labels that do not belong to them.
 */
function requireEvidence({ samples, accuracy, guessed }: Loss, rankedOn: number): void {
  if (samples === 0 || rankedOn === 0) {
    const what = `${rankedOn} samples to rank by and ${samples} to judge by`;
    throw new SwancError('SWC2005', 'the budget cannot be judged', [
      problem('calibration data', what, 'give more data'),
    ]);
  }
  if (accuracy === undefined || guessed === undefined) return;
  const chance = 2 * Math.sqrt((guessed * (1 - guessed)) / samples);
  if (accuracy.original > guessed + chance) return;
  const [own, best] = [accuracy.original, guessed].map((part) => `${(100 * part).toFixed(1)} %`);
  throw new SwancError('SWC3105', 'the labels do not fit the model', [
    problem(
      'labels',
      `the original gets ${own} of them right, naming the commonest class for all would get ${best}`,
      'do labels and samples belong together, and does class 0 have label 0?',
    ),
  ]);
}

/** Work that the first items save together, for each number of items. */
function reachedBy(items: readonly WeakItem[]): number[] {
  const reached = [0];
  for (const { saved } of items) reached.push(at(reached, -1) + saved);
  return reached;
}

/** One number of items, and what it loses. */
interface Trial {
  readonly point: TradeOffPoint;
  readonly loss: Loss;
}

/** Compiles, measures and notes one number of items after another. */
class Trials {
  readonly points: Trial[] = [];
  readonly #input: BudgetInput;
  readonly #heldOut: Calibration;
  readonly #weakOf: (count: number) => WeakUnits | undefined;
  readonly #original: Session;
  readonly #outputs: OriginalOutputs;
  /** What is left without the budget. */
  #unpruned: Session | undefined;

  private constructor(
    input: BudgetInput,
    heldOut: Calibration,
    weakOf: (count: number) => WeakUnits | undefined,
    original: Session,
  ) {
    this.#input = input;
    this.#heldOut = heldOut;
    this.#weakOf = weakOf;
    this.#original = original;
    this.#outputs = new OriginalOutputs(original);
  }

  static async open(
    input: BudgetInput,
    heldOut: Calibration,
    weakOf: (count: number) => WeakUnits | undefined,
  ): Promise<Trials> {
    return new Trials(input, heldOut, weakOf, await input.runtime.load(bytesOfForm(input.original)));
  }

  async run(count: number, items: readonly WeakItem[]): Promise<Loss> {
    const { start, context, runtime, batchSize, options, budget } = this.#input;
    const weak = this.#weakOf(count);
    const pruned = { ...context, weak };
    const form = await compileForm('dense', await settled(start, pruned), pruned);
    const session = await runtime.load(bytesOfForm(form));
    try {
      const labels = budget.kind === 'accuracy';
      const { signal } = options;
      const loss = await measureLoss(this.#outputs, session, this.#heldOut, { batchSize, signal, labels });
      const point = await this.#pointOf(count, items, form, session, loss);
      this.points.push({ point, loss });
      if (count === 0) this.#unpruned = session;
      return loss;
    } finally {
      if (this.#unpruned !== session) await session.close();
    }
  }

  async close(): Promise<void> {
    await this.#original.close();
    await this.#unpruned?.close();
  }

  async #pointOf(
    count: number,
    items: readonly WeakItem[],
    form: Form,
    session: Session,
    loss: Loss,
  ): Promise<TradeOffPoint> {
    const { parameters, flops } = sizeOfForm(form);
    const { accuracy, relativeChange } = lossReport(loss);
    const taken = items.slice(0, count);
    return {
      items: count,
      units: taken.filter(({ kind }) => kind === 'unit').length,
      masks: taken.filter(({ kind }) => kind === 'gate').length,
      parameters,
      flops,
      accuracy: accuracy?.model ?? null,
      drop: accuracy === null ? null : dropOf(accuracy),
      relativeChange,
      latency: await this.#latencyOf(session),
    };
  }

  /** Measured in turns with the model that nothing more was removed from. */
  async #latencyOf(session: Session): Promise<TradeOffPoint['latency']> {
    const { timed, options } = this.#input;
    if (timed.length === 0) return null;
    const other = this.#unpruned ?? session;
    if (other === session) {
      const [own] = await measure([session], timed, options.signal, trialTime);
      const microseconds = defined(own, 'a time');
      return { microseconds, unpruned: microseconds };
    }
    const [microseconds, unpruned] = await measure([session, other], timed, options.signal, trialTime);
    return { microseconds: defined(microseconds, 'a time'), unpruned: defined(unpruned, 'a time') };
  }
}

import type { Calibration } from '../../data/types.js';
import { type IntegerPlan, planIntegers } from '../../passkit/quantization/plan.js';
import type { RangeMethod } from '../../passkit/quantization/ranges.js';
import { at } from '../../support/assert.js';
import { problem, SwancError } from '../../support/errors.js';
import { isWithin, lossReport } from '../budget/approximation.js';
import type { Loss } from '../budget/loss.js';
import { bytesOfForm, type Form } from '../forms.js';
import { mean } from '../measure.js';
import { timedRuns } from '../timed-samples.js';
import { confirmingTime, timeClearly } from '../tuning/trials.js';
import { seenValues } from './int8/calibrate.js';
import { Candidates } from './int8/candidates.js';
import { keepWithin, rankLayers } from './int8/keep-within.js';
import { Judge } from './judge.js';
import { lossText } from './loss-text.js';
import type { LowerForm, LowerPrecision, LowerPrecisionInput } from './lower-precision.js';
import { recorded } from './precision-record.js';

/**
 * Integers of 8 bits (`passes/quantize.ts`): the ranges of values are taken from one half of the calibration data, in the
 * way that changes the outputs least on the other half, on which the result is judged, too. Within a budget the layers that
 * cause most of the error stay in floats, as few as will do. Nothing is compared strictly: integers move all results.
 */
export const int8: LowerPrecision = async (input) => {
  input.options.onProgress?.({ stage: 'optimize' });
  const judge = await Judge.open(input);
  try {
    const { calibrating, heldOut } = judge;
    if (calibrating === undefined || heldOut === undefined) throw withoutData();
    return await quantized(input, judge, calibrating, heldOut);
  } finally {
    await judge.close();
  }
};

function withoutData(): SwancError {
  return new SwancError('usage', 'the model cannot be quantized', [
    problem('precision', 'int8 takes the ranges of values from data', 'give --calibration'),
  ]);
}

/** @throws SwancError `unsupported` for a model that would be the same as in `fp32`. */
function requireProducts({ steps, kept }: IntegerPlan): void {
  if (steps.length > 0) return;
  const reasons = kept.map(({ where, reason }) => problem(where, reason));
  const advice = 'compile with --precision fp32';
  throw new SwancError('unsupported', 'nothing of the model runs on integers of 8 bits', [
    ...(reasons.length > 0 ? reasons : [problem('the model', 'it has no sums of products', advice)]),
  ]);
}

/** A form that was judged. */
interface Judged {
  readonly form: Form;
  readonly loss: Loss;
  readonly kept: ReadonlySet<string>;
}

async function quantized(
  input: LowerPrecisionInput,
  judge: Judge,
  calibrating: Calibration,
  heldOut: Calibration,
): Promise<LowerForm> {
  const { choice, runtime, options } = input;
  const { graph } = choice.form;
  const plan = planIntegers(graph, choice.context.target, new Set());
  const how = { batchSize: judge.batchSize, signal: options.signal };
  requireProducts(plan);
  // Those of all places: with some layers in floats, integers are made of others than without.
  const seen = await seenValues(graph, plan.places.keys(), calibrating, runtime, how);
  const candidates = await Candidates.open(input, seen, judge.batchSize);
  try {
    const method = await candidates.bestMethod(heldOut);
    const judged = async (kept: ReadonlySet<string>): Promise<Judged> => {
      const form = await candidates.form(method, kept);
      const loss = await judge.loss(form);
      if (loss === undefined) throw withoutData();
      return { form, loss, kept };
    };
    const all = await judged(new Set());
    const fits = ({ loss }: Judged): boolean => judge.budget === undefined || isWithin(judge.budget, loss) !== false;
    const best = fits(all) ? all : await withinBudget(candidates, plan, method, judged, fits, calibrating);
    if (best === undefined) throw beyondBudget(judge, all.loss);
    return await lowerForm(input, judge, best);
  } finally {
    await candidates.close();
  }
}

/** Keeps the most sensitive layers in floats, but not all of them. */
async function withinBudget(
  candidates: Candidates,
  plan: IntegerPlan,
  method: RangeMethod,
  judged: (kept: ReadonlySet<string>) => Promise<Judged>,
  fits: (judged: Judged) => boolean,
  data: Calibration,
): Promise<Judged | undefined> {
  const ranked = await rankLayers(productsOf(plan), async (_, others) =>
    candidates.error(await candidates.form(method, others), data),
  );
  const attempt = async (kept: ReadonlySet<string>): Promise<Judged | undefined> => {
    const result = await judged(kept);
    return fits(result) ? result : undefined;
  };
  const found = await keepWithin(ranked, attempt);
  if (found !== undefined || plan.narrow.length === 0) return found;
  // A decision that rounding turned over is not mended by layers in floats.
  const decisions = plan.narrow.map(({ name }) => name);
  const withDecisions = (kept: ReadonlySet<string>): Promise<Judged | undefined> =>
    attempt(new Set([...kept, ...decisions]));
  return (await withDecisions(new Set())) ?? (await keepWithin(ranked, withDecisions));
}

/** The layers on integers, by the names of their weights. */
function productsOf({ steps }: IntegerPlan): readonly string[] {
  return [...new Set(steps.flatMap((step) => (step.kind === 'product' ? [step.weights.root.name] : [])))];
}

function beyondBudget({ budget }: Judge, loss: Loss): SwancError {
  return new SwancError('verification', 'the model on integers of 8 bits loses more than the budget', [
    problem(
      'precision',
      `${budget === undefined ? '' : `${lossText(budget, loss)} with all layers on integers, and `}more than the budget with all but one in floats`,
      'compile with --precision fp32, or allow more',
    ),
  ]);
}

async function lowerForm(input: LowerPrecisionInput, judge: Judge, { form, loss, kept }: Judged): Promise<LowerForm> {
  const plan = planIntegers(input.choice.form.graph, input.choice.context.target, kept);
  return {
    form: recorded(form, 'int8', loss, judge.budget),
    precision: 'int8',
    kept: plan.kept.map(({ where, reason }) => ({ where, reason })),
    loss: lossReport(loss),
    verification: null,
    microseconds: await latencyOf(form, input),
  };
}

/** Microseconds of a run; null where nothing was measured of the form in fp32. */
async function latencyOf(form: Form, { choice, data, options, runtime }: LowerPrecisionInput): Promise<number | null> {
  const runs = choice.timedRuns === 0 ? [] : await timedRuns(data, choice.context.batch ?? 1, options);
  if (runs.length === 0) return null;
  const session = await runtime.load(bytesOfForm(form));
  try {
    const how = { signal: options.signal, milliseconds: confirmingTime };
    return mean(at(await timeClearly([session], runs, how), 0));
  } finally {
    await session.close();
  }
}

import type { Calibration } from '../../data/types.js';
import { type IntegerPlan, planIntegers } from '../../passkit/quantization/plan.js';
import { methodName, type RangeMethod } from '../../passkit/quantization/ranges.js';
import { at, defined } from '../../support/assert.js';
import { problem, SwancError } from '../../support/errors.js';
import { isWithin, lossReport } from '../budget/approximation.js';
import type { Loss } from '../budget/loss.js';
import { bytesOfForm, type Form } from '../forms/forms.js';
import { mean } from '../measure.js';
import { timedRuns } from '../samples/timed-samples.js';
import { confirmingTime, timeClearly } from '../tuning/trials.js';
import { seenValues } from './int8/calibrate.js';
import { Candidates, type TriedMethod } from './int8/candidates.js';
import { keepWithin, rankLayers } from './int8/keep-within.js';
import { Judge } from './judge.js';
import { lossText } from './loss-text.js';
import type { LowerForm, LowerPrecision, LowerPrecisionInput } from './lower-precision.js';
import { recorded } from './precision-record.js';
import { tooFew } from './require-halves.js';

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
    if (calibrating === undefined || heldOut === undefined) throw new Error('internal error: int8 without data');
    const { choice } = input;
    const { unpruned } = choice;
    const quantize = (form: Form): Promise<Quantized> =>
      quantized({ ...input, choice: { ...choice, form } }, judge, calibrating, heldOut);
    const pruned = await quantize(choice.form);
    // A form dynamic is there for its speed, which one without branches does not have.
    const whole = unpruned === undefined || choice.form.name !== 'dense' ? undefined : await quantize(unpruned);
    const found = whole === undefined ? pruned.best && { judged: pruned.best, removals: null } : smaller(pruned, whole);
    if (found === undefined) throw beyondBudget(judge, pruned.all.loss);
    return await lowerForm(input, judge, found.judged, found.removals);
  } finally {
    await judge.close();
  }
};

/**
 * Removals within a budget may leave constants that vary with the place, which no kernel of integers takes: then the model is
 * smaller on integers without them. Of the two, both within the budget, the smaller one, or that which loses less.
 */
function smaller(
  { best: pruned }: Quantized,
  { best: whole }: Quantized,
): { readonly judged: Judged; readonly removals: NonNullable<LowerForm['removals']> } | undefined {
  if (pruned === undefined || whole === undefined) {
    const judged = pruned ?? whole;
    const isPruned = pruned !== undefined;
    const reason = `${isPruned ? 'without' : 'with'} them it loses more than the budget on integers`;
    return judged && { judged, removals: { isPruned, reason } };
  }
  const [withThem, without] = [pruned, whole].map(({ form }) => bytesOfForm(form).length);
  const difference = defined(withThem, 'bytes') - defined(without, 'bytes');
  const isPruned = difference === 0 ? pruned.loss.relativeChange <= whole.loss.relativeChange : difference < 0;
  const told = ({ loss }: Judged, bytes: number | undefined): string =>
    `${bytes} bytes and outputs that change by ${loss.relativeChange.toExponential(1)}`;
  const reason = `on integers the model has ${told(pruned, withThem)} with them, ${told(whole, without)} without`;
  return { judged: isPruned ? pruned : whole, removals: { isPruned, reason } };
}

/** @throws SwancError `unsupported` for a model that would be the same as in `fp32`. */
function requireProducts({ steps, kept }: IntegerPlan): void {
  if (steps.length > 0) return;
  const reasons = kept.map(({ where, reason }) => problem(where, reason));
  const advice = 'compile with --precision fp32';
  throw new SwancError('SWC3014', 'nothing of the model runs on integers of 8 bits', [
    ...(reasons.length > 0 ? reasons : [problem('the model', 'it has no sums of products', advice)]),
  ]);
}

/** A form that was judged. */
interface Judged {
  readonly form: Form;
  readonly from: Form;
  readonly loss: Loss;
  readonly kept: ReadonlySet<string>;
  readonly methods: readonly TriedMethod[];
}

/** What became of a form in fp32. */
interface Quantized {
  readonly all: Judged;
  /** The form that keeps to the budget; undefined if none does. */
  readonly best: Judged | undefined;
}

async function quantized(
  input: LowerPrecisionInput,
  judge: Judge,
  calibrating: Calibration,
  heldOut: Calibration,
): Promise<Quantized> {
  const { choice, runtime, options } = input;
  const from = choice.form;
  const plan = planIntegers(from.graph, choice.context.target, new Set());
  const how = { batchSize: judge.batchSize, signal: options.signal };
  requireProducts(plan);
  // Those of all places: with some layers in floats, integers are made of others than without.
  const seen = await seenValues(from.graph, plan.places.keys(), calibrating, runtime, how);
  const candidates = await Candidates.open(input, seen, judge.batchSize);
  try {
    const methods = await candidates.methods(heldOut);
    const [{ method }] = methods;
    const judged = async (kept: ReadonlySet<string>): Promise<Judged> => {
      const form = await candidates.form(method, kept);
      const loss = await judge.loss(form);
      if (loss === undefined) throw tooFew('the calibration data make no whole batch to judge by');
      return { form, from, loss, kept, methods };
    };
    const all = await withDecisionsRight(plan, judged);
    const fits = ({ loss }: Judged): boolean => judge.budget === undefined || isWithin(judge.budget, loss) !== false;
    const best = fits(all) ? all : await withinBudget(candidates, plan, method, judged, fits, calibrating, all.kept);
    return { all, best };
  } finally {
    await candidates.close();
  }
}

/**
 * All layers on integers, with the weights of decisions in float16 if that loses no more than they do in float32: a score
 * that rounding moves across its threshold changes results by any amount, and only the data tell whether scores are near it.
 */
async function withDecisionsRight(
  plan: IntegerPlan,
  judged: (kept: ReadonlySet<string>) => Promise<Judged>,
): Promise<Judged> {
  const narrow = await judged(new Set());
  if (plan.narrow.length === 0) return narrow;
  const whole = await judged(new Set(plan.narrow.map(({ name }) => name)));
  const changesMore = narrow.loss.relativeChange > mostOverWhole * whole.loss.relativeChange;
  return changesMore || rightOf(narrow.loss) < rightOf(whole.loss) ? whole : narrow;
}

/** Losses are told on samples: so much more may be chance. */
const mostOverWhole = 1.25;

const rightOf = ({ accuracy }: Loss): number => accuracy?.model ?? 0;

/** Keeps the most sensitive layers in floats, but not all of them; and what is `kept` in any case. */
async function withinBudget(
  candidates: Candidates,
  plan: IntegerPlan,
  method: RangeMethod,
  judged: (kept: ReadonlySet<string>) => Promise<Judged>,
  fits: (judged: Judged) => boolean,
  data: Calibration,
  always: ReadonlySet<string>,
): Promise<Judged | undefined> {
  const ranked = await rankLayers(productsOf(plan), async (_, others) =>
    candidates.error(await candidates.form(method, others), data),
  );
  const attempt = async (kept: ReadonlySet<string>): Promise<Judged | undefined> => {
    const result = await judged(new Set([...always, ...kept]));
    return fits(result) ? result : undefined;
  };
  const found = await keepWithin(ranked, attempt);
  if (found !== undefined || plan.narrow.every(({ name }) => always.has(name))) return found;
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
  return new SwancError('SWC4003', 'the model on integers of 8 bits loses more than the budget', [
    problem(
      'precision',
      `${budget === undefined ? '' : `${lossText(budget, loss)} with all layers on integers, and `}more than the budget with all but one in floats`,
      'compile with --precision fp32, or allow more',
    ),
  ]);
}

async function lowerForm(
  input: LowerPrecisionInput,
  judge: Judge,
  { form, from, loss, kept, methods }: Judged,
  removals: LowerForm['removals'],
): Promise<LowerForm> {
  const plan = planIntegers(from.graph, input.choice.context.target, kept);
  const candidates = methods.map(({ method, error }) => {
    return { method: methodName(method), error: Number.isFinite(error) ? error : null };
  });
  return {
    form: recorded(form, 'int8', loss, judge.budget),
    from,
    precision: 'int8',
    kept: [...plan.kept],
    loss: lossReport(loss),
    calibration: { method: at(candidates, 0).method, candidates },
    removals,
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

import { takeAlongAxis } from '../../ir/slices.js';
import type { PassManager } from '../../passkit/manager.js';
import type { PassContext } from '../../passkit/pass.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { problem, SwancError } from '../../support/errors.js';
import { type Approximation, type Budget, dropOf, judge, lossReport, type Verdict } from '../budget/approximation.js';
import { accuracyProblems } from '../budget/budget-options.js';
import { type Loss, LossSum } from '../budget/loss.js';
import { outsideSamples } from '../gates/gate-states.js';
import { lossText } from '../precision/loss-text.js';
import type { PrecisionRecord } from '../precision/precision-record.js';
import { requireRounded } from '../precision/require-rounded.js';
import { measureSpread } from '../precision/rounding-spread.js';
import type { VerificationReport } from '../reporting/report.js';
import { reportVerification } from '../reporting/target-report.js';
import { type Assumptions, type Compared, compareWith, type Reference } from './verification.js';

/** A file that is no equal of its original, by what it says of itself. */
export interface Judged {
  readonly path: string;
  /** What was removed within a budget. */
  readonly approximation: Approximation | undefined;
  /** Of a file in less than float32. */
  readonly precision: PrecisionRecord | undefined;
  /** The original before it is lowered. */
  readonly prepared: PassManager;
  readonly context: PassContext;
  readonly reference: Reference;
  readonly session: Session;
  readonly assumptions: Assumptions;
  readonly runtime: Runtime;
}

/** What a file may lose. */
interface Limit {
  readonly budget: Budget;
  /** What it may be on other samples than those that it was measured on: an upper bound where nobody stated the limit. */
  readonly most: number;
  readonly isStated: boolean;
}

/**
 * Measures what a file loses on the samples and judges that by what it may lose: the budget it was compiled within; without
 * one, a file in int8 may lose what it says that it lost, in accuracy where there are labels, on samples that do not
 * contradict its removals. Random samples tell nothing of either. One in float16 from which nothing was removed must also
 * equal the original up to its rounding, where no gate's decision is open.
 * @throws SwancError `verification` for a file that loses more.
 */
export async function judgeFile(file: Judged): Promise<VerificationReport> {
  const { path, approximation, precision } = file;
  const limit = limitOf(file);
  const loss = await lossOn(file, limit);
  const verdict = verdictOf(file, limit, loss);
  if (verdict === 'beyond' && limit !== undefined) {
    const [than, where] = limit.isStated
      ? ['the budget it was compiled within', 'budget']
      : ['when it was compiled, by more than samples may differ', 'loss'];
    throw new SwancError('SWC4005', `'${path}' loses more than ${than}`, [problem(where, textOf(limit, loss))]);
  }
  const compared = await compare(file, loss);
  const report = reportVerification(compared);
  const caveats = [...report.caveats, ...caveatsOf(file, limit, verdict, loss)];
  const told = {
    precision: precision?.precision ?? ('fp32' as const),
    budget: limit?.isStated ? limit.budget : null,
    measured: precision?.loss ?? approximation?.measured ?? null,
  };
  return { ...report, caveats, approximation: { ...told, loss: lossReport(loss), verdict } };
}

/** What the file may lose; undefined where only its rounding counts, or nothing is known. */
function limitOf(file: Judged): Limit | undefined {
  const { approximation, precision } = file;
  const stated = precision?.budget ?? approximation?.budget;
  if (stated !== undefined) return { budget: stated, most: stated.limit, isStated: true };
  if (precision?.precision !== 'int8' || precision.loss === null || precision.most === null) return undefined;
  const { loss, most } = precision;
  if (loss.accuracy !== null && most.drop !== null && hasAccuracy(file)) {
    // What it gained by chance it need not gain on other samples.
    const limit = Math.max(0, dropOf(loss.accuracy));
    return { budget: { kind: 'accuracy', limit }, most: Math.max(limit, most.drop), isStated: false };
  }
  if (loss.relativeChange === null || most.relativeChange === null) return undefined;
  return { budget: { kind: 'error', limit: loss.relativeChange }, most: most.relativeChange, isStated: false };
}

function textOf({ budget, most, isStated }: Limit, loss: Loss): string {
  return lossText({ ...budget, limit: most }, loss, isStated ? 'was allowed' : 'was to be expected (95 %)');
}

function hasAccuracy({ reference, prepared }: Judged): boolean {
  const isLabelled = reference.batches.every(({ labels }) => labels !== undefined);
  return accuracyProblems(prepared.graph, isLabelled).length === 0;
}

function verdictOf({ reference, precision }: Judged, limit: Limit | undefined, loss: Loss): Verdict {
  if (limit === undefined) return precision?.precision === 'int8' ? 'unknown' : 'within';
  if (reference.available === undefined || loss.samples === 0) return 'unknown';
  return judge(limit.budget, loss, limit.most);
}

function caveatsOf({ reference }: Judged, limit: Limit | undefined, verdict: Verdict, loss: Loss): string[] {
  if (reference.available === undefined) {
    const isJudged = verdict === 'within' ? '' : ', which it cannot be judged by: give --calibration';
    return [`what it loses is that on random inputs${isJudged}`];
  }
  if (verdict === 'unknown') {
    if (limit === undefined) return ['it does not say what it lost when it was compiled: nothing to judge it by'];
    if (loss.samples === 0) return ['no sample is like those it was compiled with: nothing to judge it by'];
    return ['without labels a budget of accuracy cannot be judged: give labelled data'];
  }
  if (verdict !== 'chance' || limit === undefined) return [];
  const what = limit.isStated ? 'beyond its budget' : 'more is lost than when it was compiled';
  return [`${what}, though not by more than chance: ${textOf(limit, loss)}`];
}

/**
 * On all samples where a budget was stated; else on those that do not contradict the removals, as its own loss was measured
 * on the samples that these rest on.
 */
async function lossOn(file: Judged, limit: Limit | undefined): Promise<Loss> {
  const { reference, session, assumptions } = file;
  const sum = new LossSum(limit?.budget.kind !== 'error' && hasAccuracy(file));
  for (const { feeds, labels, expected, firing, samples } of reference.batches) {
    const actual = await session.run(feeds);
    const outside = limit?.isStated === false ? outsideSamples(firing, samples, assumptions.removed) : undefined;
    if (outside === undefined || !outside.includes(1)) {
      sum.add({ samples, labels }, expected, actual);
      continue;
    }
    const rows = [...outside.keys()].filter((row) => outside[row] === 0);
    if (rows.length === 0) continue;
    const chosen = (tensors: Tensors): Tensors =>
      Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, takeAlongAxis(tensor, 0, rows)]));
    const own = labels && takeAlongAxis(labels, 0, rows);
    sum.add({ samples: rows.length, labels: own }, chosen(expected), chosen(actual));
  }
  return sum.result();
}

/** How near the outputs are: strictly for a file in float16 that nothing was removed from. */
async function compare(file: Judged, loss: Loss): Promise<Compared> {
  const { path, approximation, precision, reference, session, assumptions, context, prepared, runtime } = file;
  if (precision?.precision === 'fp16' && approximation === undefined) {
    const rounding = await measureSpread({ prepared, context, batches: reference.batches, runtime });
    const compared = await compareWith(reference, session, { ...assumptions, rounding }, context.signal);
    requireRounded(compared, `'${path}'`, reference.available === undefined ? undefined : loss);
    return compared;
  }
  // Not equal is what it is: no other backend of tfjs need say so.
  const { plain: _, ...only } = reference;
  return compareWith(only, session, assumptions, context.signal);
}

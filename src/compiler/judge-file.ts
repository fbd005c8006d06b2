import type { PassManager } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { Runtime, Session } from '../runtime/types.js';
import { problem, SwancError } from '../support/errors.js';
import { type Approximation, type Budget, judge, lossReport } from './budget/approximation.js';
import { accuracyProblems } from './budget/budget-options.js';
import { type Loss, LossSum } from './budget/loss.js';
import { lossText } from './precision/loss-text.js';
import type { PrecisionRecord } from './precision/precision-record.js';
import { requireRounded } from './precision/require-rounded.js';
import { measureSpread } from './precision/rounding-spread.js';
import type { VerificationReport } from './report.js';
import { reportVerification } from './target-report.js';
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

/**
 * Measures what a file loses on the samples and judges that by what it may lose: the budget it was compiled within; without
 * one, a file in int8 may lose what it says that it lost. One in float16 from which nothing was removed must also equal
 * the original up to its rounding, where no gate's decision is open.
 * @throws SwancError `verification` for a file that loses more.
 */
export async function judgeFile(file: Judged): Promise<VerificationReport> {
  const { path, approximation, precision, reference } = file;
  const budget = budgetOf(file);
  const loss = await lossOn(file, budget);
  const verdict = budget === undefined ? 'within' : judge(budget, loss);
  if (verdict === 'beyond' && budget !== undefined) {
    const isOwn = precision?.budget == null && approximation === undefined;
    const than = isOwn ? 'it did when it was compiled' : 'the budget it was compiled within';
    throw new SwancError('verification', `'${path}' loses more than ${than}`, [
      problem('budget', lossText(budget, loss)),
    ]);
  }
  const compared = await compare(file, loss);
  const report = reportVerification(compared);
  const isUnknown = verdict === 'unknown';
  const caveats = [
    ...report.caveats,
    ...(isUnknown ? ['without labels a budget of accuracy cannot be judged: give labelled data'] : []),
    ...(verdict === 'chance' && budget !== undefined
      ? [`beyond its budget, though not by more than chance: ${lossText(budget, loss)}`]
      : []),
    ...(reference.available === undefined ? ['what it loses is that on random inputs'] : []),
  ];
  const told = {
    precision: precision?.precision ?? ('fp32' as const),
    budget: budget ?? null,
    measured: precision?.loss ?? approximation?.measured ?? null,
  };
  return { ...report, caveats, approximation: { ...told, loss: lossReport(loss), verdict } };
}

/** What the file may lose; undefined where only its rounding counts. */
function budgetOf({ approximation, precision }: Judged): Budget | undefined {
  const stated = precision?.budget ?? approximation?.budget;
  if (stated !== undefined || precision?.precision !== 'int8') return stated;
  const limit = precision.loss?.relativeChange;
  return limit == null ? undefined : { kind: 'error', limit };
}

async function lossOn({ reference, session, prepared }: Judged, budget: Budget | undefined): Promise<Loss> {
  const isLabelled = reference.batches.every(({ labels }) => labels !== undefined);
  const isWanted = budget?.kind !== 'error';
  const sum = new LossSum(isWanted && accuracyProblems(prepared.graph, isLabelled).length === 0);
  for (const batch of reference.batches) sum.add(batch, batch.expected, await session.run(batch.feeds));
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

import type { VerificationReport } from '../compiler/reporting/report.js';
import { formatPoints, formatRelative } from './budget.js';
import type { Colors } from './colors.js';
import { referenceName } from './facts.js';
import { formatDifference, labelled, plural } from './format.js';
import { printable } from './text.js';

/** What `swanc verify` prints of a file. */
export function renderVerification(
  result: VerificationReport,
  { file, colors }: { readonly file: string; readonly colors: Colors },
): string {
  const lines = [
    `${colors.bold(printable(file))}  ${headline(result, colors)}`,
    ...labelled('verified', describe(result), colors.dim),
  ];
  return `${lines.join('\n')}\n`;
}

/** Equal, or how far from it a budget or a lower precision let the model go. */
function headline({ approximation }: VerificationReport, colors: Colors): string {
  if (approximation === null) return `${colors.green('equal')} to the original`;
  const { precision, budget, loss, verdict } = approximation;
  const { accuracy } = loss;
  const lost = accuracy === null ? '' : `${formatPoints(accuracy.original - accuracy.model)} lost, `;
  const changes = `${lost}outputs change by ${formatRelative(loss.relativeChange)}`;
  if (budget === null && precision === 'int8') return `${lossHeadline(approximation, colors)}: ${changes}`;
  if (budget === null) return `${colors.green('equal')} to the original up to the rounding of ${precision}: ${changes}`;
  const limit = budget.kind === 'accuracy' ? `${formatPoints(budget.limit)} of accuracy` : formatRelative(budget.limit);
  const judged =
    verdict === 'within'
      ? colors.green('within')
      : colors.yellow(verdict === 'chance' ? 'by chance beyond' : 'not judged by');
  return `${judged} its budget of ${limit}: ${changes}`;
}

type Approximation = NonNullable<VerificationReport['approximation']>;

/** Of a file without a budget: against what it lost when it was compiled. */
function lossHeadline({ measured, loss, verdict }: Approximation, colors: Colors): string {
  const before = measured === null ? '' : ` (${measuredText(measured, loss)} then)`;
  if (verdict === 'within') return `${colors.green('no more lost')} than when it was compiled${before}`;
  if (verdict === 'chance') return `${colors.yellow('by chance more lost')} than when it was compiled${before}`;
  return `${colors.yellow('not judged')} by what it lost when it was compiled${before}`;
}

/** As what is lost is judged: by accuracy where it is known then and now. */
function measuredText({ accuracy, relativeChange }: Approximation['loss'], now: Approximation['loss']): string {
  if (accuracy === null || now.accuracy === null) return formatRelative(relativeChange);
  return formatPoints(accuracy.original - accuracy.model);
}

/** What was compared with what, and how near they are. */
export function describe(result: VerificationReport): string[] {
  const { clear, boundary, outsideProfile, beforeBudget } = result;
  const lines = [
    ...(beforeBudget === null
      ? [`against ${referenceName(result)}, ${comparedSamples(result)}`]
      : [
          `before the budget: against ${referenceName(result)}, max difference ` +
            `${formatDifference(beforeBudget.maxDifference)} on ${plural(beforeBudget.clear, 'clear sample')}`,
          `what is written: against the graph that the budget left, ${comparedSamples(result)}`,
        ]),
    `max difference ${formatDifference(result.maxDifference)} (relative ${formatDifference(result.maxRelative)}) on ` +
      `${plural(clear, 'clear sample')}`,
  ];
  if (boundary > 0) {
    lines.push(
      `${plural(boundary, 'sample')} with a decision within rounding, not compared ` +
        `(max difference ${formatDifference(result.boundaryDifference.absolute)})`,
    );
  }
  if (outsideProfile > 0) {
    lines.push(
      `${plural(outsideProfile, 'sample')} in which a unit acts otherwise than observed, or out of range, not compared ` +
        `(max difference ${formatDifference(result.outsideDifference.absolute)})`,
    );
  }
  return lines;
}

/** Such as `64 of 2000 calibration samples`. */
function comparedSamples({ samples, available, randomInputs }: VerificationReport): string {
  if (randomInputs) return `${samples} random (seeded) samples`;
  const part = available === null || available === samples ? '' : ` of ${available}`;
  return `${samples}${part} calibration samples`;
}

import { problem, SwancError } from '../../support/errors.js';
import type { Loss } from '../budget/loss.js';
import type { Compared } from '../verification/verification.js';

/**
 * For a model that computes in less than float32: every clear sample equals the original up to what rounding comes to. Where
 * all samples have a gate that rounding may turn over there is nothing to compare so; then what is lost must be known.
 * @throws SwancError `verification`, with what to do.
 */
export function requireRounded({ comparison }: Compared, what: string, loss: Loss | undefined): void {
  const { verdict, samples, failed, failures } = comparison;
  // Without a clear sample, one fails that is finite on one side only.
  const isOpen = verdict === 'incomparable' && failed === 0;
  if (verdict === 'equal' || (isOpen && loss !== undefined)) return;
  if (isOpen) {
    throw new SwancError('SWC4002', `${what} could not be judged`, [
      problem(
        'samples',
        `in each of ${samples} a gate may be turned over by rounding`,
        'give calibration data, so that what is lost can be measured',
      ),
    ]);
  }
  throw new SwancError(
    'SWC4006',
    `${what} differs from the original by more than its rounding comes to, in ${failed} of ${samples} samples`,
    [
      ...failures.map(({ sample, output, index, expected, actual }) =>
        problem(`sample ${sample}`, `output '${output}' element ${index} is ${actual}, expected ${expected}`),
      ),
      problem('precision', 'some of it needs float32', 'compile with --precision fp32, and report this model'),
    ],
  );
}

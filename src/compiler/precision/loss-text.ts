import type { Budget } from '../budget/approximation.js';
import type { Loss } from '../budget/loss.js';

/** What was lost, and what was allowed, for people; `allowed` says by what. */
export function lossText(
  { kind, limit }: Budget,
  { samples, accuracy, relativeChange }: Loss,
  allowed = 'was allowed',
): string {
  const lost =
    kind === 'accuracy' && accuracy !== undefined
      ? `accuracy is ${(100 * accuracy.model).toFixed(2)} % instead of ${(100 * accuracy.original).toFixed(2)} %`
      : `outputs change by ${relativeChange.toExponential(2)}`;
  const most = kind === 'accuracy' ? `a drop of ${(100 * limit).toFixed(2)} %` : limit.toExponential(2);
  return `${lost} on ${samples} samples, and at most ${most} ${allowed}`;
}

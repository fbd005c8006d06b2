import { z } from 'zod';
import { readRecord } from '../files/file-record.js';
import type { Loss } from './loss.js';

/**
 * What a compiled file may lose, as its user said, and what it was measured to lose: it stands in the file's metadata, so
 * that verification judges the file by that.
 */

/** `accuracy`: the limit is in parts of all samples, 0.005 for half a point; `error`: in parts of the outputs' size. */
export const budgetSchema = z.strictObject({
  kind: z.enum(['accuracy', 'error']),
  limit: z.number().nonnegative(),
});
export type Budget = z.infer<typeof budgetSchema>;

export const lossSchema = z.strictObject({
  samples: z.int().nonnegative().describe('held-out samples that it was measured on'),
  accuracy: z
    .strictObject({ original: z.number(), model: z.number() })
    .nullable()
    .describe('part of the samples whose greatest output is their label; null without labels'),
  relativeChange: z
    .number()
    .nullable()
    .describe('root mean square of the change of the outputs, in parts of that of the outputs; null if infinite'),
});
type LossReport = z.infer<typeof lossSchema>;

const recordSchema = z.strictObject({ budget: budgetSchema, measured: lossSchema });
export type Approximation = z.infer<typeof recordSchema>;

const key = 'swanc.approximation';

/** Metadata properties for a file that keeps to a budget. */
export function approximationMetadata(approximation: Approximation | undefined): Readonly<Record<string, string>> {
  return approximation === undefined ? {} : { [key]: JSON.stringify(approximation) };
}

/** What a file says of its budget; undefined if nothing was removed within one. */
export function readApproximation(metadata: ReadonlyMap<string, string>, path: string): Approximation | undefined {
  return readRecord(key, recordSchema, metadata, path);
}

/** JSON has no infinity. */
export function lossReport({ samples, accuracy, relativeChange }: Loss): LossReport {
  return {
    samples,
    accuracy: accuracy ?? null,
    relativeChange: Number.isFinite(relativeChange) ? relativeChange : null,
  };
}

/** Parts of the samples that the model gets wrong and the original did not, on balance. */
export function dropOf({ original, model }: { readonly original: number; readonly model: number }): number {
  return original - model;
}

/** Whether a loss keeps to a budget; undefined where there were no labels to judge by. */
export function isWithin({ kind, limit }: Budget, { accuracy, relativeChange }: Loss): boolean | undefined {
  if (kind === 'error') return relativeChange <= limit;
  // Accuracies are parts of a count: their difference is a whole number of samples, up to rounding.
  if (accuracy === undefined) return undefined;
  // What was finite and is not any more is lost, whatever the accuracy.
  return Number.isFinite(relativeChange) && dropOf(accuracy) <= limit + 1e-12;
}

/**
 * `within` the budget on the samples at hand; `chance`: beyond it, though not by more than other samples of the same kind may
 * differ; `beyond` it by more; `unknown`, without labels. Samples that a file was not compiled with are judged so, since
 * its loss was brought as near to the budget as its own samples told.
 */
export const verdicts = ['within', 'chance', 'beyond', 'unknown'] as const;
export type Verdict = (typeof verdicts)[number];

/** `most`: what the limit may be on other samples, where it was measured itself and not stated. */
export function judge(budget: Budget, loss: Loss, most = budget.limit): Verdict {
  const within = isWithin(budget, loss);
  const least = budget.kind === 'error' ? loss.least.relativeChange : loss.least.drop;
  if (within === undefined || least === undefined) return 'unknown';
  if (within) return 'within';
  return least <= most ? 'chance' : 'beyond';
}

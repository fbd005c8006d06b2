import { z } from 'zod';
import { type Precision, precisions } from '../../passkit/target.js';
import { type Budget, budgetSchema, lossReport, lossSchema } from '../budget/approximation.js';
import type { Loss } from '../budget/loss.js';
import { readRecord } from '../files/file-record.js';
import type { Form } from '../forms/forms.js';

/**
 * What a file says of its precision: which it is, what the model lost in it when it was compiled, and what it may lose at
 * most. It stands in the file's metadata, so that verification judges the file by that.
 */
const recordSchema = z.strictObject({
  precision: z.enum(precisions).exclude(['fp32']),
  /** Null without data. */
  loss: lossSchema.nullable(),
  /**
   * What it loses on all inputs is at most this, with a confidence of 95 %: on other samples than those it was measured on
   * a loss is another. Null without data, a part of it without labels or where there is no bound.
   */
  most: z.strictObject({ drop: z.number().nullable(), relativeChange: z.number().nullable() }).nullable(),
  /** Null where the user stated none. */
  budget: budgetSchema.nullable(),
});
export type PrecisionRecord = z.infer<typeof recordSchema>;

const key = 'swanc.precision';

/** The form with a record of its precision in what is written. */
export function recorded(
  form: Form,
  precision: Exclude<Precision, 'fp32'>,
  loss: Loss | undefined,
  budget: Budget | undefined,
): Form {
  const record: PrecisionRecord = {
    precision,
    loss: loss === undefined ? null : lossReport(loss),
    most: loss === undefined ? null : mostOf(loss),
    budget: budget ?? null,
  };
  const metadata = { ...form.writing.metadata, [key]: JSON.stringify(record) };
  return { ...form, writing: { ...form.writing, metadata } };
}

/** JSON has no infinity. */
function mostOf({ most: { drop, relativeChange } }: Loss): PrecisionRecord['most'] {
  return { drop: drop ?? null, relativeChange: Number.isFinite(relativeChange) ? relativeChange : null };
}

/** What a file says of its precision; undefined for one in `fp32`. */
export function readPrecision(metadata: ReadonlyMap<string, string>, path: string): PrecisionRecord | undefined {
  return readRecord(key, recordSchema, metadata, path);
}

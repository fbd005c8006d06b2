import type { Precision } from '../../passkit/target.js';
import type { Choice, ChoiceInput } from '../forms/choose-form.js';
import type { Form } from '../forms/forms.js';
import { finishing } from '../forms/pipeline.js';
import type { LowerPrecisionReport } from '../reporting/report.js';
import { fp16 } from './fp16.js';
import { int8 } from './int8.js';
import { precisionOf } from './precision-of.js';

/** What a form is made of in a lower precision. */
export interface LowerPrecisionInput extends Omit<ChoiceInput, 'hooks'> {
  /** The form in `fp32` that is written. */
  readonly choice: Choice;
}

/** A form in a lower precision, judged. */
export interface LowerForm extends Omit<LowerPrecisionReport, 'files' | 'size' | 'passes'> {
  readonly form: Form;
  /** The form in `fp32` that it was made of. */
  readonly from: Form;
}

/** Makes the form, and measures what it loses. One file each in this folder. */
export type LowerPrecision = (input: LowerPrecisionInput) => Promise<LowerForm>;

/** What makes each precision below `fp32`. */
const recipes: Readonly<Partial<Record<Precision, LowerPrecision>>> = { fp16, int8 };

/** The chosen form in the precision that the options ask for; undefined where that is the one it is in. */
export async function lowerPrecision(input: LowerPrecisionInput): Promise<LowerForm | undefined> {
  const { options, context } = input;
  const lower = await recipes[precisionOf(options, context.target.name)]?.(input);
  await lower?.form.manager.run(finishing);
  return lower;
}

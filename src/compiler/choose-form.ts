import type { Calibration } from '../data/types.js';
import { gatesOf } from '../passkit/gates.js';
import type { AfterPass } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { Runtime, Session, Tensors } from '../runtime/types.js';
import { at, defined } from '../support/assert.js';
import { compileForms, type PrunedForms } from './compile-forms.js';
import { bytesOfForm, type Form, type FormName } from './forms.js';
import { measure } from './measure.js';
import type { CompileOptions, Mode } from './options.js';
import type { BudgetReport } from './report.js';
import type { Source } from './source.js';
import {
  type Compared,
  compareWith,
  firstSample,
  type Reference,
  rebased,
  requireEqual,
  takesSingleSamples,
} from './verification.js';

/** The form that is written for a target, and what speaks for it. */
export interface Choice {
  readonly context: PassContext;
  readonly form: Form;
  /** The form without removals; without gates it is the one that is written. */
  readonly masked: Form;
  readonly reason: string;
  /** Median microseconds of each form that was measured. */
  readonly latency: ReadonlyMap<FormName, number>;
  /** What was tried within a budget; undefined without one. */
  readonly budget: BudgetReport | undefined;
  /** Undefined where nothing was verified. */
  readonly compared: Compared | undefined;
  /** The model before removals within a budget, with the original; `compared` is with what they left, then. */
  readonly beforeBudget: Compared | undefined;
  readonly runtime: string;
}

/** Parts of the work that hooks look into, and that IR is dumped of. */
export type StepName = 'compact' | 'dense' | 'dynamic';

export interface ChoiceInput {
  readonly options: CompileOptions;
  readonly source: Source;
  readonly context: PassContext;
  readonly reference: Reference | undefined;
  readonly data: Calibration | undefined;
  readonly runtime: Runtime;
  readonly hooks: (step: StepName) => Promise<readonly AfterPass[]>;
}

/** Samples that measurements go round. */
const measuredSamples = 32;

/** Compiles the forms that the mode asks for, verifies them, and takes the faster one where both were measured. */
export async function chooseForm(input: ChoiceInput): Promise<Choice> {
  const { options, context, source, runtime } = input;
  options.onProgress?.({ stage: 'optimize' });
  const hasGates = gatesOf(source.prepared.graph).length > 0;
  const timed = await timedSamples(input);
  const { masked, dense, dynamic, pruned } = await compileForms(input, timed);
  const candidates = [dense, ...(dynamic === undefined ? [] : [dynamic])];
  const sessions = new Map<Form, Session>();
  try {
    // What is only measured is loaded only where there is data to measure with, and nothing where nothing is run.
    const measured = input.data === undefined ? [] : [...new Set([masked, ...candidates])];
    const verified = input.reference === undefined ? [] : candidates;
    for (const form of new Set([...measured, ...verified])) sessions.set(form, await runtime.load(bytesOfForm(form)));
    const { reference, before } = await referenceFor(pruned, input);
    const comparisons = await verifyForms(verified, sessions, reference, input);
    const latency = await measureForms(measured, sessions, timed, input);
    const { form, reason } = hasGates
      ? pick(options.mode ?? 'auto', dense, dynamic, latency)
      : { form: dense, reason: 'the model has no gates' };
    return {
      context,
      form,
      masked,
      reason,
      latency,
      budget: pruned?.report,
      compared: comparisons.get(form),
      beforeBudget: before,
      runtime: `${runtime.name} ${runtime.version}`,
    };
  } finally {
    for (const session of sessions.values()) await session.close();
  }
}

/**
 * What the forms must equal. Where a budget let something go that is the graph without it, once the model with it has been
 * found equal to the original: so all is compared strictly but the removal itself, which was measured.
 */
async function referenceFor(
  pruned: PrunedForms | undefined,
  { reference, runtime, options }: ChoiceInput,
): Promise<{ readonly reference: Reference | undefined; readonly before?: Compared }> {
  if (reference === undefined || pruned?.exact === undefined) return { reference };
  const { exact, graph } = pruned;
  const session = await runtime.load(bytesOfForm(exact));
  try {
    const before = await compareWith(reference, session, exact, options.signal);
    requireEqual(before, 'the model before removals within the budget');
    return { reference: await rebased(reference, graph, runtime), before };
  } finally {
    await session.close();
  }
}

async function verifyForms(
  forms: readonly Form[],
  sessions: ReadonlyMap<Form, Session>,
  reference: Reference | undefined,
  { options, source }: ChoiceInput,
): Promise<ReadonlyMap<Form, Compared>> {
  const comparisons = new Map<Form, Compared>();
  if (reference === undefined) return comparisons;
  for (const form of forms) {
    const session = defined(sessions.get(form), `a session of ${form.name}`);
    const compared = await compareWith(reference, session, form, options.signal);
    requireEqual(compared, gatesOf(source.prepared.graph).length > 0 ? `the ${form.name} form` : 'the compiled model');
    comparisons.set(form, compared);
  }
  return comparisons;
}

/** Real samples for measurements at batch 1; none without data, since gates behave otherwise on random inputs. */
async function timedSamples({ data, source, options }: ChoiceInput): Promise<readonly Tensors[]> {
  const samples: Tensors[] = [];
  if (data === undefined || !takesSingleSamples(source.prepared.graph)) return samples;
  for await (const { feeds } of data.batches(1, { limit: measuredSamples, signal: options.signal })) {
    samples.push(firstSample(feeds));
  }
  return samples;
}

async function measureForms(
  forms: readonly Form[],
  sessions: ReadonlyMap<Form, Session>,
  samples: readonly Tensors[],
  { options }: ChoiceInput,
): Promise<ReadonlyMap<FormName, number>> {
  if (samples.length === 0) return new Map();
  options.onProgress?.({ stage: 'measure' });
  const measured = forms.map((form) => defined(sessions.get(form), `a session of ${form.name}`));
  const times = await measure(measured, samples, options.signal);
  return new Map(forms.map((form, index) => [form.name, at(times, index)]));
}

function pick(
  mode: Mode,
  dense: Form,
  dynamic: Form | undefined,
  latency: ReadonlyMap<FormName, number>,
): { readonly form: Form; readonly reason: string } {
  if (mode === 'dense') return { form: dense, reason: 'dense was asked for' };
  if (dynamic === undefined)
    return { form: dense, reason: 'no gate is predicted to gain by gathering: all keep their masks' };
  const [denseTime, dynamicTime] = [latency.get('dense'), latency.get('dynamic')];
  if (denseTime === undefined || dynamicTime === undefined) {
    return { form: dynamic, reason: 'predicted to be faster; not measured for want of calibration data' };
  }
  const times = `dynamic ${dynamicTime.toFixed(0)} µs, dense ${denseTime.toFixed(0)} µs`;
  if (dynamicTime < denseTime) return { form: dynamic, reason: `measured: ${times}` };
  return { form: dense, reason: `masks measured faster than gathering: ${times}` };
}

import { gatherGatedUnits } from '../../passes/gather-gated-units.js';
import type { Calibration } from '../data/types.js';
import { gatesOf } from '../passkit/gates.js';
import type { AfterPass } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { Runtime, Session, Tensors } from '../runtime/types.js';
import { at, defined } from '../support/assert.js';
import { bytesOfForm, compacted, compileForm, type Form, type FormName } from './forms.js';
import { measure } from './measure.js';
import type { CompileOptions, Mode } from './options.js';
import type { Source } from './source.js';
import { chainHooks } from './step-hooks.js';
import {
  type Compared,
  compareWith,
  firstSample,
  type Reference,
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
  /** Undefined where nothing was verified. */
  readonly compared: Compared | undefined;
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
  const mode = options.mode ?? 'auto';
  options.onProgress?.({ stage: 'optimize' });
  const hasGates = gatesOf(source.prepared.graph).length > 0;
  const { masked, dense, dynamic } = hasGates ? await compileForms(input, mode) : await onlyForm(input);
  const candidates = [dense, ...(dynamic === undefined ? [] : [dynamic])];
  const sessions = new Map<Form, Session>();
  try {
    // What is only measured is loaded only where there is data to measure with, and nothing where nothing is run.
    const measured = input.data === undefined ? [] : [...new Set([masked, ...candidates])];
    const verified = input.reference === undefined ? [] : candidates;
    for (const form of new Set([...measured, ...verified])) sessions.set(form, await runtime.load(bytesOfForm(form)));
    const comparisons = await verifyForms(verified, sessions, input);
    const latency = await measureForms(measured, sessions, input);
    const { form, reason } = hasGates
      ? pick(mode, dense, dynamic, latency)
      : { form: dense, reason: 'the model has no gates' };
    return {
      context,
      form,
      masked,
      reason,
      latency,
      compared: comparisons.get(form),
      runtime: `${runtime.name} ${runtime.version}`,
    };
  } finally {
    for (const session of sessions.values()) await session.close();
  }
}

interface Forms {
  readonly masked: Form;
  readonly dense: Form;
  /** Where it was asked for and some gate is worth gathering. */
  readonly dynamic: Form | undefined;
}

/** Without gates there is nothing to mask, to remove or to skip: one form is all of them. */
async function onlyForm({ context, source, hooks }: ChoiceInput): Promise<Forms> {
  const hook = chainHooks(await hooks('dense'));
  const form = await compileForm('masked', source.prepared, context, { before: source.before, hook });
  const dense: Form = { ...form, name: 'dense' };
  return { masked: dense, dense, dynamic: undefined };
}

async function compileForms({ context, source, hooks }: ChoiceInput, mode: Mode): Promise<Forms> {
  const { before, prepared } = source;
  const hook = async (step: StepName) => chainHooks(await hooks(step));
  const compact = await compacted(prepared, context, await hook('compact'));
  const dense = await compileForm('dense', compact, context, { before, hook: await hook('dense') });
  const masked = await compileForm('masked', prepared, context, { before });
  // Without a profile nothing is known of how many units fire, so no gather can be predicted to pay.
  if (mode === 'dense' || context.profile === undefined) return { masked, dense, dynamic: undefined };
  const dynamic = await compileForm('dynamic', compact, context, { before, hook: await hook('dynamic') });
  const gathers = dynamic.manager.runs.some(
    ({ pass, report }) => pass === gatherGatedUnits.name && report.findings.some(({ done }) => done),
  );
  return { masked, dense, dynamic: gathers ? dynamic : undefined };
}

async function verifyForms(
  forms: readonly Form[],
  sessions: ReadonlyMap<Form, Session>,
  { reference, options, source }: ChoiceInput,
): Promise<ReadonlyMap<Form, Compared>> {
  const comparisons = new Map<Form, Compared>();
  if (reference === undefined) return comparisons;
  for (const form of forms) {
    const session = defined(sessions.get(form), `a session of ${form.name}`);
    const compared = await compareWith(reference, session, form.removed, options.signal);
    requireEqual(compared, gatesOf(source.prepared.graph).length > 0 ? `the ${form.name} form` : 'the compiled model');
    comparisons.set(form, compared);
  }
  return comparisons;
}

/** Measures at batch 1 on real samples; nothing where there are none, since gates behave otherwise on random inputs. */
async function measureForms(
  forms: readonly Form[],
  sessions: ReadonlyMap<Form, Session>,
  { data, source, options }: ChoiceInput,
): Promise<ReadonlyMap<FormName, number>> {
  if (data === undefined || !takesSingleSamples(source.prepared.graph)) return new Map();
  options.onProgress?.({ stage: 'measure' });
  const samples: Tensors[] = [];
  for await (const { feeds } of data.batches(1, { limit: measuredSamples, signal: options.signal })) {
    samples.push(firstSample(feeds));
  }
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

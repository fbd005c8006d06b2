import type { Calibration } from '../../data/types.js';
import { gatesOf } from '../../passkit/gates.js';
import type { AfterPass } from '../../passkit/manager.js';
import type { PassContext } from '../../passkit/pass.js';
import type { Target } from '../../passkit/target.js';
import type { Runtime, Session, Tensors } from '../../runtime/types.js';
import { at, defined } from '../../support/assert.js';
import { mean, type SampleTimes } from '../measure.js';
import type { Source } from '../model/source.js';
import type { CompileOptions, Mode, Tuning } from '../options.js';
import type { BudgetReport, Planning } from '../reporting/report.js';
import { timedRuns, tooFewRuns } from '../samples/timed-samples.js';
import { isClearlyFaster, paired } from '../tuning/paired.js';
import {
  type DynamicForms,
  type Planned,
  planByMeasuring,
  planByPrediction,
  withMasksOnly,
} from '../tuning/plan-dynamic.js';
import { confirmingTime, timeClearly } from '../tuning/trials.js';
import { type Compared, compareWith, type Reference, rebased, requireEqual } from '../verification/verification.js';
import { compileForms, type PrunedForms } from './compile-forms.js';
import { bytesOfForm, type Form, type FormName } from './forms.js';

/** How regions were planned; which costs that rests on is said by who chose them. */
export type PlanningResult = Omit<Planning, 'costs'>;

/** The form that is written for a target, and what speaks for it. */
export interface Choice {
  readonly context: PassContext;
  readonly form: Form;
  /** The form without removals; without gates it is the one that is written. */
  readonly masked: Form;
  readonly reason: string;
  /** True for a form dynamic that was asked for and is not faster. */
  readonly isForced: boolean;
  /** Different runs that plans and forms were measured on; 0 where nothing was. */
  readonly timedRuns: number;
  /** Microseconds of a run of each form that was measured. */
  readonly latency: ReadonlyMap<FormName, number>;
  /** How the regions of gates were planned; undefined where they were not. */
  readonly planning: PlanningResult | undefined;
  /** Where the target's costs are from; undefined for those that swanc comes with. */
  readonly costsFile: string | undefined;
  /** What was tried within a budget; undefined without one. */
  readonly budget: BudgetReport | undefined;
  /** The form dense without what the budget let go; undefined if nothing went, or nothing needs it. */
  readonly unpruned: Form | undefined;
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
  /** With the target's costs as they are to be taken. */
  readonly context: PassContext;
  readonly costsFile: string | undefined;
  readonly reference: Reference | undefined;
  readonly data: Calibration | undefined;
  readonly runtime: Runtime;
  readonly hooks: (step: StepName) => Promise<readonly AfterPass[]>;
}

/** Compiles the forms that the mode asks for, verifies them, and takes the faster one where both were measured. */
export async function chooseForm(input: ChoiceInput): Promise<Choice> {
  const { options, context, source, runtime } = input;
  options.onProgress?.({ stage: 'optimize' });
  const hasGates = gatesOf(source.prepared.graph).length > 0;
  const timed = canMeasure(context.target) ? await timedRuns(input.data, context.batch ?? 1, options) : [];
  const { masked, dense, dynamic, pruned } = await compileForms(input, timed);
  const { reference, before } = await referenceFor(pruned, input);
  const planned = dynamic && (await planDynamic(dynamic, dense, reference, timed, input));
  const candidates = [dense, ...(planned?.form === undefined ? [] : [planned.form])];
  const sessions = new Map<Form, Session>();
  try {
    // What is only measured is loaded only where there is data to measure with, and nothing where nothing is run.
    const measured = timed.length === 0 ? [] : [...candidates, masked];
    const verified = reference === undefined ? [] : candidates;
    for (const form of new Set([...measured, ...verified])) sessions.set(form, await runtime.load(bytesOfForm(form)));
    const comparisons = await verifyForms(verified, sessions, reference, input);
    const times = await timeForms(measured, sessions, timed, input);
    const { form, reason, isForced } = hasGates
      ? pick({
          mode: options.mode ?? 'auto',
          tune: options.tune,
          target: context.target,
          dense,
          planned,
          measured: times,
        })
      : { form: dense, reason: 'the model has no gates', isForced: false };
    return {
      context,
      costsFile: input.costsFile,
      form,
      masked,
      reason,
      isForced,
      timedRuns: timed.length,
      latency: latencyOf(times),
      planning: planned && planningOf(planned, form, timed.length, input),
      budget: pruned?.report,
      unpruned: pruned?.exact,
      compared: comparisons.get(form),
      beforeBudget: before,
      runtime: `${runtime.name} ${runtime.version}`,
    };
  } finally {
    for (const session of sessions.values()) await session.close();
  }
}

/** The form dynamic, planned as the options say, or why it has no plans that are worth it. */
async function planDynamic(
  dynamic: DynamicForms,
  dense: Form,
  reference: Reference | undefined,
  samples: readonly Tensors[],
  { options, runtime }: ChoiceInput,
): Promise<Planned> {
  const { signal, onProgress } = options;
  const tune = options.tune ?? 'measured';
  const isForced = options.mode === 'dynamic';
  if (samples.length === 0 || tune === 'predicted') return planByPrediction(dynamic, isForced);
  return planByMeasuring(dynamic, {
    ...{ dense, reference, samples, runtime, signal, isForced },
    onProgress: (done, total) => onProgress?.({ stage: 'plan', done, total }),
  });
}

/** Whether times can be taken here: on the provider that the target's users run. */
export function canMeasure({ provider }: Target): boolean {
  return provider === 'cpu';
}

function planningOf({ planning, form }: Planned, chosen: Form, runs: number, { context }: ChoiceInput): PlanningResult {
  const wereSlower = form !== undefined && form !== chosen;
  const reason = tooFewRuns(runs) ?? 'the plans together were not clearly faster than masks';
  return {
    ...planning,
    batch: context.batch ?? 1,
    regions: wereSlower ? withMasksOnly(planning.regions, reason) : planning.regions,
  };
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

/** The dense form comes first: what skips work is compared with it. */
async function timeForms(
  forms: readonly Form[],
  sessions: ReadonlyMap<Form, Session>,
  samples: readonly Tensors[],
  { options }: ChoiceInput,
): Promise<ReadonlyMap<FormName, SampleTimes>> {
  if (samples.length === 0) return new Map();
  options.onProgress?.({ stage: 'measure' });
  const measured = forms.map((form) => defined(sessions.get(form), `a session of ${form.name}`));
  const times = await timeClearly(measured, samples, { signal: options.signal, milliseconds: confirmingTime });
  return new Map(forms.map((form, index) => [form.name, at(times, index)]));
}

function latencyOf(times: ReadonlyMap<FormName, SampleTimes>): ReadonlyMap<FormName, number> {
  const names = ['masked', 'dense', 'dynamic'] as const;
  return new Map(
    names.flatMap((name) => [...times].filter(([own]) => own === name)).map(([name, own]) => [name, mean(own)]),
  );
}

interface Candidates {
  readonly mode: Mode;
  readonly tune: Tuning | undefined;
  readonly target: Target;
  readonly dense: Form;
  readonly planned: Planned | undefined;
  readonly measured: ReadonlyMap<FormName, SampleTimes>;
}

/** Where predictions decide, times do not: they are told, and what is written is the same on all machines. */
function pick(candidates: Candidates): Pick<Choice, 'form' | 'reason' | 'isForced'> {
  const { mode, tune, target, dense, planned, measured } = candidates;
  const take = (form: Form, reason: string, isForced = false) => ({ form, reason, isForced });
  if (mode === 'dense') return take(dense, 'dense was asked for');
  const dynamic = planned?.form;
  if (dynamic === undefined) {
    if (mode === 'dynamic') return take(dense, 'no region of gates has a plan to skip anything');
    const few = planned?.planning.regions.some(({ considered }) => considered.some((plan) => plan.measured !== null))
      ? tooFewRuns([...measured.values()][0]?.length ?? 0)
      : undefined;
    return take(dense, few ?? 'no plan for a gate is faster than its mask');
  }
  const [denseTimes, dynamicTimes] = [measured.get('dense'), measured.get('dynamic')];
  if (tune === 'predicted' || denseTimes === undefined || dynamicTimes === undefined) {
    if (planned?.isForced)
      return take(dynamic, 'dynamic was asked for, and is predicted to be slower than masks', true);
    if (denseTimes !== undefined) return take(dynamic, 'predicted to be faster, which decides here');
    const why = canMeasure(target) ? 'for want of calibration data' : `${target.provider} is not here`;
    return take(dynamic, `predicted to be faster; not measured: ${why}`);
  }
  const times = paired(dynamicTimes, denseTimes);
  const text = `dynamic ${times.microseconds.toFixed(0)} µs, dense ${times.base.toFixed(0)} µs`;
  if (isClearlyFaster(times)) return take(dynamic, `measured: ${text}`);
  const why = tooFewRuns(dynamicTimes.length) ?? 'dynamic was not measured to be clearly faster';
  if (mode === 'dynamic') return take(dynamic, `dynamic was asked for; ${why}: ${text}`, true);
  return take(dense, `${why}: ${text}`);
}

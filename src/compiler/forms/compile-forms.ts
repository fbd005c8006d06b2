import { planGates } from '../../../passes/plan-gates.js';
import type { Graph } from '../../ir/graph.js';
import { gatesOf } from '../../passkit/gates.js';
import type { AfterPass, PassManager } from '../../passkit/manager.js';
import type { PassContext } from '../../passkit/pass.js';
import type { Tensors } from '../../runtime/types.js';
import { assert, at } from '../../support/assert.js';
import { removalBudgetOf } from '../budget/budget-options.js';
import { type Pruned, pruneWithin } from '../budget/prune-within.js';
import { precisionOf } from '../precision/precision-of.js';
import { batchSizeFor } from '../samples/samples.js';
import { fixedBatchOf } from '../samples/timed-samples.js';
import type { DynamicForms } from '../tuning/plan-dynamic.js';
import type { ChoiceInput, StepName } from './choose-form.js';
import { compileForm, type Form, type FormOptions, reduced, settled } from './forms.js';
import { dynamicGating } from './pipeline.js';
import { chainHooks } from './step-hooks.js';

/** A model in the forms that one of is chosen from. */
export interface Forms {
  /** Every gate a mask, nothing removed. */
  readonly masked: Form;
  readonly dense: Form;
  /** Where it was asked for and there are gates. */
  readonly dynamic: DynamicForms | undefined;
  /** Where there is a budget. */
  readonly pruned: PrunedForms | undefined;
}

/** What a budget did. */
export interface PrunedForms extends Pick<Pruned, 'report'> {
  /**
   * The dense form without what the budget let go, and the graph that the forms were made of; undefined if nothing went, or
   * nothing needs it.
   */
  readonly exact: Form | undefined;
  readonly graph: Graph;
}

/** Compiles the forms that the mode asks for. `timed` are samples to measure trade-offs with. */
export async function compileForms(input: ChoiceInput, timed: readonly Tensors[]): Promise<Forms> {
  const { options, source, context } = input;
  const hasGates = gatesOf(source.prepared.graph).length > 0;
  const { before, prepared, inputRange } = source;
  const hook = async (step: StepName) => chainHooks(await input.hooks(step));
  const masked = await compileForm('masked', prepared, context, {
    before,
    inputRange,
    approximation: source.approximation,
  });
  const compacting = await hook('compact');
  const start = await reduced(prepared, context, compacting);
  const pruned = await prune(input, start, masked, timed);
  const own: PassContext = { ...context, weak: pruned?.weak };
  const compact = await settled(start, own, compacting);
  const forming: FormOptions = { before, inputRange, approximation: pruned?.approximation ?? source.approximation };
  const dense = await compileForm('dense', compact, own, { ...forming, hook: await hook('dense') });
  const isWanted = options.mode !== 'dense' && hasGates;
  return {
    masked,
    dense,
    pruned: pruned && (await prunedForms(pruned, start, compact.graph, input)),
    dynamic: isWanted ? await dynamicForms(compact, own, forming, await hook('dynamic')) : undefined,
  };
}

/** The forms dynamic of a compacted graph. `hook` looks into the one that may be written. */
export async function dynamicForms(
  compact: PassManager,
  context: PassContext,
  options: Omit<FormOptions, 'hook' | 'passes'> = {},
  hook?: AfterPass,
): Promise<DynamicForms> {
  // What comes before the plans is the same for all.
  const first = dynamicGating.indexOf(planGates);
  const start = compact.fork(context);
  await start.run(dynamicGating.slice(0, first), hook);
  const lower = (own: PassContext, isFinal: boolean): Promise<Form> =>
    compileForm('dynamic', start, own, {
      ...options,
      hook: isFinal ? hook : undefined,
      passes: dynamicGating.slice(first),
    });
  return {
    regions: async () => {
      const manager = start.fork(context);
      await manager.run([planGates]);
      return at(manager.runs, -1).report;
    },
    compile: async (plans, isFinal) => {
      const form = await lower({ ...context, plans }, isFinal);
      const made = form.manager.runs.flatMap(({ report }) => report.regions ?? []);
      for (const [region, plan] of plans) {
        const isMade = made.some((own) => own.region === region && own.chosen === plan);
        assert(isMade, `plan '${plan}' of region '${region}' has room beside the others`);
      }
      return form;
    },
    predict: () => lower(context, true),
  };
}

async function prune(
  { options, source, context, data, runtime }: ChoiceInput,
  start: PassManager,
  original: Form,
  timed: readonly Tensors[],
): Promise<Pruned | undefined> {
  const budget = removalBudgetOf(options);
  if (budget === undefined || data === undefined) return undefined;
  const isFixed = context.target.batch === 'fixed';
  const fixedBatch = isFixed || fixedBatchOf(source.prepared.graph) !== undefined;
  const batchSize = isFixed ? (context.batch ?? 1) : batchSizeFor(source);
  return pruneWithin({ budget, options, context, start, original, data, runtime, batchSize, fixedBatch, timed });
}

async function prunedForms(
  { report, weak }: Pruned,
  start: PassManager,
  graph: Graph,
  { options, context, source, reference }: ChoiceInput,
): Promise<PrunedForms> {
  // What is compared with, and what may be quantized instead.
  const isNeeded = reference !== undefined || precisionOf(options, context.target.name) === 'int8';
  if (weak === undefined || !isNeeded) return { report, graph, exact: undefined };
  const { before, inputRange, approximation } = source;
  const exact = await compileForm('dense', await settled(start, context), context, {
    before,
    inputRange,
    approximation,
  });
  return { report, graph, exact };
}

import { gatesOf } from '../../passkit/gates.js';
import { neverFiredBound } from '../../runtime/profile/query.js';
import type { Profile } from '../../runtime/profile/types.js';
import type { Runtime } from '../../runtime/types.js';
import { installEngine } from '../../support/install.js';
import { type Choice, canMeasure } from '../forms/choose-form.js';
import { placementWarnings } from '../forms/placement.js';
import { scoreLimits } from '../gates/score-advice.js';
import type { Source } from '../model/source.js';
import type { CompileOptions } from '../options.js';
import { precisionsOf } from '../precision/precision-of.js';
import { tooFewRuns } from '../samples/timed-samples.js';
import type { BudgetReport, LowerPrecisionReport, TargetReport } from './report.js';

/** What the verifications of all targets leave open, or that there was none. */
export function caveatsOf(targets: readonly TargetReport[]): string[] {
  if (targets.some(({ verification }) => verification === null)) return ['the result was not verified'];
  return [...new Set(targets.flatMap(({ verification }) => verification?.caveats ?? []))];
}

/** That models were run, and timed, in another engine than those of the target run in. */
export function runtimeWarnings({ name, fallback }: Runtime): string[] {
  if (fallback === undefined) return [];
  const advice = `its times are not those of a processor: ${installEngine}`;
  return [`onnxruntime-node ${fallback}: models were run in ${name}, which is slower, and ${advice}`];
}

/** What the user should know before relying on the result. */
export function warningsOf(
  options: CompileOptions,
  source: Source,
  profile: Profile | undefined,
  choices: readonly Choice[],
): string[] {
  const warnings = source.departures.map(({ where, what }) => `${where}: ${what}, swanc does as Keras documents`);
  const isAccuracyMeasured =
    options.maxDrop !== undefined || [...precisionsOf(options)].some((name) => name !== 'fp32');
  if (options.labels !== undefined && !isAccuracyMeasured) {
    warnings.push('the labels were not used: only --max-drop, and --precision below fp32, measure accuracy');
  }
  if (profile === undefined && gatesOf(source.prepared.graph).length > 0) {
    const hint = options.inputRange === undefined ? ': more can be proved with --input-range' : '';
    warnings.push(`no calibration data: only units that are proved never to fire were removed${hint}`);
  }
  for (const { gate, advice } of scoreLimits(source.prepared.graph, profile)) {
    if (advice !== null) warnings.push(`${gate}: ${advice}`);
  }
  const isObserved = choices.some(({ form }) => form.removed.some(({ basis }) => basis === 'observed'));
  const bound = neverFiredBound(profile?.samples ?? 0);
  if (isObserved && bound > weakBound) {
    const risk = `${(100 * bound).toPrecision(2)} % of inputs (95 % bound)`;
    warnings.push(
      `with ${profile?.samples ?? 0} samples, a removed unit may be needed by up to ${risk}: give more calibration data, or --dead proved`,
    );
  }
  warnings.push(...new Set(choices.flatMap(({ budget }) => (budget === undefined ? [] : budgetWarnings(budget)))));
  warnings.push(...choices.flatMap(({ form, context }) => placementWarnings(form.graph, context.target)));
  return [...warnings, ...planWarnings(options, choices)];
}

/** What makes plans less than they seem to be, or options vain. */
function planWarnings({ mode, tune, batch }: CompileOptions, choices: readonly Choice[]): string[] {
  if (mode === 'dense') {
    // Files for a fixed batch take just so many samples.
    const isBatchVain = batch !== undefined && choices.every(({ context }) => context.target.batch === 'open');
    const vain = [...(tune === undefined ? [] : ['--tune']), ...(isBatchVain ? ['--batch'] : [])];
    const verb = vain.length === 1 ? 'makes' : 'make';
    return vain.length === 0
      ? []
      : [`${vain.join(' and ')} ${verb} no difference to what is written with --mode dense, which has no plans`];
  }
  const warnings: string[] = [];
  for (const { form, context, reason, isForced, latency, planning, timedRuns } of choices) {
    const { name } = context.target;
    if (mode === 'dynamic' && form.name !== 'dynamic') {
      warnings.push(`${name}: the dense form was written: ${reason}`);
    } else if (isForced) {
      warnings.push(`${name}: ${reason}: --mode auto writes what is faster`);
    } else if (form.name === 'dynamic' && latency.size === 0) {
      const measure = canMeasure(context.target) ? 'measure it with --calibration' : 'measure it where it will run';
      const advice = `${measure}, or be safe with --mode dense`;
      warnings.push(`${name}: the dynamic form is only predicted to be faster than the dense one: ${advice}`);
    }
    const few = planning === undefined || planning.regions.length === 0 ? undefined : tooFewRuns(timedRuns);
    if (few === undefined) continue;
    const smaller = planning?.batch === 1 ? '' : ', or a smaller --batch';
    warnings.push(`${name}: ${few}: give more calibration samples${smaller}`);
  }
  return warnings;
}

/** What makes a budget say less than it seems to. */
function budgetWarnings({ budget, met, heldOut }: BudgetReport): string[] {
  if (!met) return ['nothing was removed within the budget: what is measured exceeds it before that'];
  const advice = `so few cannot tell one loss from another, ${moreData}`;
  if (heldOut < fewestHeldOut) return [`the budget was judged on ${heldOut} held-out samples: ${advice}`];
  if (budget.kind !== 'accuracy' || budget.limit === 0 || budget.limit * heldOut >= fewestLost) return [];
  const part = `${(100 * budget.limit).toPrecision(2)} % of ${heldOut} held-out samples is less than ${fewestLost}`;
  return [`${part}: ${advice}`];
}

/** Of models in a lower precision that lose much, or were judged on few samples. */
export function precisionWarnings(targets: readonly TargetReport[]): string[] {
  const warnings = targets.flatMap(({ lowerPrecision }) =>
    lowerPrecision === null ? [] : lossWarnings(lowerPrecision),
  );
  return [...new Set(warnings)];
}

function lossWarnings({ precision, loss }: LowerPrecisionReport): string[] {
  if (loss === null) return [];
  const { samples, accuracy, relativeChange } = loss;
  const warnings: string[] = [];
  const drop = accuracy === null ? 0 : accuracy.original - accuracy.model;
  // A loss that is not finite is null.
  const change = relativeChange ?? Number.POSITIVE_INFINITY;
  if (accuracy === null ? change > muchChange : drop > muchDrop) {
    const lost = accuracy === null ? `changes outputs by ${change.toPrecision(2)} of them` : `loses ${points(drop)}`;
    const advice = `state what may be lost with ${accuracy === null ? '--max-error' : '--max-drop'}`;
    warnings.push(`${precision} ${lost} on held-out samples: ${advice}, or compile without --precision`);
  }
  if (precision === 'int8' && samples < fewestHeldOut) {
    const count = samples === 1 ? 'one held-out sample' : `${samples} held-out samples`;
    warnings.push(`int8 was judged on ${count}: so few hardly tell what it loses, ${moreData}`);
  }
  return warnings;
}

const points = (part: number): string => `${(100 * part).toPrecision(2)} points of accuracy`;

/** What is more than int8 usually costs: parts of the outputs, and of all samples. */
const muchChange = 0.05;
const muchDrop = 0.005;

const moreData = 'give more calibration data';

/** Held-out samples below which a budget, or a precision, was hardly judged. */
const fewestHeldOut = 100;

/** Below so many samples that may be lost, chance decides. */
const fewestLost = 5;

/** Above this probability of being needed, the removal of a unit is worth a warning. */
const weakBound = 0.01;

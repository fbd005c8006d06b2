import type { ConsideredPlan, PassReport, RegionPlans } from '../../passkit/pass.js';
import { defined } from '../../support/assert.js';
import type { Form } from '../forms/forms.js';
import type { Planning, RegionReport } from '../reporting/report.js';
import { tooFewRuns } from '../samples/timed-samples.js';
import type { Paired } from './paired.js';
import { candidatesOf, type PlanNames, type PlanSearch, searchPlans } from './search-plans.js';
import { CompiledTrials, type TrialOptions } from './trials.js';

/** Makes the form dynamic of one compacted graph. */
export interface DynamicForms {
  /** The regions of its gates with all plans that there are for them. */
  regions(): Promise<PassReport>;
  /** Lowers a copy of the graph with these plans, and masks elsewhere. `isFinal` for what may be written. */
  compile(plans: PlanNames, isFinal: boolean): Promise<Form>;
  /** The same with the plans that are predicted to be fastest. */
  predict(): Promise<Form>;
}

/** The form dynamic, if some plan is worth it, and how its regions were planned. */
export interface Planned {
  readonly form: Form | undefined;
  /** True where no plan is worth it, and the one that loses least was taken since one was asked for. */
  readonly isForced: boolean;
  readonly planning: Omit<Planning, 'batch' | 'costs'>;
}

/** Takes the plans that are predicted to be fastest; of those that are not faster than masks one, if that `isWanted`. */
export async function planByPrediction(dynamic: DynamicForms, isWanted: boolean): Promise<Planned> {
  const form = await dynamic.predict();
  const report: PassReport = {
    findings: form.manager.runs.filter(({ report: { regions } }) => regions).flatMap(({ report }) => report.findings),
    regions: form.manager.runs.flatMap(({ report }) => report.regions ?? []),
  };
  const regions = (report.regions ?? []).map(predictedRegion);
  const isPlanned = regions.some(({ chosen }) => chosen !== maskPlan);
  const planning = { tune: 'predicted', unplanned: unplannedOf(report) } as const;
  if (isPlanned) return { form, isForced: false, planning: { ...planning, regions } };
  const forced = isWanted ? leastLoss(report.regions ?? []) : new Map<string, string>();
  return {
    form: forced.size === 0 ? undefined : await dynamic.compile(forced, true),
    isForced: forced.size > 0,
    planning: { ...planning, regions: withForced(regions, forced) },
  };
}

/** The plan that takes least in parts of its region's mask, as measured where that was done. None if there are no plans. */
function leastLoss(regions: readonly RegionPlans[], measured?: PlanSearch['measured']): PlanNames {
  const plans = regions.flatMap(({ region, considered }) => {
    const [mask, ...others] = considered;
    return others.map(({ plan, predicted }) => {
      const part = measured?.get(region)?.get(plan)?.ratio;
      // A whole model's part is nearer to 1 than that of a region: what was measured comes first.
      return {
        region,
        plan,
        isMeasured: part !== undefined,
        part: part ?? predicted / defined(mask, 'mask').predicted,
      };
    });
  });
  const [best] = plans.sort(
    (left, right) => Number(right.isMeasured) - Number(left.isMeasured) || left.part - right.part,
  );
  return new Map(best === undefined ? [] : [[best.region, best.plan]]);
}

function withForced(regions: readonly RegionReport[], forced: PlanNames): RegionReport[] {
  const reason = 'not faster than the mask: a dynamic form was asked for, and of all plans this one loses least';
  return regions.map((region) => ({
    ...region,
    ...(forced.has(region.region) ? { chosen: defined(forced.get(region.region), region.region), reason } : {}),
  }));
}

export interface MeasuringOptions extends Omit<TrialOptions, 'compile'> {
  /** True where a plan is wanted even if none is faster than masks. */
  readonly isForced: boolean;
  /** Called with the number of combinations that were measured, and of those that are planned so far. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Takes the plans that are measured to be fastest on samples. */
export async function planByMeasuring(dynamic: DynamicForms, options: MeasuringOptions): Promise<Planned> {
  const report = await dynamic.regions();
  const all = report.regions ?? [];
  const candidates = [...candidatesOf(all).values()].reduce((sum, plans) => sum + plans.length, 0);
  const trials = new CompiledTrials({
    ...options,
    compile: (plans) => dynamic.compile(plans, false),
    onTrial: (done) => options.onProgress(done, Math.max(done, candidates)),
  });
  const found = await searchPlans(all, trials);
  const forced =
    found.plans.size === 0 && options.isForced ? leastLoss(all, found.measured) : new Map<string, string>();
  const plans = found.plans.size === 0 ? forced : found.plans;
  const regions = all.map((region) => measuredRegion(region, found, all, options.samples.length));
  return {
    form: plans.size === 0 ? undefined : await dynamic.compile(plans, true),
    isForced: forced.size > 0,
    planning: {
      tune: 'measured',
      regions: withForced(regions, forced),
      unplanned: unplannedOf(report),
    },
  };
}

/** The plans of regions when none was clearly faster in the end. */
export function withMasksOnly(regions: readonly RegionReport[], reason: string): RegionReport[] {
  return regions.map((region) => (region.chosen === maskPlan ? region : { ...region, chosen: maskPlan, reason }));
}

const maskPlan = 'mask';

function predictedRegion(region: RegionPlans): RegionReport {
  const { chosen } = region;
  const timeOf = (name: string): number =>
    defined(
      region.considered.find(({ plan }) => plan === name),
      'a considered plan',
    ).predicted;
  const part = timeOf(chosen) / timeOf(maskPlan);
  const reason = region.reason ?? `predicted to take ${part.toFixed(2)} of the time of the mask`;
  return regionReport(region, chosen, reason, new Map());
}

function measuredRegion(
  region: RegionPlans,
  { plans, measured }: PlanSearch,
  all: readonly RegionPlans[],
  runs: number,
): RegionReport {
  const own = plans.get(region.region);
  const times = measured.get(region.region) ?? new Map<string, Paired>();
  return regionReport(region, own ?? maskPlan, measuredReason(region, own, times, plans, all, runs), times);
}

function measuredReason(
  region: RegionPlans,
  own: string | undefined,
  times: ReadonlyMap<string, Paired>,
  plans: PlanNames,
  all: readonly RegionPlans[],
  runs: number,
): string {
  if (own !== undefined) {
    return `alone it takes ${defined(times.get(own), own).ratio.toFixed(3)} of the time of the model with masks only`;
  }
  const others = all.filter((other) => plans.has(other.region) && sharesGate(other, region));
  if (others.length > 0) return `planned as region '${others.map((other) => other.region).join("' and '")}'`;
  if (times.size === 0) return 'no other plan is predicted to come near the mask';
  if (![...times.values()].some(({ upper }) => upper < 1)) {
    // Where none even seems to be faster, more runs would hardly tell otherwise.
    const few = [...times.values()].some(({ ratio }) => ratio < 1) ? tooFewRuns(runs) : undefined;
    return few ?? 'no plan was clearly faster than the mask';
  }
  const beside = excludedFor(region, times, plans);
  if (beside.length === 0) return 'faster alone, but not together with the other plans';
  return `what its plans save is less than what region '${beside.join("', '")}' saves, with which it shares operators`;
}

/** The regions whose plans leave no room for those of this one that are faster than masks. */
function excludedFor(region: RegionPlans, times: ReadonlyMap<string, Paired>, plans: PlanNames): string[] {
  const faster = region.considered.filter(({ plan }) => (times.get(plan)?.upper ?? 1) < 1);
  const others = faster.flatMap(({ excludes }) => excludes.filter((other) => plans.get(other.region) === other.plan));
  return [...new Set(others.map((other) => other.region))];
}

function regionReport(
  { region, gates, density, considered, refused }: RegionPlans,
  chosen: string,
  reason: string,
  times: ReadonlyMap<string, Paired>,
): RegionReport {
  const plan = ({ plan: name, what, predicted }: ConsideredPlan): RegionReport['considered'][number] => {
    const time = times.get(name);
    const measured = time === undefined ? null : { microseconds: time.microseconds, masks: time.base };
    return { plan: name, what, predicted, measured };
  };
  return {
    region,
    gates: [...gates],
    density: density ?? null,
    considered: considered.map(plan),
    refused: refused.map(({ strategy, reason: why }) => ({ strategy, reason: why })),
    chosen,
    reason,
  };
}

function sharesGate(left: RegionPlans, right: RegionPlans): boolean {
  return left.gates.some((gate) => right.gates.includes(gate));
}

/** Gates that are in no region, and why. */
function unplannedOf({ findings, regions = [] }: PassReport): Planning['unplanned'] {
  const planned = new Set(regions.flatMap(({ gates, region }) => [...gates, region]));
  return findings.filter(({ where }) => !planned.has(where)).map(({ where, what }) => ({ gate: where, reason: what }));
}

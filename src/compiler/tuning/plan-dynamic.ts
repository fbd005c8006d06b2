import type { ConsideredPlan, PassReport, RegionPlans } from '../../passkit/pass.js';
import { defined } from '../../support/assert.js';
import type { Form } from '../forms.js';
import type { Planning, RegionReport } from '../report.js';
import { tooFewRuns } from '../timed-samples.js';
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
  readonly planning: Omit<Planning, 'batch' | 'costs'>;
}

/** Takes the plans that are predicted to be fastest. */
export async function planByPrediction(dynamic: DynamicForms): Promise<Planned> {
  const form = await dynamic.predict();
  const report: PassReport = {
    findings: form.manager.runs.filter(({ report: { regions } }) => regions).flatMap(({ report }) => report.findings),
    regions: form.manager.runs.flatMap(({ report }) => report.regions ?? []),
  };
  const regions = (report.regions ?? []).map(predictedRegion);
  const isPlanned = regions.some(({ chosen }) => chosen !== maskPlan);
  return {
    form: isPlanned ? form : undefined,
    planning: { tune: 'predicted', regions, unplanned: unplannedOf(report) },
  };
}

export interface MeasuringOptions extends Omit<TrialOptions, 'compile'> {
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
  return {
    form: found.plans.size === 0 ? undefined : await dynamic.compile(found.plans, true),
    planning: {
      tune: 'measured',
      regions: all.map((region) => measuredRegion(region, found, all, options.samples.length)),
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

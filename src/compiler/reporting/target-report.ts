import type { WrittenFile } from '../../onnx/write-file.js';
import { gatesOf } from '../../passkit/gates.js';
import type { PassRun } from '../../passkit/manager.js';
import type { RemovedUnits } from '../../passkit/pass.js';
import type { Difference } from '../../runtime/compare.js';
import { meanDensity, statisticsOf } from '../../runtime/profile/query.js';
import type { Profile } from '../../runtime/profile/types.js';
import type { Choice } from '../forms/choose-form.js';
import { type Deployed, type DeployedFile, inReadingOrder, modelFilesOf } from '../forms/deploy.js';
import { type Form, filesOfForm, sizeOfForm } from '../forms/forms.js';
import { reportPlacement } from '../forms/placement.js';
import { type DeployedMemory, reportMemory } from '../memory/deployed-memory.js';
import { compiledLayers } from '../model/layers.js';
import type { Source } from '../model/source.js';
import type { LowerForm } from '../precision/lower-precision.js';
import { fixedBatchOf } from '../samples/timed-samples.js';
import type { Compared, Reference } from '../verification/verification.js';
import type {
  GateReport,
  LayerReport,
  LowerPrecisionReport,
  SizeReport,
  TargetReport,
  UnitFate,
  VerificationReport,
} from './report.js';

/** A model compiled for one target. */
export interface BuiltTarget {
  readonly choice: Choice;
  /** In the precision below `fp32` that was asked for. */
  readonly lower: LowerForm | undefined;
  readonly deployed: Deployed;
  /** Of the model in the lowest precision. */
  readonly memory: DeployedMemory;
}

/** What the report says of one target. */
export function reportTarget(
  { choice, lower, deployed, memory }: BuiltTarget,
  source: Source,
  profile: Profile | undefined,
): TargetReport {
  const { context, form, masked, reason, latency, compared, runtime, budget, planning, costsFile } = choice;
  const costs = { file: costsFile ?? null, values: { ...context.target.costs } };
  const batch = context.batch ?? 1;
  const files = inReadingOrder(deployed.files);
  const own = lower === undefined ? [] : files.filter(({ precision }) => precision === lower.precision);
  return {
    target: context.target.name,
    mode: form.name === 'dynamic' ? 'dynamic' : 'dense',
    modeReason: reason,
    opset: context.opset,
    batch: fixedBatchOf(form.graph) ?? null,
    files: written(files.filter((file) => !own.includes(file))),
    size: sizeOf(form, modelFilesOf(files, 'fp32', 'first')),
    maskedSize: sizeOf(masked, filesOfForm(masked, 'masked', undefined)),
    latency: latency.size === 0 ? null : { microseconds: Object.fromEntries(latency), batch, runtime },
    gates: gatesOf(source.prepared.graph).map(({ name: gate, units }) => reportGate(gate, units, form, profile)),
    planning: planning === undefined ? null : { ...planning, costs },
    layers: reportLayers(form),
    compiledLayers: source.layers === undefined ? null : compiledLayers(form.graph, source.layers),
    budget: budget ?? null,
    lowerPrecision: lower === undefined ? null : reportLower(lower, own),
    memory: reportMemory(memory),
    placement: reportPlacement(form.graph, context.target),
    passes: reportPasses(form.manager.runs),
    verification: compared === undefined ? null : reportVerification(compared, choice.beforeBudget),
  };
}

function reportLower({ form, from, ...lower }: LowerForm, files: readonly DeployedFile[]): LowerPrecisionReport {
  const passes = reportPasses(form.manager.runs.slice(from.manager.runs.length));
  const size = sizeOf(form, modelFilesOf(files, lower.precision, 'first'));
  return { ...lower, files: written(files), size, passes };
}

function reportPasses(runs: readonly PassRun[]): TargetReport['passes'] {
  return runs.map(({ pass, contract, nodes, report }) => ({
    pass,
    contract,
    nodesBefore: nodes.before,
    nodesAfter: nodes.after,
    findings: [...report.findings],
  }));
}

function written(files: readonly WrittenFile[]): { path: string; bytes: number }[] {
  return files.map(({ path, bytes }) => ({ path, bytes }));
}

/** What a form holds, and the bytes of its files. */
function sizeOf(form: Form, files: readonly WrittenFile[]): SizeReport {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { ...sizeOfForm(form), bytes };
}

/** What passes removed of each layer, one after the other. */
function reportLayers({ manager }: Form): LayerReport[] {
  const layers = new Map<string, LayerReport>();
  for (const { layer, units, removed, basis } of manager.runs.flatMap(({ report }) => report.layers ?? [])) {
    const known = layers.get(layer) ?? { name: layer, units, removed: { proved: 0, observed: 0, approximate: 0 } };
    layers.set(layer, { ...known, removed: { ...known.removed, [basis]: known.removed[basis] + removed } });
  }
  return [...layers.values()];
}

function reportGate(
  name: string,
  units: number,
  { removed, gateOutputs, gatedUnits }: Form,
  profile: Profile | undefined,
): GateReport {
  const statistics = statisticsOf(profile, name);
  const exposed = gateOutputs.find(({ gate }) => gate === name);
  const count = (reason: RemovedUnits['reason'], basis: RemovedUnits['basis']): number =>
    removed
      .filter((entry) => entry.gate === name && entry.reason === reason && entry.basis === basis)
      .reduce((sum, entry) => sum + entry.units.length, 0);
  return {
    name,
    units,
    density: statistics === undefined ? null : meanDensity(statistics),
    removedOff: { proved: count('off', 'proved'), observed: count('off', 'observed') },
    removedOn: { proved: count('on', 'proved'), observed: count('on', 'observed') },
    fates: fatesOf(
      units,
      removed.filter(({ gate }) => gate === name),
      gatedUnits.get(name),
    ),
    output: exposed === undefined ? null : { name: exposed.output, units: [...exposed.units] },
  };
}

/** What became of each of the units of a gate, `left` being those that still have one: see `unitFates`. */
function fatesOf(units: number, removed: readonly RemovedUnits[], left: ReadonlySet<number> = new Set()): string {
  const marks = { off: '0', on: '1', with: '=' } as const satisfies Record<RemovedUnits['reason'], UnitFate>;
  const fates: UnitFate[] = Array.from({ length: units }, (_, unit) => (left.has(unit) ? '.' : '-'));
  for (const { units: own, reason } of removed) {
    // A unit that fires with another and is not gated is gone, for whatever reason.
    for (const unit of own) if (reason !== 'with' || left.has(unit)) fates[unit] = marks[reason];
  }
  return fates.join('');
}

/** The comparison in the report's form; `before` is that before removals within a budget. */
export function reportVerification({ comparison, reference }: Compared, before?: Compared): VerificationReport {
  const { samples, clear, boundary, outsideProfile, maxDifference, maxRelative } = comparison;
  return {
    reference: reference.kind,
    caveats: caveatsOf(reference),
    randomInputs: reference.available === undefined,
    samples,
    available: reference.available ?? null,
    clear,
    boundary,
    outsideProfile,
    maxDifference,
    maxRelative,
    boundaryDifference: finite(comparison.boundaryDifference),
    outsideDifference: finite(comparison.outsideDifference),
    beforeBudget:
      before === undefined
        ? null
        : {
            reference: before.reference.kind,
            clear: before.comparison.clear,
            maxDifference: before.comparison.maxDifference,
            maxRelative: before.comparison.maxRelative,
          },
    approximation: null,
  };
}

function caveatsOf({ without, available }: Reference): string[] {
  const importUnchecked = 'verified against the imported graph, so not the import itself; TensorFlow.js:';
  return [
    ...(without === undefined ? [] : [`${importUnchecked} ${without}`]),
    ...(available === undefined ? ['no calibration data: verified on random inputs'] : []),
  ];
}

/** JSON has no infinity: a difference against something that is not finite is null. */
function finite({ absolute, relative }: Difference): VerificationReport['boundaryDifference'] {
  const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return { absolute: orNull(absolute), relative: orNull(relative) };
}

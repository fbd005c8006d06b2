import type { ModelFileContent } from '../onnx/write-file.js';
import { gatesOf } from '../passkit/gates.js';
import type { RemovedUnits } from '../passkit/pass.js';
import type { Difference } from '../runtime/compare.js';
import { meanDensity, statisticsOf } from '../runtime/profile/query.js';
import type { Profile } from '../runtime/profile/types.js';
import type { Choice } from './choose-form.js';
import { type Form, filesOfForm } from './forms.js';
import type { GateReport, LayerReport, SizeReport, TargetReport, VerificationReport } from './report.js';
import { sizeOfGraph } from './size-of-graph.js';
import type { Source } from './source.js';
import type { Compared, Reference } from './verification.js';

/** Where the model of a target lies in the output folder. */
export const modelFile = (target: string): string => `${target}/model.onnx`;

/** What the report says of one target, which is written as `files`. */
export function reportTarget(
  choice: Choice,
  files: readonly ModelFileContent[],
  source: Source,
  profile: Profile | undefined,
): TargetReport {
  const { context, form, masked, reason, latency, compared, runtime, budget, planning, costsFile } = choice;
  const costs = { file: costsFile ?? null, values: { ...context.target.costs } };
  const batch = context.batch ?? 1;
  return {
    target: context.target.name,
    mode: form.name === 'dynamic' ? 'dynamic' : 'dense',
    modeReason: reason,
    opset: context.opset,
    files: files.map(({ path, bytes }) => ({ path, bytes })).toReversed(),
    size: sizeOf(form, files),
    maskedSize: sizeOf(masked, masked === form ? files : filesOfForm(masked, modelFile('masked'), undefined)),
    latency: latency.size === 0 ? null : { microseconds: Object.fromEntries(latency), batch, runtime },
    gates: gatesOf(source.prepared.graph).map(({ name, units }) => reportGate(name, units, form.removed, profile)),
    planning: planning === undefined ? null : { ...planning, costs },
    layers: reportLayers(form),
    budget: budget ?? null,
    passes: form.manager.runs.map(({ pass, contract, nodes, report }) => ({
      pass,
      contract,
      nodesBefore: nodes.before,
      nodesAfter: nodes.after,
      findings: [...report.findings],
    })),
    verification: compared === undefined ? null : reportVerification(compared, choice.beforeBudget),
  };
}

function sizeOf(form: Form, files: readonly ModelFileContent[]): SizeReport {
  return { ...sizeOfGraph(form.graph), bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
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
  removed: readonly RemovedUnits[],
  profile: Profile | undefined,
): GateReport {
  const statistics = statisticsOf(profile, name);
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
  };
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

function caveatsOf({ without, available, original }: Reference): string[] {
  const importUnchecked = 'verified against the imported graph, so not the import itself; TensorFlow.js:';
  const isPruned = original !== undefined;
  return [
    ...(isPruned
      ? ['units were removed within the budget: compared with the model without them, not the original']
      : []),
    ...(without === undefined ? [] : [`${importUnchecked} ${without}`]),
    ...(available === undefined ? ['no calibration data: verified on random inputs'] : []),
  ];
}

/** JSON has no infinity: a difference against something that is not finite is null. */
function finite({ absolute, relative }: Difference): VerificationReport['boundaryDifference'] {
  const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return { absolute: orNull(absolute), relative: orNull(relative) };
}

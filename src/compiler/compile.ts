import { join } from 'node:path';
import type { Calibration } from '../data/types.js';
import type { Deployment } from '../formats/format.js';
import type { AfterPass } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { Target } from '../passkit/target.js';
import { profileToJson } from '../runtime/profile/json.js';
import type { Profile } from '../runtime/profile/types.js';
import { openRuntime } from '../runtime/session.js';
import type { Runtime } from '../runtime/types.js';
import { at } from '../support/assert.js';
import { replaceFiles } from '../support/replace-file.js';
import { swancVersion } from '../support/version.js';
import { budgetOf, requireJudgeable } from './budget/budget-options.js';
import { checkOptions } from './check-options.js';
import { type ChoiceInput, chooseForm, type StepName } from './forms/choose-form.js';
import { deploy, inReadingOrder, modelFilesOf, requireFormats } from './forms/deploy.js';
import { bytesOfForm } from './forms/forms.js';
import { dumpAfterPass, StepVerifier } from './forms/step-hooks.js';
import { type DeployedModel, requireBudgets } from './memory/budgets.js';
import { memoryOf } from './memory/deployed-memory.js';
import { passContext } from './model/context.js';
import { openSource, openWithOriginal, type Source, type SourceWithOriginal } from './model/source.js';
import type { CompileOptions } from './options.js';
import { lowerPrecision } from './precision/lower-precision.js';
import { requireHalves } from './precision/require-halves.js';
import { loadProfile } from './profile.js';
import type { Report } from './reporting/report.js';
import { type BuiltTarget, reportTarget } from './reporting/target-report.js';
import { caveatsOf, precisionWarnings, runtimeWarnings, warningsOf } from './reporting/warnings.js';
import { outputPaths, requireOutput } from './require-output.js';
import { collectProfile } from './samples/collect-profile.js';
import { requireWithin } from './samples/input-range.js';
import { openData } from './samples/samples.js';
import { batchOf, requireBatch, requireSamples } from './samples/timed-samples.js';
import { type CostedTarget, withMeasuredCosts } from './tuning/costs/measured-costs.js';
import { type Reference, runReference } from './verification/verification.js';

/** What a compile made: its report, and the models as files or as bytes. */
export interface CompileResult {
  readonly report: Report;
  /** Files written, with the model of each target first; empty without an output folder. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** The gates' statistics that the result rests on. */
  readonly profile: Profile | undefined;
  /**
   * The compiled model of each target in the precision that was asked for, as the bytes of an .onnx file; empty with an
   * output folder, which has them.
   */
  readonly models: ReadonlyMap<string, Uint8Array>;
}

/**
 * Compiles a model: reads it, collects or loads the gates' statistics, removes what they say is never needed, lowers to
 * plain ONNX, compares with the original, and writes `<out>/<target>/model.onnx`, `<out>/report.json` and, if statistics
 * were collected, `<out>/profile.json`. Nothing is written unless everything went well.
 * @throws SwancError `usage`, `invalid`, `unsupported` or `verification`, with all problems that were found.
 */
export async function compile(options: CompileOptions): Promise<CompileResult> {
  const targets = checkOptions(options);
  if (options.out !== undefined) {
    await requireOutput(options, options.out, [...outputPaths(targets), profileFile, reportFile]);
  }
  const runtime = await openRuntime();
  requireFormats(targets, runtime);
  const costed: CostedTarget[] = [];
  for (const target of targets) costed.push(await withMeasuredCosts(target, options.tunedCosts, runtime));
  const base = passContext(runtime, options);
  const { source, identity, data, profile, reference } = await openInputs(options, targets, base, runtime);
  const built: BuiltTarget[] = [];
  const batch = batchOf(options.batch, source.prepared.graph);
  for (const [index, { target, costsFile }] of costed.entries()) {
    const context = { ...base, target, opset: options.opset ?? target.defaultOpset, profile, batch };
    const hooks = hooksFor(target, options, source, reference, runtime);
    const input: ChoiceInput = { options, source, context, costsFile, reference, data, runtime, hooks };
    built.push(await buildTarget(at(targets, index), input));
  }
  requireBudgets(
    built.map((own, index) => deployedModel(at(targets, index), own)),
    options,
  );
  const choices = built.map(({ choice }) => choice);
  const reported = built.map((own) => reportTarget(own, source, profile));
  const report: Report = {
    format: 'swanc-report',
    version: 1,
    swanc: swancVersion(),
    model: {
      path: source.path,
      format: source.format,
      sha256: identity ?? null,
      bytes: source.bytes,
      size: source.size,
      states: [...source.states],
      layers: source.layers === undefined ? null : [...source.layers],
    },
    calibration:
      profile === undefined ? null : { samples: profile.samples, source: data === undefined ? 'profile' : 'data' },
    dead: base.dead,
    warnings: [
      ...runtimeWarnings(runtime),
      ...(data?.notes ?? []),
      ...warningsOf(options, source, profile, choices),
      ...built.flatMap(({ deployed }) => deployed.warnings),
      ...precisionWarnings(reported),
      ...caveatsOf(reported),
    ],
    targets: reported,
  };
  if (options.out === undefined) {
    const models = new Map(
      built.map(({ choice, lower }) => [choice.context.target.name, bytesOfForm((lower ?? choice).form)]),
    );
    return { report, files: [], profile, models };
  }
  const files = await writeFiles(options, options.out, built, report, profile);
  return { report, files, profile, models: new Map() };
}

/** Compiles for one target, in `fp32` and in the precision that is asked for, and makes the files. */
async function buildTarget(target: Deployment, input: ChoiceInput): Promise<BuiltTarget> {
  const { options, runtime } = input;
  const choice = await chooseForm(input);
  const lower = await lowerPrecision({ ...input, choice });
  const forms = [{ precision: 'fp32' as const, form: choice.form }, ...(lower === undefined ? [] : [lower])];
  const feeds = input.reference?.batches[0]?.feeds;
  const deployed = await deploy(target, forms, { externalData: options.externalData, runtime, feeds });
  return { choice, lower, deployed, memory: memoryOf((lower ?? choice).form) };
}

/** What is judged by budgets of memory. */
function deployedModel(target: Deployment, { choice, lower, deployed, memory }: BuiltTarget): DeployedModel {
  const precision = lower?.precision ?? 'fp32';
  const fallsBack = lower !== undefined && target.fallsBack === true;
  return {
    target,
    precision,
    graph: (lower ?? choice).form.graph,
    weights: memory.weights,
    runs: [
      { precision, peak: memory.peak },
      ...(fallsBack ? [{ precision: 'fp32' as const, peak: memoryOf(choice.form).peak }] : []),
    ],
    batch: choice.context.batch ?? 1,
    files: modelFilesOf(deployed.files, precision, 'last'),
  };
}

/** What a compile starts from. */
interface Inputs {
  readonly source: Source;
  /** What the profile names the model by; undefined without one. */
  readonly identity?: string;
  readonly data?: Calibration | undefined;
  readonly profile?: Profile | undefined;
  readonly reference?: Reference | undefined;
}

async function openInputs(
  options: CompileOptions,
  targets: readonly Deployment[],
  context: PassContext,
  runtime: Runtime,
): Promise<Inputs> {
  const { model, calibration, dumpIr } = options;
  const dump = dumpIr === undefined ? undefined : dumpAfterPass(join(dumpIr, 'prepare'));
  // Then nothing goes back to the original, and its weights need not stay in memory.
  if (options.verify === false && calibration === undefined && options.profile === undefined) {
    const source = await openSource(model, context, options, dump);
    requireBatch(options.batch, source.prepared.graph);
    return { source };
  }
  const source = await openWithOriginal(model, context, options, dump);
  requireBatch(options.batch, source.prepared.graph);
  const opened = await openData(options, source);
  const { inputRange } = options;
  const data = opened === undefined || inputRange === undefined ? opened : requireWithin(opened, inputRange);
  if (data !== undefined) requireHalves(options, data);
  if (data !== undefined) requireSamples(options.batch, source.prepared.graph, data, options.samples);
  const budget = budgetOf(options);
  if (budget !== undefined && data !== undefined) {
    requireJudgeable(budget, source.prepared.graph, data, options.samples);
  }
  const profile = await findProfile(options, source, data, runtime);
  const batch = targets.some((target) => target.batch === 'fixed')
    ? batchOf(options.batch, source.prepared.graph)
    : undefined;
  const reference = options.verify === false ? undefined : await referenceOf(options, source, data, runtime, batch);
  return { source, data, profile, reference, ...(profile === undefined ? {} : { identity: source.identity }) };
}

/** The profile that is given, or one that is collected from the data; undefined where there is neither. */
async function findProfile(
  options: CompileOptions,
  source: SourceWithOriginal,
  data: Calibration | undefined,
  runtime: Runtime,
): Promise<Profile | undefined> {
  if (options.profile !== undefined) return loadProfile(options.profile, source.identity);
  if (data === undefined) return undefined;
  return collectProfile(source, data, runtime, options);
}

function referenceOf(
  options: CompileOptions,
  source: SourceWithOriginal,
  data: Calibration | undefined,
  runtime: Runtime,
  batch: number | undefined,
): Promise<Reference> {
  options.onProgress?.({ stage: 'verify' });
  return runReference({
    source,
    data,
    samples: data === undefined ? options.samples : undefined,
    limit: data === undefined ? undefined : options.samples,
    inputRange: options.inputRange,
    runtime,
    batch,
    signal: options.signal,
  });
}

/** Makes the hooks of each step. The forms go on from where compaction ended, and so do their verifications. */
function hooksFor(
  target: Target,
  options: CompileOptions,
  source: Source,
  reference: Reference | undefined,
  runtime: Runtime,
): (step: StepName) => Promise<AfterPass[]> {
  let compaction: StepVerifier | undefined;
  return async (step) => {
    const hooks: AfterPass[] = [];
    if (options.dumpIr !== undefined) hooks.push(dumpAfterPass(join(options.dumpIr, `${target.name}-${step}`)));
    if (options.verifyEach && reference !== undefined) {
      const start = compaction?.fork() ?? (await StepVerifier.open(reference, source.prepared.graph, runtime));
      if (step === 'compact') compaction = start;
      hooks.push(start.hook);
    }
    return hooks;
  };
}

/** All files at once: whoever sees a report sees the files it tells of, and a failure leaves what was there. */
async function writeFiles(
  options: CompileOptions,
  out: string,
  built: readonly BuiltTarget[],
  report: Report,
  profile: Profile | undefined,
): Promise<CompileResult['files']> {
  options.onProgress?.({ stage: 'write' });
  const texts = [
    ...(profile === undefined ? [] : [{ path: profileFile, content: Buffer.from(profileToJson(profile)) }]),
    { path: reportFile, content: Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`) },
  ].map((file) => ({ ...file, bytes: file.content.length }));
  const models = built.map(({ deployed }) => deployed.files);
  const placed = [...models.flat(), ...texts];
  // What an earlier compile left says nothing of this one.
  const obsolete = built.flatMap(({ deployed }) => deployed.obsolete);
  if (profile === undefined) obsolete.push(profileFile);
  const inFolder = (path: string): string => join(out, path);
  await replaceFiles(
    placed.map(({ path, content }) => ({ path: inFolder(path), content })),
    obsolete.map(inFolder),
  );
  return [...models.flatMap(inReadingOrder), ...texts].map(({ path, bytes }) => {
    return { path: inFolder(path), bytes };
  });
}

/** Beside the folders of the targets. */
const profileFile = 'profile.json';
const reportFile = 'report.json';

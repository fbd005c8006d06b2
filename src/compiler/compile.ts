import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { targets as knownTargets } from '../../targets/index.js';
import type { Calibration } from '../data/types.js';
import { dataFile, type ModelFileContent } from '../onnx/write-file.js';
import { gatesOf } from '../passkit/gates.js';
import type { AfterPass } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { Target } from '../passkit/target.js';
import { profileToJson } from '../runtime/profile/json.js';
import { neverFiredBound } from '../runtime/profile/query.js';
import type { Profile } from '../runtime/profile/types.js';
import { openRuntime } from '../runtime/session.js';
import type { Runtime } from '../runtime/types.js';
import { at, defined } from '../support/assert.js';
import { problem, SwancError } from '../support/errors.js';
import { replaceFiles } from '../support/replace-file.js';
import { swancVersion } from '../support/version.js';
import { budgetOf, budgetProblems, requireJudgeable } from './budget/budget-options.js';
import { type Choice, chooseForm, type StepName } from './choose-form.js';
import { collectProfile } from './collect-profile.js';
import { passContext } from './context.js';
import { bytesOfForm, filesOfForm } from './forms.js';
import { requireWithin } from './input-range.js';
import { type CompileOptions, modes, tunings } from './options.js';
import { loadProfile } from './profile.js';
import type { BudgetReport, Report, TargetReport } from './report.js';
import { openSamples } from './samples.js';
import { scoreLimits } from './score-advice.js';
import { openSource, openWithOriginal, type Source, type SourceWithOriginal } from './source.js';
import { dumpAfterPass, StepVerifier } from './step-hooks.js';
import { modelFile, reportTarget } from './target-report.js';
import { batchOf, largestBatch, requireBatch, requireSamples, tooFewRuns } from './timed-samples.js';
import { type CostedTarget, withMeasuredCosts } from './tuning/costs/measured-costs.js';
import { type Reference, runReference } from './verification.js';

export interface CompileResult {
  readonly report: Report;
  /** Files written, with the model of each target first; empty without an output folder. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** The gates' statistics that the result rests on. */
  readonly profile: Profile | undefined;
  /** The compiled model of each target, as the bytes of an .onnx file; empty with an output folder, which has them. */
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
  if (options.out !== undefined) await requireFolder(options.out);
  const runtime = await openRuntime();
  const costed: CostedTarget[] = [];
  for (const target of targets) costed.push(await withMeasuredCosts(target, options.tunedCosts, runtime));
  const base = passContext(runtime, options);
  const { source, identity, data, profile, reference } = await openInputs(options, base, runtime);
  const choices: Choice[] = [];
  const batch = batchOf(options.batch, source.prepared.graph);
  for (const { target, costsFile } of costed) {
    const context = { ...base, target, opset: options.opset ?? target.opset.default, profile, batch };
    const hooks = hooksFor(target, options, source, reference, runtime);
    choices.push(await chooseForm({ options, source, context, costsFile, reference, data, runtime, hooks }));
  }
  const modelFiles = choices.map(({ form, context }) =>
    filesOfForm(form, modelFile(context.target.name), options.externalData),
  );
  const reported = choices.map((choice, index) => reportTarget(choice, at(modelFiles, index), source, profile));
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
    },
    calibration:
      profile === undefined ? null : { samples: profile.samples, source: data === undefined ? 'profile' : 'data' },
    dead: base.dead,
    warnings: [...warningsOf(options, source, profile, choices), ...caveatsOf(reported)],
    targets: reported,
  };
  if (options.out === undefined) {
    const models = new Map(choices.map(({ context, form }) => [context.target.name, bytesOfForm(form)]));
    return { report, files: [], profile, models };
  }
  const files = await writeFiles(options, options.out, modelFiles, report, profile);
  return { report, files, profile, models: new Map() };
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

async function openInputs(options: CompileOptions, context: PassContext, runtime: Runtime): Promise<Inputs> {
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
  const opened = calibration === undefined ? undefined : await openSamples(calibration, source, options.labels);
  const { inputRange } = options;
  const data = opened === undefined || inputRange === undefined ? opened : requireWithin(opened, inputRange);
  if (data !== undefined) requireSamples(options.batch, source.prepared.graph, data, options.samples);
  const budget = budgetOf(options);
  if (budget !== undefined && data !== undefined) {
    requireJudgeable(budget, source.prepared.graph, data, options.samples);
  }
  const profile = await findProfile(options, source, data, runtime);
  const reference = options.verify === false ? undefined : await referenceOf(options, source, data, runtime);
  return { source, data, profile, reference, ...(profile === undefined ? {} : { identity: source.identity }) };
}

/** All options that contradict each other or name what is not there, at once. */
function checkOptions(options: CompileOptions): Target[] {
  const names = options.targets ?? ['cpu'];
  const targets = names.flatMap((name) =>
    Object.hasOwn(knownTargets, name) ? [defined(knownTargets[name], name)] : [],
  );
  const known = Object.keys(knownTargets).join(', ');
  const problems = names
    .filter((name) => !Object.hasOwn(knownTargets, name))
    .map((name) => problem('target', `'${name}' is not one`, `choose from ${known}`));
  if (names.length === 0) problems.push(problem('target', 'none is given', `choose from ${known}`));
  if (new Set(names).size < names.length) problems.push(problem('target', 'one is given twice'));
  if (options.mode !== undefined && !modes.includes(options.mode)) {
    problems.push(problem('mode', `'${options.mode}' is not one`, `choose from ${modes.join(', ')}`));
  }
  for (const { name, opset } of targets) {
    const wanted = options.opset ?? opset.default;
    if (wanted >= opset.oldest && wanted <= opset.newest && Number.isInteger(wanted)) continue;
    problems.push(
      problem('opset', `${wanted} cannot be written for ${name}`, `from ${opset.oldest} to ${opset.newest}`),
    );
  }
  if (options.samples !== undefined && !(Number.isInteger(options.samples) && options.samples > 0)) {
    problems.push(problem('samples', `${options.samples} is not a number of samples`));
  }
  if (options.batch !== undefined && !(Number.isInteger(options.batch) && options.batch > 0)) {
    problems.push(problem('batch', `${options.batch} is not a number of samples`));
  } else if (options.batch !== undefined && options.batch > largestBatch) {
    problems.push(problem('batch', `${options.batch} samples are too many for a run`, `at most ${largestBatch}`));
  }
  if (options.tune !== undefined && !tunings.includes(options.tune)) {
    problems.push(problem('tune', `'${options.tune}' is not a way to plan`, `choose from ${tunings.join(', ')}`));
  }
  if (options.tune === 'measured' && options.calibration === undefined) {
    problems.push(problem('tune', 'measuring takes samples', 'give them with --calibration'));
  }
  const [low, high] = options.inputRange ?? [0, 0];
  if (!(low <= high)) problems.push(problem('input range', `${low} to ${high} is empty`));
  if (options.verifyEach && options.verify === false) {
    problems.push(problem('verify each', 'passes cannot be verified with verification left out'));
  }
  problems.push(...budgetProblems(options));
  if (problems.length > 0) throw new SwancError('usage', 'these options do not fit', problems);
  return targets;
}

/** Told before the work is done, not after it. */
async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return;
  throw new SwancError('usage', 'nothing can be written', [problem(path, 'it is a file', 'name a folder with --out')]);
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
): Promise<Reference> {
  options.onProgress?.({ stage: 'verify' });
  return runReference({
    source,
    data,
    samples: data === undefined ? options.samples : undefined,
    inputRange: options.inputRange,
    runtime,
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
  models: readonly (readonly ModelFileContent[])[],
  report: Report,
  profile: Profile | undefined,
): Promise<CompileResult['files']> {
  options.onProgress?.({ stage: 'write' });
  const texts = [
    ...(profile === undefined ? [] : [{ path: profileFile, content: Buffer.from(profileToJson(profile)) }]),
    { path: reportFile, content: Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`) },
  ].map((file) => ({ ...file, bytes: file.content.length }));
  const placed = [...models.flat(), ...texts];
  // What an earlier compile left says nothing of this one.
  const written = new Set(placed.map(({ path }) => path));
  const possible = [profileFile, ...report.targets.map(({ target }) => dataFile(modelFile(target)))];
  const obsolete = possible.filter((path) => !written.has(path));
  const inFolder = (path: string): string => join(out, path);
  await replaceFiles(
    placed.map(({ path, content }) => ({ path: inFolder(path), content })),
    obsolete.map(inFolder),
  );
  return [...models.flatMap((files) => files.toReversed()), ...texts].map(({ path, bytes }) => {
    return { path: inFolder(path), bytes };
  });
}

/** Beside the folders of the targets. */
const profileFile = 'profile.json';
const reportFile = 'report.json';

/** What the verifications of all targets leave open, or that there was none. */
function caveatsOf(targets: readonly TargetReport[]): string[] {
  if (targets.some(({ verification }) => verification === null)) return ['the result was not verified'];
  return [...new Set(targets.flatMap(({ verification }) => verification?.caveats ?? []))];
}

/** What the user should know before relying on the result. */
function warningsOf(
  options: CompileOptions,
  source: Source,
  profile: Profile | undefined,
  choices: readonly Choice[],
): string[] {
  const warnings = source.departures.map(({ where, what }) => `${where}: ${what}, swanc does as Keras documents`);
  if (options.labels !== undefined && options.maxDrop === undefined) {
    warnings.push('the labels were not used: only --max-drop measures accuracy');
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
  return [...warnings, ...planWarnings(options, choices)];
}

/** What makes plans less than they seem to be, or options vain. */
function planWarnings({ mode, tune, batch }: CompileOptions, choices: readonly Choice[]): string[] {
  if (mode === 'dense') {
    const vain = [...(tune === undefined ? [] : ['--tune']), ...(batch === undefined ? [] : ['--batch'])];
    const verb = vain.length === 1 ? 'makes' : 'make';
    return vain.length === 0
      ? []
      : [`${vain.join(' and ')} ${verb} no difference to what is written with --mode dense, which has no plans`];
  }
  const warnings: string[] = [];
  for (const { form, context, reason, latency, planning, timedRuns } of choices) {
    const { name } = context.target;
    if (mode === 'dynamic' && form.name !== 'dynamic') {
      warnings.push(`${name}: the dense form was written: ${reason}`);
    }
    if (form.name === 'dynamic' && latency.size === 0) {
      const advice = 'measure it with --calibration, or be safe with --mode dense';
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
  const advice = 'so few cannot tell one loss from another, give more calibration data';
  if (heldOut < fewestHeldOut) return [`the budget was judged on ${heldOut} held-out samples: ${advice}`];
  if (budget.kind !== 'accuracy' || budget.limit === 0 || budget.limit * heldOut >= fewestLost) return [];
  const part = `${(100 * budget.limit).toPrecision(2)} % of ${heldOut} held-out samples is less than ${fewestLost}`;
  return [`${part}: ${advice}`];
}

/** Held-out samples below which a budget was hardly judged. */
const fewestHeldOut = 100;

/** Below so many samples that may be lost, chance decides. */
const fewestLost = 5;

/** Above this probability of being needed, the removal of a unit is worth a warning. */
const weakBound = 0.01;

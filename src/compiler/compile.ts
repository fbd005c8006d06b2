import { join } from 'node:path';
import { targets as knownTargets } from '../../targets/index.js';
import { openCalibration } from '../data/calibration.js';
import type { Calibration } from '../data/types.js';
import { writeModelFile } from '../onnx/write-file.js';
import type { AfterPass } from '../passkit/manager.js';
import type { PassContext } from '../passkit/pass.js';
import type { Target } from '../passkit/target.js';
import { profileToJson } from '../runtime/profile/json.js';
import type { Profile } from '../runtime/profile/types.js';
import { openRuntime } from '../runtime/session.js';
import type { Runtime } from '../runtime/types.js';
import { defined } from '../support/assert.js';
import { problem, SwancError } from '../support/errors.js';
import { makeFolder, replaceFile } from '../support/replace-file.js';
import { swancVersion } from '../support/version.js';
import { type Choice, chooseForm, type StepName } from './choose-form.js';
import { collectProfile } from './collect-profile.js';
import { passContext } from './context.js';
import { sizeOfGraph, writeOptions } from './forms.js';
import { type CompileOptions, modes } from './options.js';
import { loadProfile } from './profile.js';
import type { Report } from './report.js';
import { openSource, type Source } from './source.js';
import { dumpAfterPass, StepVerifier } from './step-hooks.js';
import { reportTarget } from './target-report.js';
import { inputsOf, type Reference, runReference } from './verification.js';

export interface CompileResult {
  readonly report: Report;
  /** Files written, with the model of each target first; empty without an output folder. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** The gates' statistics that the result rests on. */
  readonly profile: Profile | undefined;
  /** The compiled model of each target, as the bytes of an .onnx file. */
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
  const runtime = await openRuntime();
  const base = passContext(runtime, options);
  const dump = options.dumpIr === undefined ? undefined : dumpAfterPass(join(options.dumpIr, 'prepare'));
  const source = await openSource(options.model, base, options, dump);
  const data = await openData(options, source);
  const profile = await findProfile(options, source, data, runtime);
  const reference = options.verify === false ? undefined : await referenceOf(options, source, data, runtime);
  const choices: Choice[] = [];
  for (const target of targets) {
    const context: PassContext = { ...base, target, opset: options.opset ?? target.opset.default, profile };
    const hooks = hooksFor(target, options, source, reference, runtime);
    choices.push(await chooseForm({ options, source, context, reference, data, runtime, hooks }));
  }
  const report: Report = {
    format: 'swanc-report',
    version: 1,
    swanc: swancVersion(),
    model: {
      path: source.path,
      format: source.format,
      sha256: source.identity,
      bytes: source.bytes,
      size: sizeOfGraph(source.original),
    },
    calibration:
      profile === undefined ? null : { samples: profile.samples, source: data === undefined ? 'profile' : 'data' },
    dead: base.dead,
    targets: choices.map((choice) => reportTarget(choice, source, profile)),
  };
  const models = new Map(choices.map((choice) => [choice.context.target.name, choice.form.bytes]));
  const files = options.out === undefined ? [] : await writeFiles(options, options.out, choices, report, profile);
  return { report, files, profile, models };
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
  const [low, high] = options.inputRange ?? [0, 0];
  if (!(low <= high)) problems.push(problem('input range', `${low} to ${high} is empty`));
  if (options.verifyEach && options.verify === false) {
    problems.push(problem('verify each', 'passes cannot be verified with verification left out'));
  }
  if (problems.length > 0) throw new SwancError('usage', 'these options do not fit', problems);
  return targets;
}

async function openData(options: CompileOptions, source: Source): Promise<Calibration | undefined> {
  return options.calibration === undefined
    ? undefined
    : openCalibration(options.calibration, inputsOf(source.original));
}

/** The profile that is given, or one that is collected from the data; undefined where there is neither. */
async function findProfile(
  options: CompileOptions,
  source: Source,
  data: Calibration | undefined,
  runtime: Runtime,
): Promise<Profile | undefined> {
  if (options.profile !== undefined) return loadProfile(options.profile, source.identity);
  if (data === undefined) return undefined;
  const { signal, onProgress, samples } = options;
  return collectProfile(source.prepared.graph, data, runtime, {
    model: source.identity,
    limit: samples,
    signal,
    onProgress,
  });
}

function referenceOf(
  options: CompileOptions,
  source: Source,
  data: Calibration | undefined,
  runtime: Runtime,
): Promise<Reference> {
  options.onProgress?.({ stage: 'verify' });
  return runReference({
    graph: source.prepared.graph,
    original: source.original,
    tfjsPath: source.format === 'tfjs-layers' ? source.path : undefined,
    data,
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

/** Models first, the report last: whoever sees a report sees the files it tells of. */
async function writeFiles(
  options: CompileOptions,
  out: string,
  choices: readonly Choice[],
  report: Report,
  profile: Profile | undefined,
): Promise<CompileResult['files']> {
  options.onProgress?.({ stage: 'write' });
  const files: { path: string; bytes: number }[] = [];
  for (const { context, form } of choices) {
    await makeFolder(join(out, context.target.name));
    const path = join(out, context.target.name, 'model.onnx');
    files.push(...(await writeModelFile(path, form.graph, writeOptions(context.opset, form.removed))));
  }
  const texts = {
    'profile.json': profile && profileToJson(profile),
    'report.json': `${JSON.stringify(report, undefined, 2)}\n`,
  };
  for (const [name, text] of Object.entries(texts)) {
    if (text === undefined) continue;
    await replaceFile(join(out, name), text);
    files.push({ path: join(out, name), bytes: Buffer.byteLength(text) });
  }
  return files;
}

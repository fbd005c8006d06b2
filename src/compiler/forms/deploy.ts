import type { CompiledModel, Deployment, Format, FormatFile } from '../../formats/format.js';
import type { Precision } from '../../passkit/target.js';
import type { Runtime, Tensors } from '../../runtime/types.js';
import { assert } from '../../support/assert.js';
import { type Problem, SwancError } from '../../support/errors.js';
import type { Form } from './forms.js';

/** A form and what its weights are in. */
interface PreciseForm {
  readonly precision: Precision;
  readonly form: Form;
}

/** A file of a target, and the name of the format that made it. */
export type DeployedFile = FormatFile & { readonly format: string };

/** What is written for a target. */
export interface Deployed {
  /** In the order in which they may appear. */
  readonly files: readonly DeployedFile[];
  /** Paths that an earlier compile may have written for the target, and this one does not. */
  readonly obsolete: readonly string[];
  readonly warnings: readonly string[];
}

export interface DeployOptions {
  readonly externalData: boolean | undefined;
  readonly runtime: Runtime;
  /** A batch to compare the files with their forms on; undefined where nothing is to be verified. */
  readonly feeds: Tensors | undefined;
}

/** @throws SwancError `unsupported` where a format of the targets cannot be written here. */
export function requireFormats(targets: readonly Deployment[], runtime: Runtime): void {
  const problems = targets.flatMap((target) =>
    target.formats.flatMap((format: Format) => format.problem?.({ target, runtime }) ?? []),
  );
  if (problems.length > 0) throw new SwancError('SWC3019', 'these targets cannot be compiled for here', problems);
}

/**
 * The files of a model for a target, in all of its formats; the first of the `forms` is in `fp32`.
 * @throws SwancError `verification` where a file does not compute what its form does.
 */
export async function deploy(
  target: Deployment,
  forms: readonly PreciseForm[],
  { externalData, runtime, feeds }: DeployOptions,
): Promise<Deployed> {
  const models = forms.map(modelOf);
  const files: DeployedFile[] = [];
  const warnings: string[] = [];
  const problems: Problem[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  for (const format of target.formats) {
    const own = await format.files({ target, models, files, externalData, runtime, warn });
    if (feeds !== undefined) problems.push(...((await format.check?.({ models, files: own, feeds, runtime })) ?? []));
    files.push(...own.map((file) => ({ ...file, format: format.name })));
  }
  if (problems.length > 0) {
    throw new SwancError('SWC4004', `files for ${target.name} differ from the compiled model`, problems);
  }
  const written = new Set(files.map(({ path }) => path));
  const possible = target.formats.flatMap((format: Format) => format.paths(target.name));
  return { files, obsolete: possible.filter((path) => !written.has(path)), warnings };
}

function modelOf({ precision, form: { graph, writing } }: PreciseForm): CompiledModel {
  return { precision, graph, writing };
}

/**
 * The files that hold a target's model in a precision: of its first format that writes models, or of the last, which is the
 * one to be deployed. The model comes before its weights.
 */
export function modelFilesOf(
  files: readonly DeployedFile[],
  precision: Precision,
  which: 'first' | 'last',
): readonly DeployedFile[] {
  const own = files.filter((file) => file.precision === precision);
  const models = own.filter(({ role }) => role === 'model');
  const model = which === 'first' ? models[0] : models.at(-1);
  assert(model !== undefined, `a format writes the model in ${precision}`);
  const isPart = ({ role, format }: DeployedFile): boolean =>
    format === model.format && (role === 'model' || role === 'weights');
  return inReadingOrder(own.filter(isPart));
}

/** The files in the order in which people look for them: a model before the weights that are in a file of their own. */
export function inReadingOrder(files: readonly DeployedFile[]): DeployedFile[] {
  const belongTo = (file: DeployedFile, other: DeployedFile): boolean =>
    file.format === other.format && file.precision === other.precision;
  const weights = files.filter(({ role }) => role === 'weights');
  const models = files.filter(({ role }) => role === 'model');
  const led = weights.filter((file) => models.some((model) => belongTo(file, model)));
  const placed = new Set<DeployedFile>();
  return files.flatMap((file) => {
    if (led.includes(file)) return [];
    if (file.role !== 'model') return [file];
    const own = led.filter((other) => belongTo(other, file) && !placed.has(other));
    for (const other of own) placed.add(other);
    return [file, ...own];
  });
}

import type { CompiledModel, Deployment, Format } from '../formats/format.js';
import { dataFile, type ModelFileContent } from '../onnx/write-file.js';
import type { Precision } from '../passkit/target.js';
import type { Runtime } from '../runtime/types.js';
import { SwancError } from '../support/errors.js';
import type { Form } from './forms.js';

/** A form and what its weights are in. */
interface PreciseForm {
  readonly precision: Precision;
  readonly form: Form;
}

/** What is written for a target. */
export interface Deployed {
  /** In the order in which they may appear. */
  readonly files: readonly ModelFileContent[];
  /** Paths that an earlier compile may have written for the target, and this one does not. */
  readonly obsolete: readonly string[];
}

/** @throws SwancError `unsupported` where a format of the targets cannot be written here. */
export function requireFormats(targets: readonly Deployment[], runtime: Runtime): void {
  const problems = targets.flatMap((target) =>
    target.formats.flatMap((format: Format) => format.problem?.({ target, runtime }) ?? []),
  );
  if (problems.length > 0) throw new SwancError('unsupported', 'these targets cannot be compiled for here', problems);
}

/** The files of a model for a target, in all of its formats; the first of the `forms` is in `fp32`. */
export async function deploy(
  target: Deployment,
  forms: readonly PreciseForm[],
  options: { readonly externalData: boolean | undefined; readonly runtime: Runtime },
): Promise<Deployed> {
  const models = forms.map(modelOf);
  const files: ModelFileContent[] = [];
  for (const format of target.formats) files.push(...(await format.files({ target, models, files, ...options })));
  const written = new Set(files.map(({ path }) => path));
  const possible = target.formats.flatMap((format: Format) => format.paths(target.name));
  return { files, obsolete: possible.filter((path) => !written.has(path)) };
}

function modelOf({ precision, form: { graph, writing } }: PreciseForm): CompiledModel {
  return { precision, graph, writing };
}

/** The files in the order in which people look for them: a model before the weights that are in a file of their own. */
export function inReadingOrder<T extends { readonly path: string }>(files: readonly T[]): T[] {
  const isData = ({ path }: T): boolean => files.some((other) => dataFile(other.path) === path);
  return files.flatMap((file) => {
    if (isData(file)) return [];
    return [file, ...files.filter(({ path }) => path === dataFile(file.path))];
  });
}

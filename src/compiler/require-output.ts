import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deployment } from '../formats/format.js';
import { modelFiles } from '../frontends/model-files.js';
import { problem, SwancError } from '../support/errors.js';
import type { CompileOptions } from './options.js';

/**
 * Refuses an output folder that is none, or in which files would replace or remove those that are read. Told before the work
 * is done, not after it. `paths` are those of the files that may be written, in the folder. A profile may be one of them: it
 * is written as it was read.
 * @throws SwancError SWC2003 with all files that are in the way.
 */
export async function requireOutput(options: CompileOptions, out: string, paths: readonly string[]): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isDirectory()) {
    throw new SwancError('SWC2003', 'nothing can be written', [
      problem(out, 'it is a file', 'name a folder with --out'),
    ]);
  }
  const read = new Map<string, string>();
  for (const input of await inputFiles(options)) {
    const real = await realpath(input).catch(() => undefined);
    if (real !== undefined) read.set(real, input);
  }
  const problems = [];
  for (const path of paths) {
    const real = await realpath(join(out, path)).catch(() => undefined);
    const input = real === undefined ? undefined : read.get(real);
    if (input === undefined) continue;
    problems.push(problem(input, 'it is read, and this compile would replace it', 'name another folder with --out'));
  }
  if (problems.length > 0) throw new SwancError('SWC2003', 'the output would replace what is read', problems);
}

/** All paths that the files of targets may have in an output folder. */
export function outputPaths(targets: readonly Deployment[]): string[] {
  return targets.flatMap(({ name, formats }) => formats.flatMap((format) => format.paths(name)));
}

/** The files that a compile reads, as far as they are files of their own. */
async function inputFiles({ model, calibration, labels, plugins, tunedCosts }: CompileOptions): Promise<string[]> {
  const data = [calibration ?? [], labels ?? []].flat();
  // Data of one of several inputs have its name before the path, and names and paths may have the sign, too.
  const paths = data.flatMap((text) => [...text.matchAll(/=/g)].map(({ index }) => text.slice(index + 1)));
  const modules = (plugins ?? []).filter((plugin) => typeof plugin === 'string');
  const costs = typeof tunedCosts === 'string' ? [tunedCosts] : [];
  return [...(await modelFiles(model).catch(() => [model])), ...data, ...paths, ...modules, ...costs];
}

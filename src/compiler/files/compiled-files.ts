import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { z } from 'zod';
import { invalid } from '../../support/errors.js';
import { readFileUpTo } from '../../support/read-file.js';

/**
 * The model files that a path means: itself, or those in a folder that was compiled to, as its report lists them; without
 * a report those in the folder itself and in the folders in it.
 * @throws SwancError `invalid` for a folder without any.
 */
export async function compiledFiles(path: string): Promise<readonly string[]> {
  // What is wrong with a path that is no folder, the reader of the file says.
  if (!(await isFolder(path))) return [path];
  const files = (await reportedIn(path)) ?? (await foundIn(path));
  if (files.length > 0) return files.map((file) => join(path, file));
  throw invalid(
    'SWC3401',
    path,
    'this folder has no compiled model',
    'give the folder that was compiled to, the folder of a target in it, or a file',
  );
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const filesSchema = z.array(z.object({ path: z.string() }));

/** As much of a report as is needed here: those of other versions have that, too. */
const reportSchema = z.object({
  format: z.literal('swanc-report'),
  targets: z.array(z.object({ files: filesSchema, lowerPrecision: z.object({ files: filesSchema }).nullish() })),
});

/** Far more than a report of a thousand gates has. */
const largestReport = 2 ** 28;

/** A report tells of files in its own folder. */
function isInside(path: string): boolean {
  return !isAbsolute(path) && !/^([A-Za-z]:|\.\.([/\\]|$))/.test(normalize(path));
}

/** Undefined where there is no report of a compile. */
async function reportedIn(folder: string): Promise<string[] | undefined> {
  const text = await readFileUpTo(join(folder, 'report.json'), largestReport).catch(() => undefined);
  const report = text === undefined ? undefined : reportSchema.safeParse(jsonIn(text.toString('utf8'))).data;
  return report?.targets
    .flatMap(({ files, lowerPrecision }) => [...files, ...(lowerPrecision?.files ?? [])])
    .map(({ path }) => path)
    .filter((path) => /\.(onnx|ort)$/.test(path) && isInside(path));
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function foundIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const below: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const names = await readdir(join(folder, entry.name)).catch(() => []);
    below.push(...names.filter(isModel).map((name) => join(entry.name, name)));
  }
  return [...entries.map(({ name }) => name).filter(isModel), ...below].toSorted();
}

const isModel = (name: string): boolean => /^model(\.\w+)?\.(onnx|ort)$/.test(name);

import { type Problem, problem, SwancError } from '../support/errors.js';
import { type Labels, labelCount, type Part } from './array.js';
import { openSource } from './bytes.js';
import { type FoundFiles, type FoundImage, findFiles } from './find-files.js';
import { csv } from './formats/csv.js';
import { type Format, labelInput, type OpenContext } from './formats/format.js';
import { images, openImages } from './formats/images.js';
import { formatOfContent, formatOfName, formats } from './formats/index.js';
import type { DataFormat } from './names.js';
import { shapeProblem } from './shapes.js';
import { ClassNames } from './tables/class-names.js';
import type { InputSpec } from './types.js';

/** What a path that was given has: files, and what it says of labels. */
export interface OpenedPath {
  readonly path: string;
  readonly parts: readonly Part[];
  /** A file within it that has the labels of all its samples. */
  readonly labelsFile: string | undefined;
  readonly notes: readonly string[];
}

/** How files are opened that do not say their format. */
export interface OpenOptions extends OpenContext {
  /** The format of files without an ending that tells it; by default found out. */
  readonly format: DataFormat | undefined;
}

/**
 * Opens all files of paths and holds their arrays against the inputs. `hasLabels`: labels are given otherwise, so folders of
 * images are no classes. What is wrong goes to `problems`, for all files.
 */
export async function openPaths(
  paths: readonly string[],
  options: OpenOptions,
  hasLabels: boolean,
  problems: Problem[],
): Promise<OpenedPath[]> {
  const opened: OpenedPath[] = [];
  for (const group of await findAll(paths, problems)) {
    const parts: Part[] = [];
    const { found } = group;
    const add = async (open: () => Promise<Part>): Promise<void> => {
      const part = await collecting(problems, open);
      if (part === undefined) return;
      const wrong = partProblems(part, options.inputs);
      problems.push(...wrong);
      if (wrong.length === 0) parts.push(part);
      await part.release();
    };
    for (const file of found.files) await add(() => openFile(file, options));
    if (found.images.length > 0) {
      const labels =
        hasLabels || found.labels !== undefined ? undefined : folderLabels(found.images, group.path, problems);
      await add(() =>
        openImages(
          found.images.map(({ path }) => path),
          group.path,
          labels,
          options,
          undefined,
          found.images.map(({ name }) => name),
        ),
      );
    }
    opened.push({
      path: group.path,
      parts,
      labelsFile: found.labels,
      notes: [...found.notes, ...parts.flatMap(({ notes }) => notes)],
    });
  }
  return opened;
}

interface Found {
  readonly path: string;
  readonly found: FoundFiles;
}

/** What is at the paths; images given one after the other are one set. */
async function findAll(paths: readonly string[], problems: Problem[]): Promise<Found[]> {
  const all: Found[] = [];
  let pictures: FoundImage[] | undefined;
  for (const path of paths) {
    const found = await collecting(problems, () => findFiles(path));
    if (found === undefined) continue;
    const isPicture = found.files.length === 1 && found.files[0] === path && formatOfName(path) === images;
    if (isPicture && pictures !== undefined) {
      pictures.push({ path, name: path, folder: undefined });
      continue;
    }
    pictures = isPicture ? [{ path, name: path, folder: undefined }] : undefined;
    all.push({ path, found: pictures === undefined ? found : { ...found, files: [], images: pictures } });
  }
  return all;
}

async function collecting<T>(problems: Problem[], open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof SwancError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

async function openFile(path: string, options: OpenOptions): Promise<Part> {
  const source = await openSource(path);
  try {
    const stated = formats.find(({ name }) => name === options.format);
    const format: Format = formatOfName(path) ?? stated ?? (await formatOfContent(source, path));
    return await format.open(source, path, options);
  } catch (error) {
    await source.release();
    throw error;
  }
}

/** What is wrong with the arrays of a file. */
function partProblems(part: Part, inputs: readonly InputSpec[]): Problem[] {
  const problems: Problem[] = [];
  for (const input of inputs) {
    const dims = part.arrays.get(input.name)?.dims ?? [];
    const found = shapeProblem(input, dims, inputs.length === 1 ? part.where : `${part.where}, array '${input.name}'`);
    if (found !== undefined) problems.push(found);
    else if (dims[0] !== part.count) {
      problems.push(problem(part.where, `has ${part.count} samples for one input and ${dims[0]} for '${input.name}'`));
    }
  }
  const labels = part.labels === undefined ? part.count : labelCount(part.labels);
  if (labels !== part.count) problems.push(problem(part.where, `has ${labels} labels for ${part.count} samples`));
  return problems;
}

/** The names of the first folders, where all images are in one. */
function folderLabels(found: readonly FoundImage[], path: string, problems: Problem[]): Labels | undefined {
  const loose = found.filter(({ folder }) => folder === undefined);
  if (loose.length === found.length) return undefined;
  if (loose.length > 0) {
    const what = `${loose.length} of ${found.length} images, such as ${loose[0]?.name}, lie beside the folders of classes`;
    problems.push(problem(path, what, 'put every image into the folder of its class, or give labels'));
  }
  const names = new ClassNames(path);
  return names.labels(Uint32Array.from(found, ({ folder }) => names.numberOf(folder ?? '')));
}

/** Opens a file that has labels and nothing else. Lines of a .txt file are labels. @throws SwancError `invalid`. */
export async function openLabels(
  path: string,
  options: OpenOptions,
): Promise<{ readonly labels: Labels; readonly part: Part }> {
  const source = await openSource(path);
  try {
    const context = { ...options, inputs: [labelInput], forLabels: true };
    const isText = path.toLowerCase().endsWith('.txt');
    const format = isText ? csv : (formatOfName(path) ?? (await formatOfContent(source, path)));
    const part = await format.open(source, path, context);
    const labels = part.labels ?? part.arrays.get(labelInput.name);
    if (labels === undefined) throw new Error(`internal error: ${path} was opened without labels`);
    return { labels, part };
  } finally {
    await source.release();
  }
}

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { invalid } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';
import { type NamedPath, splitNamedPath } from '../support/named-path.js';
import { walkFiles } from '../support/walk-files.js';
import { images } from './formats/images.js';
import { formatOfName, formatsAdvice } from './formats/index.js';
import { inCodeUnitOrder } from './tables/class-names.js';

/** What a path stands for. */
export interface FoundFiles {
  /** Files with arrays, in the order of their paths. */
  readonly files: readonly string[];
  /** Images within a folder: paths, and within the folder the names of their first folders, or undefined without. */
  readonly images: readonly FoundImage[];
  /** A file named `labels` in the folder itself. */
  readonly labels: string | undefined;
  readonly notes: readonly string[];
}

export interface FoundImage {
  readonly path: string;
  /** As within the folder, with `/`. */
  readonly name: string;
  readonly folder: string | undefined;
}

const maxFiles = 10_000_000;

/** The files of data at a path. Names that begin with a dot are passed over. @throws SwancError `invalid`. */
export async function findFiles(path: string): Promise<FoundFiles> {
  const found = await stat(path).catch((error: unknown) => {
    throw invalid('SWC3101', path, `cannot be read: ${fileErrorText(error)}`);
  });
  if (!found.isDirectory()) return { files: [path], images: [], labels: undefined, notes: [] };
  const names = inCodeUnitOrder(await listFolder(path));
  const labels = names.filter((name) => isLabels(name));
  if (labels.length > 1) throw invalid('SWC3105', path, `has labels in ${labels.join(' and in ')}`, 'keep one of them');
  const others = names.filter((name) => !isLabels(name));
  const isImage = (name: string): boolean => formatOfName(name) === images;
  const pictures = others.filter(isImage);
  const files = others.filter((name) => !isImage(name));
  if (others.length === 0) throw invalid('SWC3109', path, 'holds no data', formatsAdvice());
  const own = labels[0] === undefined ? undefined : join(path, labels[0]);
  if (pictures.length === 0) {
    return { files: files.map((name) => join(path, name)), images: [], labels: own, notes: [] };
  }
  const passed = files.length === 0 ? [] : [`${path}: holds images, so other files were not read: ${shown(files)}`];
  const located = pictures.map((name) => ({ path: join(path, name), name, folder: folderOf(name) }));
  return { files: [], images: located, labels: own, notes: passed };
}

/** `labels` with the ending of a format, or `.txt`, in the folder itself. */
function isLabels(name: string): boolean {
  return (
    name.startsWith('labels.') && (name === 'labels.txt' || formatOfName(name) !== undefined) && !name.includes('/')
  );
}

function folderOf(name: string): string | undefined {
  return name.includes('/') ? name.split('/', 1)[0] : undefined;
}

function shown(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}

/** All files below a folder that have the ending of a format, or are labels; by their paths in it. */
async function listFolder(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { path, name, isFolder } of walkFiles(root)) {
    const isData = formatOfName(basename(path)) !== undefined;
    if (isFolder && isData) throw invalid('SWC3101', path, 'is a folder with the name of a file');
    if (!isFolder && (isData || name === 'labels.txt')) names.push(name);
    if (names.length > maxFiles) throw invalid('SWC3101', root, `holds more than ${maxFiles} files`);
  }
  return names;
}

/** `input=path`: the data of one input. A path that exists as it stands is one, whatever it has in it. */
export function splitPath(given: string, inputs: readonly string[]): NamedPath {
  const split = splitNamedPath(given, { inputs });
  const at = given.indexOf('=');
  if (split.input !== undefined || at < 0 || existsSync(given)) return split;
  const what = `'${given.slice(0, at)}' is no input of the model`;
  throw invalid('SWC3103', basename(given), what, `its inputs are ${inputs.join(', ')}`);
}

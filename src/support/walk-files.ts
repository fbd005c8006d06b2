import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid } from './errors.js';
import { fileErrorText } from './file-errors.js';

/** Something below a folder. */
export interface FoundEntry {
  readonly path: string;
  /** As within the folder, with `/`. */
  readonly name: string;
  readonly isFolder: boolean;
}

const maxDepth = 32;

/**
 * All that is below a folder, each folder before what is in it. Symbolic links are followed; names that begin with a dot are
 * passed over.
 * @throws SwancError `invalid` for links that lead in a circle, and what cannot be read.
 */
export async function* walkFiles(
  folder: string,
  prefix = '',
  above: readonly string[] = [],
): AsyncGenerator<FoundEntry, void> {
  const real = await realpath(folder).catch(unreadable(folder));
  if (above.includes(real)) {
    throw invalid('SWC3101', folder, 'leads back to a folder that it is in', 'remove this symbolic link');
  }
  if (above.length > maxDepth) throw invalid('SWC3101', folder, `is nested more than ${maxDepth} folders deep`);
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(unreadable(folder))) {
    if (entry.name.startsWith('.')) continue;
    const [path, name] = [join(folder, entry.name), `${prefix}${entry.name}`];
    const target = entry.isSymbolicLink() ? await stat(path).catch(unreadable(path)) : entry;
    yield { path, name, isFolder: target.isDirectory() };
    if (target.isDirectory()) yield* walkFiles(path, `${name}/`, [...above, real]);
  }
}

function unreadable(path: string) {
  return (error: unknown): never => {
    throw invalid('SWC3101', path, `cannot be read: ${fileErrorText(error)}`);
  };
}

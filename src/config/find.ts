import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { problem, SwancError } from '../support/errors.js';

/** Names that a config file can have. */
export const configNames: readonly string[] = ['ts', 'mts', 'js', 'mjs', 'cjs', 'json'].map(
  (extension) => `swanc.config.${extension}`,
);

/**
 * The config file for a folder: in it, or in one above it up to that of the nearest package.json. A folder outside of any
 * package has only what is in itself, so that no program is run that lies far up by chance.
 * @throws SwancError where one folder has several of them.
 */
export async function findConfig(folder: string): Promise<string | undefined> {
  const found: (readonly string[])[] = [];
  let current = resolve(folder);
  for (;;) {
    const names = await namesIn(current);
    found.push(configNames.filter((name) => names.includes(name)).map((name) => join(current, name)));
    if (names.includes('package.json')) break;
    const parent = dirname(current);
    if (parent === current) return only(found[0] ?? []);
    current = parent;
  }
  return only(found.find((paths) => paths.length > 0) ?? []);
}

/** Folders that cannot be listed have none. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

function only(paths: readonly string[]): string | undefined {
  const [first, second] = paths;
  if (first === undefined || second === undefined) return first;
  const problems = paths.map((path) => problem(path, 'it is not the only config of its folder'));
  throw new SwancError('SWC2006', 'there are several config files: keep one, or name it with --config', problems);
}

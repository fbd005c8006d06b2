import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { problem, SwancError } from './errors.js';

/**
 * Writes a file whole or not at all: beside its place first, then renamed onto it. Missing folders are made.
 * @throws SwancError `usage` where it cannot be written.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    throw unwritable(path, error);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/**
 * Makes a folder and those above it where they are missing. One after the other: the recursive mkdir of Node never
 * returns in file systems such as /proc, which refuse new folders as if their parent were missing.
 * @throws SwancError `usage` where that cannot be done.
 */
export async function makeFolder(path: string): Promise<void> {
  const missing: string[] = [];
  try {
    for (let folder = resolve(path); !(await isFolder(folder)); folder = dirname(folder)) missing.unshift(folder);
    for (const folder of missing) await mkdir(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await isFolder(path).catch(() => false))) throw unwritable(path, error);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
  throw new Error(`${path} is not a folder`);
}

function unwritable(path: string, error: unknown): SwancError {
  const what = error instanceof Error ? error.message : String(error);
  return new SwancError('usage', 'the output cannot be written', [problem(path, what)], { cause: error });
}

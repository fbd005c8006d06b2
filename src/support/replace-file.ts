import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { mkdir, open, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { problem, SwancError } from './errors.js';
import { fileErrorText } from './file-errors.js';

/** What a file holds: whole, or in parts that are written one after the other. */
type Content = string | Uint8Array | Iterable<Uint8Array>;

/** A file to be written. */
interface FileContent {
  readonly path: string;
  readonly content: Content;
}

/**
 * Writes a file whole or not at all: beside its place first, then renamed onto it. Missing folders are made.
 * @throws SwancError `usage` where it cannot be written.
 */
export async function replaceFile(path: string, content: Content): Promise<void> {
  await replaceFiles([{ path, content }]);
}

/**
 * Writes several files, all or none: each beside its place first; only when all stand there, and nothing is in the way,
 * are they renamed, in their order. Then `obsolete` files are removed. Missing folders are made.
 *
 * A process that is ended at any moment leaves every file either as it was or as it should be: the renames follow each other
 * without anything between. What stands beside the files then is removed the next time that they are written.
 * @throws SwancError `usage` where one cannot be written; what was there before is as it was.
 */
export async function replaceFiles(files: readonly FileContent[], obsolete: readonly string[] = []): Promise<void> {
  const suffix = `${randomBytes(6).toString('hex')}.tmp`;
  const placed = files.map((file) => ({
    ...file,
    temporary: join(dirname(file.path), `.${basename(file.path)}.${suffix}`),
  }));
  const made: string[] = [];
  let isDone = false;
  try {
    for (const { path, content, temporary } of placed) {
      await makeFolder(dirname(path), made);
      await attempt(path, async () => {
        await writeNew(temporary, content);
        if ((await stat(path).catch(() => undefined))?.isDirectory()) throw new Error('there is a folder of this name');
      });
    }
    for (const { path, temporary } of placed) {
      try {
        renameSync(temporary, path);
      } catch (error) {
        throw unwritable(path, error);
      }
    }
    isDone = true;
    await removeAbandoned(files.map(({ path }) => path));
    for (const path of obsolete) await attempt(path, () => rm(path, { force: true }));
  } finally {
    for (const { temporary } of placed) await rm(temporary, { force: true }).catch(() => {});
    // Folders that are not empty stay.
    if (!isDone) for (const folder of made.toReversed()) await rmdir(folder).catch(() => {});
  }
}

/** Nobody takes longer to write a file: what is older was left by a process that was ended. */
const abandonedAfter = 24 * 3600 * 1000;

/** Removes what processes that were ended while they wrote these files left beside them. */
async function removeAbandoned(paths: readonly string[]): Promise<void> {
  for (const folder of new Set(paths.map(dirname))) {
    const names = new Set(paths.filter((path) => dirname(path) === folder).map((path) => basename(path)));
    for (const entry of await readdir(folder).catch(() => [])) {
      const name = /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(entry)?.[1];
      if (name === undefined || !names.has(name)) continue;
      const path = join(folder, entry);
      const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY);
      if (age > abandonedAfter) await rm(path, { force: true }).catch(() => {});
    }
  }
}

/** Bytes of a write, at most: Linux takes a hundred megabytes several times as fast in pieces of one as in one piece. */
const writtenAtOnce = 2 ** 20;

/** Writes a file that does not exist yet. */
async function writeNew(path: string, content: Content): Promise<void> {
  const isWhole = typeof content === 'string' || content instanceof Uint8Array;
  const file = await open(path, 'wx');
  try {
    for (const part of isWhole ? [content] : content) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part;
      for (let done = 0; done < bytes.length; ) {
        const size = Math.min(bytes.length - done, writtenAtOnce);
        done += (await file.write(bytes, done, size)).bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}

async function attempt(path: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Makes a folder and those above it where they are missing. One after the other: the recursive mkdir of Node never
 * returns in file systems such as /proc, which refuse new folders as if their parent were missing. Adds those it made to `made`.
 * @throws SwancError `usage` where that cannot be done.
 */
async function makeFolder(path: string, made: string[]): Promise<void> {
  const missing: string[] = [];
  try {
    for (let folder = resolve(path); !(await isFolder(folder)); folder = dirname(folder)) missing.unshift(folder);
    for (const folder of missing) {
      await mkdir(folder);
      made.push(folder);
    }
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
  const problems = [problem(path, fileErrorText(error))];
  return new SwancError('SWC2003', 'the output cannot be written', problems, { cause: error });
}

import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { problem, SwancError } from './errors.js';

/**
 * Writes a file whole or not at all: beside its place first, then renamed onto it. Missing folders are made.
 * @throws SwancError `usage` where it cannot be written.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new SwancError('usage', 'a file cannot be written', [problem(path, what)], { cause: error });
  } finally {
    await rm(temporary, { force: true });
  }
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What stands in place of the hash of what is no file: a compile fails on it, so that nothing is kept under it. */
const nothing = 'nothing';

/** SHA-256 of files, each of which is read once as long as it stays as it is. */
export class FileDigests {
  readonly #known = new Map<string, { readonly stamp: string; readonly digest: Promise<string> }>();

  /** The hash of a file's bytes. */
  async ofFile(path: string): Promise<string> {
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    // Reading a pipe or a device might never end.
    if (!stats?.isFile()) return nothing;
    const stamp = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.digest;
    const digest = hashOf(path);
    this.#known.set(path, { stamp, digest });
    return digest;
  }

  /** The hash of a file, or of the names and bytes of all files in a folder. */
  async of(path: string): Promise<string> {
    const files = await filesAt(path);
    if (files.length === 1 && files[0] === path) return this.ofFile(path);
    const hash = createHash('sha256');
    for (const file of files) hash.update(`${JSON.stringify(file.slice(path.length))} ${await this.ofFile(file)}\n`);
    return hash.digest('hex');
  }
}

/** The file itself, or those in the folder and the folders in it, in order of their names. */
export async function filesAt(path: string): Promise<readonly string[]> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isDirectory()) return [path];
  const names = await readdir(path, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return files.toSorted();
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}

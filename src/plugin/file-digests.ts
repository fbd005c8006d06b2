import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A file as it was found. */
export interface FileState {
  /** SHA-256 of its bytes; null for what is no file, or cannot be read. */
  readonly digest: string | null;
  /** Another one whenever the file was written in between, even with the same bytes. */
  readonly stamp: string;
}

/** SHA-256 of files, each of which is read once as long as it stays as it is. */
export class FileDigests {
  readonly #known = new Map<string, { readonly stamp: string; readonly digest: Promise<string | null> }>();

  async of(path: string): Promise<FileState> {
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    // Reading a pipe or a device might never end.
    if (!stats?.isFile()) return { digest: null, stamp: 'nothing' };
    const stamp = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    const known = this.#known.get(path);
    const digest = known?.stamp === stamp ? known.digest : hashOf(path).catch(() => null);
    this.#known.set(path, { stamp, digest });
    return { digest: await digest, stamp };
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}

import { type FileHandle, open, stat } from 'node:fs/promises';
import { invalid } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';

/** Bytes that can be read in parts: a file, a part of one, or memory. */
export interface ByteSource {
  readonly size: number;
  /** Bytes [offset, offset + length), which must lie within the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Gives back what reading holds open or in memory. Reading goes on to work, and takes it again. */
  release(): Promise<void>;
}

/** A file to read parts of, which is opened when it is read. @throws SwancError `invalid` when it cannot be, or is no file. */
export async function openSource(path: string): Promise<ByteSource> {
  const found = await stat(path).catch((error: unknown) => {
    throw invalid('SWC3101', path, `cannot be read: ${fileErrorText(error)}`);
  });
  if (!found.isFile()) throw invalid('SWC3101', path, 'is not a file');
  const source = new FileSource(path, found.size);
  await source.read(0, 0);
  return source;
}

class FileSource implements ByteSource {
  readonly size: number;
  readonly #path: string;
  #handle: Promise<FileHandle> | undefined;

  constructor(path: string, size: number) {
    this.#path = path;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#handle ??= open(this.#path, 'r');
    const handle = await this.#handle.catch((error: unknown) => {
      this.#handle = undefined;
      throw invalid('SWC3101', this.#path, `cannot be read: ${fileErrorText(error)}`);
    });
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      // Checked against the size before: only a file that shrinks while it is read comes here.
      if (bytesRead === 0) throw invalid('SWC3101', this.#path, 'ended early: it was changed while it was read');
      done += bytesRead;
    }
    return bytes;
  }

  async release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await (await handle?.catch(() => undefined))?.close();
  }
}

/** Bytes in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  const release = async (): Promise<void> => {};
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length), release };
}

/** A part of another source. */
export function partOf(source: ByteSource, start: number, size: number): ByteSource {
  return {
    size,
    read: (offset, length) => source.read(start + offset, length),
    release: () => source.release(),
  };
}

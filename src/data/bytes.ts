import { type FileHandle, open } from 'node:fs/promises';
import { invalid } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';

/** Bytes that can be read in parts: a file, a part of one, or memory. */
export interface ByteSource {
  readonly size: number;
  /** Bytes [offset, offset + length), which must lie within the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file that is open until it is closed. */
export interface OpenFile {
  readonly source: ByteSource;
  close(): Promise<void>;
}

/** Opens a file to read parts of it. @throws SwancError `invalid` when it cannot be opened or is no file. */
export async function openSource(path: string): Promise<OpenFile> {
  const handle = await openFile(path);
  const stat = await handle.stat();
  if (stat.isFile()) return { source: new FileSource(path, handle, stat.size), close: () => handle.close() };
  await handle.close();
  throw invalid('SWC3101', path, 'is not a file');
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw invalid('SWC3101', path, `cannot be read: ${fileErrorText(error)}`);
  }
}

class FileSource implements ByteSource {
  readonly size: number;
  readonly #path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      // Checked against the size before: only a file that shrinks while it is read comes here.
      if (bytesRead === 0) throw invalid('SWC3101', this.#path, 'ended early: it was changed while it was read');
      done += bytesRead;
    }
    return bytes;
  }
}

/** Bytes in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A part of another source. */
export function partOf(source: ByteSource, start: number, size: number): ByteSource {
  return { size, read: (offset, length) => source.read(start + offset, length) };
}

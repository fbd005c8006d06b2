import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize, sep } from 'node:path';
import type { ErrorCode } from '../support/errors.js';
import { type ExternalReader, TensorError } from './tensors.js';

/** For models that are given as bytes: there is no folder to look into. */
export const noExternalData: ExternalReader = () => {
  throw new TensorError('unsupported', 'external data, for which the model must be read from a file');
};

/**
 * Reads external data from `folder`, the one that holds the model. The location in a model file is not trusted: it must
 * lead to a regular file inside the folder, also after symbolic links are followed.
 */
export function externalDataIn(folder: string): ExternalReader {
  return (entries, bytes) => {
    const path = safePath(folder, entries.get('location') ?? '');
    const offset = count(entries, 'offset', 0);
    const length = count(entries, 'length', bytes);
    if (length !== bytes) throw new TensorError('invalid', `${length} bytes of external data, ${bytes} are needed`);
    const file = open(path);
    try {
      const { size } = fstatSync(file);
      if (offset + length > size) {
        throw new TensorError(
          'invalid',
          `external data up to byte ${offset + length} of ${path}, which has ${size}`,
          'SWC3003',
        );
      }
      return readRange(file, offset, length);
    } finally {
      closeSync(file);
    }
  };
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new TensorError(
      'invalid',
      `external data that cannot be read: ${error instanceof Error ? error.message : ''}`,
      'SWC3003',
    );
  }
}

function safePath(folder: string, location: string): string {
  const refuse = (why: string, code?: ErrorCode) =>
    new TensorError('invalid', `external data in '${location}', ${why}`, code);
  if (location === '' || location.includes('\0')) throw refuse('which is no file name');
  if (isAbsolute(location) || /^[A-Za-z]:|\\/.test(location) || normalize(location).split(sep).includes('..')) {
    throw refuse('which is outside the folder of the model', 'SWC3021');
  }
  let path: string;
  let root: string;
  try {
    root = realpathSync(folder);
    path = realpathSync(join(root, location));
  } catch {
    throw refuse('which does not exist', 'SWC3003');
  }
  if (!path.startsWith(root.endsWith(sep) ? root : root + sep))
    throw refuse('which leads outside the folder of the model', 'SWC3021');
  if (!statSync(path).isFile()) throw refuse('which is no file', 'SWC3003');
  return path;
}

function count(entries: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = entries.get(key);
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new TensorError('invalid', `'${text}' as the ${key} of external data`);
  }
  return value;
}

function readRange(file: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (read === 0) throw new TensorError('invalid', 'external data that ends early', 'SWC3003');
    done += read;
  }
  return bytes;
}

import { invalid } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';
import { csv } from './csv.js';
import type { Format } from './format.js';
import { images } from './images.js';
import { json, jsonLines } from './json.js';
import { npy } from './npy.js';
import { npz } from './npz.js';
import { parquet } from './parquet.js';
import { safetensors } from './safetensors.js';

/** All formats of calibration data; what begins a file is tried in this order, text that is nothing else last. */
export const formats: readonly Format[] = [npy, npz, images, parquet, safetensors, json, jsonLines, csv];

/** The format of a file by its name; undefined if its ending is none that is known. */
export function formatOfName(path: string): Format | undefined {
  const name = path.toLowerCase();
  return formats.find(({ extensions }) => extensions.some((extension) => name.endsWith(extension)));
}

/** Bytes that formats are told by. */
const headBytes = 4096;

/** The format of a file by how it begins. @throws SwancError `invalid` where it begins like none. */
export async function formatOfContent(source: ByteSource, where: string): Promise<Format> {
  const head = await source.read(0, Math.min(headBytes, source.size));
  const found = formats.find((format) => format.matches(head));
  if (found !== undefined) return found;
  if (source.size === 0) throw invalid('SWC3109', where, 'is empty');
  throw invalid('SWC3107', where, 'is in no format that is read', formatsAdvice());
}

/** What can be read, in words. */
export function formatsAdvice(): string {
  return `data can be ${formats.flatMap(({ extensions }) => extensions).join(', ')}, or a folder of these`;
}

import type { Part } from '../array.js';
import type { ByteSource } from '../bytes.js';
import type { DecodedCache } from '../decoded-cache.js';
import type { ImageOptions } from '../images/options.js';
import type { DataFormat } from '../names.js';
import type { InputSpec } from '../types.js';

/** What a file is opened for. */
export interface OpenContext {
  readonly inputs: readonly InputSpec[];
  /** The file has class numbers or names and nothing else: `inputs` is {@link labelInput} alone. */
  readonly forLabels: boolean;
  /** Whether tables begin with the names of their columns; undefined: told by what is in them. */
  readonly header: boolean | undefined;
  readonly images: ImageOptions;
  readonly cache: DecodedCache;
}

/** A format of files of samples: one file under `formats/`, and one line in `index.ts`. */
export interface Format {
  readonly name: DataFormat;
  /** In lower case, with the dot. */
  readonly extensions: readonly string[];
  /** Whether a file that begins with these bytes is in this format; text is told by its first characters. */
  matches(head: Uint8Array): boolean;
  /** Reads what is needed to know the arrays and their shapes. @throws SwancError `invalid`. */
  open(source: ByteSource, where: string, context: OpenContext): Promise<Part>;
}

/** The name that labels are asked for by where a file has nothing else. */
export const labelInput: InputSpec = { name: 'labels', type: 'int64', shape: ['samples'] };

/** Whether the bytes begin with these. */
export function beginsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return head.length >= magic.length && magic.every((byte, index) => head[index] === byte);
}

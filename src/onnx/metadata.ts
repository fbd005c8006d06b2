import { readFileSync } from 'node:fs';
import { invalid } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';
import { proto } from './proto.js';
import { scanModel } from './scan.js';

/** A model file as it is, and the metadata in it. */
export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Reads an .onnx file without building a graph: its bytes, and its metadata properties. */
export function readMetadata(path: string): ModelFile {
  const bytes = readBytes(path);
  scanModel(bytes, path);
  try {
    const { metadataProps } = proto.ModelProto.decode(bytes);
    return { bytes, metadata: new Map(metadataProps.map(({ key, value }) => [key ?? '', value ?? ''])) };
  } catch (error) {
    throw invalid(
      'SWC3006',
      path,
      `this is no ONNX model that can be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid('SWC3001', path, `it cannot be read: ${fileErrorText(error)}`);
  }
}

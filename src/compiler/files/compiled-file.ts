import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { ortFileDamage } from '../../formats/ort/canonical.js';
import type { Graph } from '../../ir/graph.js';
import { embedExternalData } from '../../onnx/embed.js';
import { readMetadata } from '../../onnx/metadata.js';
import { readModel } from '../../onnx/read.js';
import { invalid } from '../../support/errors.js';

/** A compiled model as it is verified. */
export interface CompiledFile {
  /** What the engine runs. */
  readonly bytes: Uint8Array;
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads a compiled file. What one in ORT format was made of, and what it rests on, is told by the .onnx file of the same name
 * beside it.
 * @throws SwancError `invalid` for what is neither, or an .ort file alone.
 */
export function readCompiled(path: string): CompiledFile {
  const isOrt = isOrtFormat(path);
  const onnx = isOrt ? path.replace(/(\.ort)?$/, '.onnx') : path;
  if (isOrt && !existsSync(onnx)) {
    const what = `this is a model in ORT format, and ${onnx}, which tells what it rests on, is not there`;
    throw invalid('SWC3401', path, what, 'put the .onnx file of the same compile beside it, or verify that');
  }
  const { bytes: own, metadata } = readMetadata(onnx);
  const bytes = embedExternalData(onnx, own);
  return { bytes: isOrt ? readOrt(path) : bytes, graph: readModel(bytes), metadata };
}

function readOrt(path: string): Uint8Array {
  const bytes = readFileSync(path);
  const damage = ortFileDamage(bytes);
  if (damage !== undefined) throw invalid('SWC3011', path, `the file is damaged: ${damage}`, 'compile again');
  return bytes;
}

/**
 * What the engine runs of a model file, with weights that lie beside it; the file alone of one in ORT format.
 * @throws SwancError `invalid` for what is neither.
 */
export function readRunnable(path: string): Uint8Array {
  if (isOrtFormat(path)) return readOrt(path);
  return embedExternalData(path, readMetadata(path).bytes);
}

/** Flatbuffers have an identifier behind the offset of their root. */
const identifier = { at: 4, text: 'ORTM' };

/** False for what cannot be read, too: the reader of models says why. */
export function isOrtFormat(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(identifier.text.length);
      readSync(file, start, 0, start.length, identifier.at);
      return start.toString('latin1') === identifier.text;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

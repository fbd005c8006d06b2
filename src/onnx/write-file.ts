import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Graph, Value } from '../ir/graph.js';
import { bytesOf } from '../ir/tensor.js';
import { problem, SwancError } from '../support/errors.js';
import type { ExternalPlace } from './encode.js';
import { chunks, maxMessageBytes } from './rope.js';
import { encode, type WriteOptions } from './write.js';

export interface WriteFileOptions extends WriteOptions {
  /** Weights go into a file beside the model, `<file>.data`. The default is when the model would pass 2 GB. */
  readonly externalData?: boolean;
}

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
}

/** Room for all of a model file that is not weights. */
const slackBytes = 64 * 2 ** 20;
/** Page size of mapped memory on every platform that ONNX Runtime has. */
const alignment = 65_536;
/** Smaller constants stay in the model: shapes and axes are read while it is loaded. */
const smallestExternalBytes = 1024;

/**
 * Writes the model to `path`: first to temporary files in the same folder, which then take the final names, so that
 * no reader ever sees half a file. Constants are streamed, not copied. Returns the files written, the model first.
 * @throws SwancError as {@link encodeModel}, and 'usage' where the files cannot be written.
 */
export async function writeModelFile(
  path: string,
  graph: Graph,
  options: WriteFileOptions = {},
): Promise<readonly WrittenFile[]> {
  const external = options.externalData ?? constantBytes(graph) > maxMessageBytes - slackBytes;
  const dataPath = `${path}.data`;
  const layout = external ? layOut(graph, basename(dataPath)) : undefined;
  const model = encode(graph, options, (name) => layout?.places.get(name));
  const files: (WrittenFile & { readonly content: Iterable<Uint8Array> })[] = [];
  if (layout !== undefined && layout.bytes > 0) {
    files.push({ path: dataPath, bytes: layout.bytes, content: externalContent(layout) });
  }
  files.push({ path, bytes: model.length, content: chunks(model) });
  await writeTogether(files);
  return files.map(({ path: written, bytes }) => ({ path: written, bytes })).reverse();
}

async function writeTogether(files: readonly { path: string; content: Iterable<Uint8Array> }[]): Promise<void> {
  const suffix = `${randomBytes(6).toString('hex')}.tmp`;
  const temporary = files.map(({ path }) => join(dirname(path), `.${basename(path)}.${suffix}`));
  try {
    for (const [index, { content }] of files.entries()) {
      await pipeline(Readable.from(content), createWriteStream(temporary[index] ?? '', { flags: 'wx' }));
    }
    // The data before the model that refers to it.
    for (const [index, { path }] of files.entries()) await rename(temporary[index] ?? '', path);
  } catch (error) {
    const problems = files.slice(-1).map(({ path }) => problem(path, error instanceof Error ? error.message : ''));
    throw new SwancError('usage', 'the model cannot be written', problems, { cause: error });
  } finally {
    await Promise.all(temporary.map((path) => rm(path, { force: true })));
  }
}

interface Layout {
  readonly places: ReadonlyMap<string, ExternalPlace>;
  readonly values: readonly Value[];
  readonly bytes: number;
}

/** Gives each large constant its place in the data file. */
function layOut(graph: Graph, location: string): Layout {
  const values = allConstants(graph).filter((value) => bytesOfConstant(value) >= smallestExternalBytes);
  const places = new Map<string, ExternalPlace>();
  let end = 0;
  for (const value of values) {
    const offset = Math.ceil(end / alignment) * alignment;
    const length = bytesOfConstant(value);
    places.set(value.name, { location, offset, length });
    end = offset + length;
  }
  return { places, values, bytes: end };
}

function* externalContent({ places, values }: Layout): Generator<Uint8Array> {
  let end = 0;
  for (const value of values) {
    const place = places.get(value.name);
    if (place === undefined || value.constant === undefined) continue;
    if (place.offset > end) yield new Uint8Array(place.offset - end);
    yield bytesOf(value.constant);
    end = place.offset + place.length;
  }
}

/** Constants of the graph and the graphs nested in it. */
function allConstants(graph: Graph): Value[] {
  const nested = graph.nodes.flatMap((node) => node.subgraphs);
  return [...graph.constants, ...nested.flatMap(allConstants)];
}

function bytesOfConstant(value: Value): number {
  return value.constant?.bytes ?? 0;
}

function constantBytes(graph: Graph): number {
  return allConstants(graph).reduce((sum, value) => sum + bytesOfConstant(value), 0);
}

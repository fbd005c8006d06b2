import { basename } from 'node:path';
import type { Graph, Value } from '../ir/graph.js';
import { runOrder } from '../ir/run-order.js';
import { bytesOf } from '../ir/tensor.js';
import { replaceFiles } from '../support/replace-file.js';
import type { ExternalPlace } from './encode.js';
import { chunks, maxMessageBytes } from './rope.js';
import { encode, requireFits, type WriteOptions } from './write.js';

export interface WriteFileOptions extends WriteOptions {
  /** Weights go into a file beside the model, `<file>.data`. The default is when the model would be too large. */
  readonly externalData?: boolean | undefined;
  /** Most bytes of the model file itself; the default, and the most that is possible, is the 2 GB of protobuf. */
  readonly mostBytes?: number;
}

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * A file of a model as it is to be written: in chunks, which are views of the constants where these are large. It can be
 * gone through more than once.
 */
export interface ModelFileContent extends WrittenFile {
  readonly content: Iterable<Uint8Array>;
}

/** Page size of mapped memory on every platform that ONNX Runtime has. */
const alignment = 65_536;
/** Smaller constants stay in the model: shapes and axes are read while it is loaded. */
const smallestExternalBytes = 1024;

/**
 * The files that the model becomes at `path`, in the order in which they may appear: the data, where there is a file of
 * them, before the model that refers to it. Constants are not copied.
 * @throws SwancError as `modelBytes`.
 */
export function modelFiles(path: string, graph: Graph, options: WriteFileOptions = {}): readonly ModelFileContent[] {
  const { externalData, mostBytes = maxMessageBytes } = options;
  const whole = externalData === true ? undefined : encode(graph, options, () => undefined);
  if (whole !== undefined && (externalData === false || whole.length <= mostBytes)) {
    requireFits(graph, whole.length, mostBytes, 'write it with external data');
    return [{ path, bytes: whole.length, content: repeatable(() => chunks(whole)) }];
  }
  const data = dataFile(path);
  const layout = layOut(graph, basename(data));
  const model = encode(graph, options, (name) => layout.places.get(name));
  requireFits(graph, model.length, mostBytes, 'its nodes alone are too many');
  const file = { path, bytes: model.length, content: repeatable(() => chunks(model)) };
  return layout.bytes === 0
    ? [file]
    : [{ path: data, bytes: layout.bytes, content: repeatable(() => externalContent(layout)) }, file];
}

/** Starts `chunks` anew whenever it is gone through. */
function repeatable(start: () => Iterator<Uint8Array>): Iterable<Uint8Array> {
  return { [Symbol.iterator]: start };
}

/** Where the weights of a model go that are not in its own file. */
export function dataFile(path: string): string {
  return `${path}.data`;
}

/**
 * Writes the model to `path`: first to temporary files in the same folder, which then take the final names, so that
 * no reader ever sees half a file. Constants are streamed, not copied. Returns the files written, the model first.
 * @throws SwancError as {@link modelFiles}, and 'usage' where the files cannot be written.
 */
export async function writeModelFile(
  path: string,
  graph: Graph,
  options: WriteFileOptions = {},
): Promise<readonly WrittenFile[]> {
  const files = modelFiles(path, graph, options);
  await replaceFiles(files);
  return files.map(({ path: written, bytes }) => ({ path: written, bytes })).reverse();
}

interface Layout {
  readonly places: ReadonlyMap<string, ExternalPlace>;
  readonly values: readonly Value[];
  readonly bytes: number;
}

/** Gives each large constant its place in the data file. Those of an older opset have the same names. */
function layOut(graph: Graph, location: string): Layout {
  const values = [...constantsAsRead(graph)].filter((value) => bytesOfConstant(value) >= smallestExternalBytes);
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

/**
 * Constants of the graph and the graphs nested in it, in the order in which the engine reads them first, so that data that
 * are mapped into memory are gone through from front to back.
 */
function constantsAsRead(graph: Graph): ReadonlySet<Value> {
  const found = new Set<Value>();
  const visit = (own: Graph): void => {
    for (const node of runOrder(own.nodes)) {
      for (const input of node.inputs) if (input?.constant !== undefined) found.add(input);
      for (const nested of node.subgraphs) visit(nested);
    }
    // Those that no node reads are outputs.
    for (const value of own.constants) found.add(value);
  };
  visit(graph);
  return found;
}

function bytesOfConstant(value: Value): number {
  return value.constant?.bytes ?? 0;
}

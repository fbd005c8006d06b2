import { closeSync, openSync, readFileSync, readSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { at } from '../../support/assert.js';
import { invalid, type SwancError } from '../../support/errors.js';
import { isObject, type JsonObject, nestsDeeper } from './json.js';

/** Largest model.json that is read. Weights are not in it: real ones are a few megabytes. */
const maxJsonBytes = 256 * 2 ** 20;
/** Deepest nesting of brackets. A nested model adds about five levels. */
const maxJsonDepth = 256;

/** A model.json that was read, and the folder where its shards lie. */
export interface ModelFile {
  /** Path of the JSON file as opened. */
  readonly path: string;
  readonly folder: string;
  readonly json: JsonObject;
  /** Size of the JSON file in bytes. */
  readonly bytes: number;
}

/** Reads the `model.json` at `path`, which may be the file itself or the folder that holds it. */
export function readModelFile(path: string): ModelFile {
  const file = modelStats(path).isDirectory() ? join(path, 'model.json') : path;
  const stats = modelStats(file);
  if (!stats.isFile()) throw invalid('SWC3002', file, 'this is not a file');
  if (stats.size > maxJsonBytes) throw invalid('SWC3002', file, `${stats.size} bytes are too many for a model.json`);
  const text = readFileSync(file, 'utf8');
  if (nestsDeeper(text, maxJsonDepth))
    throw invalid('SWC3002', file, `brackets nest deeper than ${maxJsonDepth} levels`);
  return { path: file, folder: dirname(file), json: parse(file, text), bytes: stats.size };
}

function parse(file: string, text: string): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    // Of the first line only: a message may hold whatever the file does.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    throw kerasFile(file, text) ?? invalid('SWC3002', file, `this is not JSON: ${reason}`);
  }
  if (!isObject(json)) throw invalid('SWC3002', file, 'a model.json holds an object');
  return json;
}

/** The error for a file as Keras itself saves it, known by its first bytes: HDF5, or a ZIP archive (`.keras`). */
function kerasFile(file: string, text: string): SwancError | undefined {
  const kind = text.slice(1, 4) === 'HDF' ? 'HDF5' : text.startsWith('PK') ? 'ZIP' : undefined;
  if (kind === undefined) return undefined;
  const advice =
    'convert it: tensorflowjs_converter --input_format=keras --output_format=tfjs_layers_model <file> <folder>';
  return invalid('SWC3016', file, `it is a file of ${kind}, and no model.json`, advice);
}

function modelStats(path: string): Stats {
  try {
    return statSync(path);
  } catch {
    throw invalid(
      'SWC3001',
      path,
      'there is no such file or folder',
      'give the path of a model.json or of the folder it is in',
    );
  }
}

/**
 * The absolute path of a shard. A manifest may only name files in the model's own folder or below it: no URL, no
 * absolute path, no `..`, no symbolic link that leads out.
 */
export function shardPath(folder: string, name: string): string {
  const parts = name.split(/[/\\]/);
  const hostile = name === '' || name.includes('\0') || isAbsolute(name) || /^[a-z][a-z0-9+.-]*:/i.test(name);
  if (hostile || parts.includes('..')) {
    throw invalid('SWC3021', `weights file '${name}'`, "the manifest names a file outside the model's folder");
  }
  const path = resolve(folder, name);
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    throw invalid(
      'SWC3003',
      `weights file '${name}'`,
      `there is no file ${join(folder, name)}`,
      'copy all shards next to the model.json',
    );
  }
  const inside = relative(realpathSync(folder), real);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw invalid('SWC3021', `weights file '${name}'`, "it is a link out of the model's folder");
  }
  return path;
}

interface Shard {
  readonly path: string;
  /** Position of its first byte in the whole. */
  readonly start: number;
  readonly bytes: number;
}

/** Shards of a group that are kept open: reading that jumps between them would open each again and again. */
const mostOpen = 64;

/** The shards of a weight group read as one run of bytes, of which only the part asked for is in memory. */
export class ShardedBytes {
  readonly bytes: number;
  readonly #shards: readonly Shard[];
  /** Descriptors, the one that was opened last at the end. */
  readonly #open = new Map<Shard, number>();

  constructor(folder: string, names: readonly string[]) {
    let start = 0;
    const shards = names.map((name) => {
      const path = shardPath(folder, name);
      const stats = statSync(path);
      if (!stats.isFile()) throw invalid('SWC3003', `weights file '${name}'`, 'this is not a file');
      const shard = { path, start, bytes: stats.size };
      start += stats.size;
      return shard;
    });
    this.#shards = shards.filter(({ bytes }) => bytes > 0);
    this.bytes = start;
  }

  /** Fills `target` with the bytes from `offset` on; shards may be cut anywhere. */
  read(offset: number, target: Uint8Array): void {
    for (let done = 0, index = this.#indexOf(offset); done < target.length; index++) {
      const shard = at(this.#shards, index);
      const end = Math.min(target.length, shard.start + shard.bytes - offset);
      while (done < end) {
        const count = readSync(this.#descriptor(shard), target, done, end - done, offset + done - shard.start);
        if (count === 0) throw invalid('SWC3003', shard.path, 'the file got shorter while it was read');
        done += count;
      }
    }
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  /** The shard with the byte at `offset`. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#shards.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (at(this.#shards, middle).start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #descriptor(shard: Shard): number {
    const known = this.#open.get(shard);
    if (known !== undefined) return known;
    const [oldest] = this.#open;
    if (oldest !== undefined && this.#open.size >= mostOpen) {
      closeSync(oldest[1]);
      this.#open.delete(oldest[0]);
    }
    const descriptor = openSync(shard.path, 'r');
    this.#open.set(shard, descriptor);
    return descriptor;
  }
}

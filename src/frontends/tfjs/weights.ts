import { Tensor } from '../../ir/tensor.js';
import { type ElementType, elementTypes, sizeOf } from '../../ir/types.js';
import { SwancError } from '../../support/errors.js';
import { dequantize, type Quantization, quantizedBytes } from './dequantize.js';
import { ShardedBytes } from './files.js';
import { isList, isObject, type JsonObject, show } from './json.js';
import { Problems } from './problems.js';

/** Element types of weights; tfjs also has string and complex64, which no layer keeps weights in. */
type WeightType = Extract<ElementType, 'float32' | 'int32' | 'bool'>;

/** One weight of the manifest and where its bytes lie. */
interface Entry {
  readonly name: string;
  readonly type: WeightType;
  readonly dims: readonly number[];
  readonly quantization: Quantization | undefined;
  readonly source: ShardedBytes;
  readonly offset: number;
}

/**
 * The weights of a model, read from their files when asked for: at most one whole weight is in memory here at any time.
 *
 * Names are matched by the rules of tfjs: the exact name; else the name in the file without its second-last part (TF
 * 2.2 and later write `lstm/lstm_cell/kernel`); else, if the first name in the file ends in a number, layer and index.
 */
export class WeightStore {
  readonly #entries = new Map<string, Entry>();
  readonly #shortened = new Map<string, Entry>();
  readonly #taken = new Set<Entry>();
  readonly #sources: ShardedBytes[] = [];
  readonly #files = new Set<string>();
  readonly #byIndex: boolean;
  /** Bytes of all weight files. */
  readonly bytes: number;

  /** Reads the manifest and checks it against the files, without reading these. Throws all that is wrong. */
  constructor(folder: string, manifest: unknown) {
    const problems = new Problems();
    if (!isList(manifest)) problems.invalid('weightsManifest', 'it must be a list of weight groups');
    else for (const group of manifest) this.#readGroup(folder, group, problems);
    problems.throwIfAny('the weights manifest');
    for (const entry of this.#entries.values()) {
      const parts = entry.name.split('/');
      const short = [...parts.slice(0, -2), ...parts.slice(-1)].join('/');
      if (!this.#entries.has(short) && !this.#shortened.has(short)) this.#shortened.set(short, entry);
    }
    this.#byIndex = /^\d/.test(this.#entries.keys().next().value?.split('/').at(-1) ?? '');
    this.bytes = this.#sources.reduce((sum, source) => sum + source.bytes, 0);
  }

  /** The weight `name` of `layer`, the layer's weight number `index` in order of creation; undefined: not in the file. */
  find(layer: string, name: string, index: number): WeightHandle | undefined {
    const full = `${layer}/${name}`;
    const entry =
      this.#entries.get(full) ??
      this.#shortened.get(full) ??
      (this.#byIndex ? this.#entries.get(`${layer}/${index}`) : undefined);
    if (entry === undefined) return undefined;
    this.#taken.add(entry);
    return { type: entry.type, dims: entry.dims, read: () => readEntry(entry) };
  }

  /** Names of weights that nobody has asked for. */
  get unused(): readonly string[] {
    return [...this.#entries.values()].filter((entry) => !this.#taken.has(entry)).map(({ name }) => name);
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }

  #readGroup(folder: string, group: unknown, problems: Problems): void {
    if (!isObject(group) || !isList(group.weights)) {
      problems.invalid('weightsManifest', `a group must have 'paths' and 'weights', not be ${show(group)}`);
      return;
    }
    const paths = isList(group.paths) ? group.paths : [];
    const names = paths.filter((path) => typeof path === 'string');
    if (names.length !== paths.length || (names.length === 0 && group.weights.length > 0)) {
      problems.invalid('weightsManifest', `'paths' of a group must be file names, not ${show(group.paths)}`);
      return;
    }
    try {
      const source = new ShardedBytes(folder, names);
      // One file listed many times would make a small file stand for any amount of memory.
      for (const name of names) {
        if (this.#files.has(name)) problems.invalid(`weights file '${name}'`, 'the manifest lists it twice');
        this.#files.add(name);
      }
      this.#sources.push(source);
      this.#readEntries(source, group.weights, names, problems);
    } catch (error) {
      if (!(error instanceof SwancError)) throw error;
      problems.add(error);
    }
  }

  #readEntries(source: ShardedBytes, specs: readonly unknown[], files: readonly string[], problems: Problems): void {
    let offset = 0;
    const before = problems.count;
    for (const spec of specs) {
      const entry = isObject(spec) ? readSpec(spec, source, offset, problems) : undefined;
      if (entry === undefined) {
        if (problems.count === before) problems.invalid('weightsManifest', `${show(spec)} describes no weight`);
        // Where the others begin is unknown from here on.
        return;
      }
      offset += storedBytes(entry);
      if (isObject(spec) && spec.group === 'optimizer') continue;
      if (this.#entries.has(entry.name)) problems.invalid(entry.name, 'two weights have this name');
      this.#entries.set(entry.name, entry);
    }
    if (offset !== source.bytes) {
      const where =
        files.length === 1 ? `weights file '${files[0]}'` : `weights files '${files[0]}' … '${files.at(-1)}'`;
      const what = offset > source.bytes ? 'truncated' : 'too long';
      problems.invalid(where, `${what}: the manifest describes ${offset} bytes, there are ${source.bytes}`);
    }
  }
}

/** A weight that is in the files and not yet read. */
export interface WeightHandle {
  readonly type: ElementType;
  readonly dims: readonly number[];
  read(): Tensor;
}

function storedBytes({ type, dims, quantization }: Entry): number {
  const each = quantization === undefined ? elementTypes[type].bytes : quantizedBytes[quantization.type];
  return sizeOf(dims) * each;
}

function readSpec(spec: JsonObject, source: ShardedBytes, offset: number, problems: Problems): Entry | undefined {
  const { name, shape, dtype, quantization } = spec;
  if (typeof name !== 'string' || name === '') return undefined;
  if (!isList(shape) || !shape.every(isDimension) || !Number.isSafeInteger(sizeOf(shape))) {
    problems.invalid(name, `its shape ${show(shape)} is no list of sizes`);
    return undefined;
  }
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    const known = dtype === 'string' || dtype === 'complex64';
    if (known) problems.unsupported(name, `weights of type ${dtype} are not supported`);
    else problems.invalid(name, `its type ${show(dtype)} is unknown`);
    return undefined;
  }
  const stored = quantization === undefined || quantization === null ? undefined : readQuantization(quantization);
  if (
    stored === 'invalid' ||
    (stored !== undefined && (dtype === 'bool' || (stored.type === 'float16' && dtype !== 'float32')))
  ) {
    problems.invalid(name, `its quantization ${show(quantization)} is not possible for ${dtype}`);
    return undefined;
  }
  return { name, type: dtype, dims: shape, quantization: stored, source, offset };
}

function isDimension(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

function readQuantization(value: unknown): Quantization | 'invalid' {
  if (!isObject(value)) return 'invalid';
  const { dtype, scale, min } = value;
  if (dtype === 'float16') return { type: dtype, scale: 1, min: 0 };
  if (dtype !== 'uint8' && dtype !== 'uint16') return 'invalid';
  if (typeof scale !== 'number' || typeof min !== 'number') return 'invalid';
  return { type: dtype, scale, min };
}

function readEntry(entry: Entry): Tensor {
  const { type, dims, quantization, source, offset } = entry;
  const size = sizeOf(dims);
  if (quantization === undefined) {
    // A buffer of its own: shards are cut at any byte, so views of the file would be unaligned.
    const buffer = new ArrayBuffer(size * elementTypes[type].bytes);
    source.read(offset, new Uint8Array(buffer));
    return new Tensor(type, dims, new elementTypes[type].array(buffer));
  }
  const bytes = new Uint8Array(storedBytes(entry));
  source.read(offset, bytes);
  if (type === 'int32') {
    const values = new Int32Array(size);
    dequantize(bytes, quantization, type, values);
    return new Tensor(type, dims, values);
  }
  const values = new Float32Array(size);
  dequantize(bytes, quantization, 'float32', values);
  return new Tensor('float32', dims, values);
}

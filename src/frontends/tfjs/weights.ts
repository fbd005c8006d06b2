import { Tensor } from '../../ir/tensor.js';
import { sizeOf } from '../../ir/types.js';
import { SwancError } from '../../support/errors.js';
import { type Dequantizer, dequantizer, type Quantization, quantizedBytes } from './dequantize.js';
import { ShardedBytes } from './files.js';
import { isList, isObject, type JsonObject, show } from './json.js';
import { permuteElements, type ReadElements } from './permute.js';
import { Problems, unsupported } from './problems.js';

/** Element types of weights, and the bytes of an element; strings are as long as they are, after four bytes that say so. */
const weightTypes = { float32: 4, int32: 4, bool: 1, complex64: 8, string: Number.NaN };
type WeightType = keyof typeof weightTypes;

/** One weight of the manifest and where its bytes lie. */
interface Entry {
  readonly name: string;
  readonly type: WeightType;
  readonly dims: readonly number[];
  readonly quantization: Quantization | undefined;
  readonly source: ShardedBytes;
  readonly offset: number;
  /** Bytes in the files. */
  readonly bytes: number;
}

/**
 * The weights of a model, read from their files when asked for, in pieces that go straight to where they stay.
 *
 * Names are matched by the rules of tfjs: the exact name; else the name in the file without its second-last part (TF
 * 2.2 and later write `lstm/lstm_cell/kernel`); else, if the last part of the first name in the file begins with a
 * number, the name with the weight's place in its layer for the last part, in one of these two ways. No weight of the
 * files is given to two weights of the model.
 */
export class WeightStore {
  readonly #entries = new Map<string, Entry>();
  readonly #shortened = new Map<string, Entry>();
  /** What each weight of the files that was asked for is called in the model. */
  readonly #taken = new Map<Entry, string>();
  readonly #notFinite = new Set<string>();
  readonly #sources: ShardedBytes[] = [];
  readonly #files = new Set<string>();
  /** True if weights may have numbers for names. */
  readonly isNumbered: boolean;
  /** Bytes of all weight files. */
  readonly bytes: number;

  /**
   * Reads the manifest of the model.json `file`, and checks it against the files, without reading these. Throws all that
   * is wrong.
   */
  constructor(folder: string, manifest: unknown, file = 'the weights manifest') {
    const problems = new Problems();
    if (!isList(manifest))
      problems.invalid('weightsManifest', 'it must be a list of weight groups', undefined, 'SWC3024');
    else for (const group of manifest) this.#readGroup(folder, group, problems);
    problems.throwIfAny(file);
    for (const entry of this.#entries.values()) {
      const parts = entry.name.split('/');
      const short = [...parts.slice(0, -2), ...parts.slice(-1)].join('/');
      if (!this.#entries.has(short) && !this.#shortened.has(short)) this.#shortened.set(short, entry);
    }
    const [firstName = ''] = this.#entries.keys();
    this.isNumbered = !Number.isNaN(Number.parseInt(firstName.split('/').at(-1) ?? '', 10));
    this.bytes = this.#sources.reduce((sum, source) => sum + source.bytes, 0);
  }

  /**
   * Takes the weight `name`, which begins with that of its layer, for the model. Undefined: not in the files. `place`
   * counts the layer's weights in order of creation; without it, names alone are looked for.
   */
  find(name: string, place?: number): WeightHandle | undefined {
    const entry = this.#entryOf(name, place);
    if (entry === undefined) return undefined;
    this.#taken.set(entry, name);
    return {
      type: entry.type,
      dims: entry.dims,
      read: () => this.#read(entry),
      readPermuted: (perm) => permuteElements(entry.dims, perm, this.#reader(entry)),
    };
  }

  /** Shape of what {@link find} would give. */
  dimsOf(name: string, place?: number): readonly number[] | undefined {
    return this.#entryOf(name, place)?.dims;
  }

  /** Names of weights that nobody has asked for. */
  get unused(): readonly string[] {
    return [...this.#entries.values()].filter((entry) => !this.#taken.has(entry)).map(({ name }) => name);
  }

  /** Names of weights that were read and have elements which are infinite or no numbers. */
  get notFinite(): readonly string[] {
    return [...this.#notFinite];
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }

  #entryOf(name: string, place: number | undefined): Entry | undefined {
    const isNumber = this.isNumbered && place !== undefined;
    const numbered = isNumber ? `${name.slice(0, name.lastIndexOf('/') + 1)}${place}` : undefined;
    const entry = this.#named(name) ?? (numbered === undefined ? undefined : this.#named(numbered));
    return entry === undefined || (this.#taken.get(entry) ?? name) === name ? entry : undefined;
  }

  #named(full: string): Entry | undefined {
    return this.#entries.get(full) ?? this.#shortened.get(full);
  }

  #read(entry: Entry): Tensor {
    const { type, dims, quantization, source, offset } = entry;
    if (type === 'float32') {
      const data = new Float32Array(sizeOf(dims));
      const read = this.#reader(entry);
      for (let from = 0; from < data.length; from += pieceElements) {
        read(from, data.subarray(from, from + pieceElements));
      }
      return new Tensor('float32', dims, data);
    }
    if (type === 'int32') {
      const data = new Int32Array(sizeOf(dims));
      if (quantization === undefined) source.read(offset, new Uint8Array(data.buffer));
      else dequantizer(quantization, type, data.length)(readBytes(source, offset, entry.bytes), data);
      return new Tensor('int32', dims, data);
    }
    if (type === 'bool') return new Tensor('bool', dims, readBytes(source, offset, entry.bytes));
    throw unsupported(entry.name, `weights of type ${type} are not supported`);
  }

  /** What gives the elements of a float32 weight, and sees to it that all are finite while they are in the cache. */
  #reader({ name, type, dims, quantization, source, offset }: Entry): ReadElements {
    if (type !== 'float32') throw new Error(`internal error: weight ${name} of type ${type} read as float32`);
    const decode: Dequantizer | undefined = quantization && dequantizer(quantization, type, sizeOf(dims));
    const each = storedElementBytes(type, quantization);
    return (from, target) => {
      const start = offset + from * each;
      if (decode === undefined) {
        source.read(start, new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
      } else decode(readBytes(source, start, target.length * each), target);
      if (!allFinite(target)) this.#notFinite.add(name);
    };
  }

  #readGroup(folder: string, group: unknown, problems: Problems): void {
    if (!isObject(group) || !isList(group.weights)) {
      problems.invalid(
        'weightsManifest',
        `a group must have 'paths' and 'weights', not be ${show(group)}`,
        undefined,
        'SWC3024',
      );
      return;
    }
    const paths = isList(group.paths) ? group.paths : [];
    const names = paths.filter((path) => typeof path === 'string');
    if (names.length !== paths.length || (names.length === 0 && group.weights.length > 0)) {
      problems.invalid(
        'weightsManifest',
        `'paths' of a group must be file names, not ${show(group.paths)}`,
        undefined,
        'SWC3024',
      );
      return;
    }
    try {
      const source = new ShardedBytes(folder, names);
      // One file listed many times would make a small file stand for any amount of memory.
      for (const name of names) {
        if (this.#files.has(name))
          problems.invalid(`weights file '${name}'`, 'the manifest lists it twice', undefined, 'SWC3024');
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
        if (problems.count === before)
          problems.invalid('weightsManifest', `${show(spec)} describes no weight`, undefined, 'SWC3024');
        // Where the others begin is unknown from here on.
        return;
      }
      offset += entry.bytes;
      if (isObject(spec) && spec.group === 'optimizer') continue;
      if (this.#entries.has(entry.name))
        problems.invalid(entry.name, 'two weights have this name', undefined, 'SWC3024');
      this.#entries.set(entry.name, entry);
    }
    if (offset !== source.bytes) {
      const where =
        files.length === 1 ? `weights file '${files[0]}'` : `weights files '${files[0]}' … '${files.at(-1)}'`;
      const what = offset > source.bytes ? 'truncated' : 'too long';
      problems.invalid(
        where,
        `${what}: the manifest describes ${offset} bytes, there are ${source.bytes}`,
        undefined,
        'SWC3003',
      );
    }
  }
}

/** A weight that is in the files and not yet read. */
export interface WeightHandle {
  readonly type: WeightType;
  readonly dims: readonly number[];
  /** @throws SwancError `unsupported` for strings and complex numbers, which no layer computes with. */
  read(): Tensor;
  /** Reads a float32 weight as the tensor whose axis i is axis `perm[i]` of it: quicker than to permute it later. */
  readPermuted(perm: readonly number[]): Tensor<'float32'>;
}

/** Elements read at a time: 1 MB, which stays in the processor's cache while it is looked through. */
const pieceElements = 2 ** 18;

function readBytes(source: ShardedBytes, offset: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  source.read(offset, bytes);
  return bytes;
}

/** The exponent of what is infinite or no number has every bit set: one more than that reaches the bit of the sign. */
function allFinite(values: Float32Array): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  let carry = 0;
  for (let index = 0; index < bits.length; index++) carry |= ((bits[index] ?? 0) & 0x7f80_0000) + 0x0080_0000;
  return carry >= 0;
}

function storedElementBytes(type: WeightType, quantization: Quantization | undefined): number {
  return quantization === undefined ? weightTypes[type] : quantizedBytes[quantization.type];
}

function readSpec(spec: JsonObject, source: ShardedBytes, offset: number, problems: Problems): Entry | undefined {
  const { name, shape, dtype } = spec;
  if (typeof name !== 'string' || name === '') return undefined;
  if (!isList(shape) || !shape.every(isDimension) || !Number.isSafeInteger(sizeOf(shape))) {
    problems.invalid(name, `its shape ${show(shape)} is no list of sizes`, undefined, 'SWC3024');
    return undefined;
  }
  if (!isWeightType(dtype)) {
    problems.invalid(name, `its type ${show(dtype)} is unknown`, undefined, 'SWC3024');
    return undefined;
  }
  const quantization = spec.quantization ?? undefined;
  const stored = quantization === undefined ? undefined : readQuantization(quantization);
  const isPossible = dtype === 'float32' || (dtype === 'int32' && stored !== 'invalid' && stored?.type !== 'float16');
  if (stored === 'invalid' || (stored !== undefined && !isPossible)) {
    problems.invalid(name, `its quantization ${show(quantization)} is not possible for ${dtype}`, undefined, 'SWC3024');
    return undefined;
  }
  const bytes =
    dtype === 'string' ? stringBytes(source, offset, sizeOf(shape)) : sizeOf(shape) * storedElementBytes(dtype, stored);
  return { name, type: dtype, dims: shape, quantization: stored, source, offset, bytes };
}

function isWeightType(dtype: unknown): dtype is WeightType {
  return typeof dtype === 'string' && Object.hasOwn(weightTypes, dtype);
}

/** Bytes of `count` strings, each after its length; where the files end too early, what they would have to have at least. */
function stringBytes(source: ShardedBytes, offset: number, count: number): number {
  const prefix = 4;
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    if (offset + bytes + prefix > source.bytes) return bytes + (count - index) * prefix;
    const length = readBytes(source, offset + bytes, prefix);
    bytes += prefix + new DataView(length.buffer).getUint32(0, true);
  }
  return bytes;
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

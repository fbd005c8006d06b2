import { writeFile } from 'node:fs/promises';
import { bytesOf, type Tensor, tensorFromBytes } from '../ir/tensor.js';
import { type ElementType, elementTypes, sizeOf } from '../ir/types.js';
import { invalid } from '../support/errors.js';
import type { RowArray } from './array.js';
import { type ByteSource, memorySource } from './bytes.js';
import { formatNpyHeader, type NpyHeader, npyHeaderEnd, npyPrefixBytes, parseNpyHeader } from './npy-header.js';

/** Bytes of samples that are read at once from an array in Fortran order, whose samples are scattered over the file. */
const blockBytes = 1 << 26;
/** Most that one read may ask for: more than a batch of real data, and what typed arrays and files can do everywhere. */
const maxReadBytes = 2 ** 31 - 1;

/** An array in a .npy file, of which rows (entries of the first axis) are read as needed. */
export class NpyArray implements RowArray {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly #source: ByteSource;
  readonly #header: NpyHeader;
  readonly #where: string;
  /** Rows in C order that were read last, of an array in Fortran order. */
  #block: { readonly start: number; readonly count: number; readonly bytes: Uint8Array } | undefined;

  private constructor(source: ByteSource, header: NpyHeader, where: string) {
    this.type = header.type;
    this.dims = header.dims;
    this.#source = source;
    this.#header = header;
    this.#where = where;
  }

  /** Reads and checks the header. `where` names the array in messages. @throws SwancError `invalid`. */
  static async open(source: ByteSource, where: string): Promise<NpyArray> {
    const prefix = await source.read(0, Math.min(npyPrefixBytes, source.size));
    const end = npyHeaderEnd(prefix, where);
    if (end > source.size) throw invalid('SWC3102', where, 'is cut off within its header');
    const header = parseNpyHeader(await source.read(0, end), where);
    const wanted = end + sizeOf(header.dims) * elementTypes[header.type].bytes;
    if (source.size !== wanted) {
      const shape = `(${header.dims.join(', ')})`;
      throw invalid('SWC3102', where, `has ${source.size} bytes; ${wanted} belong to ${header.type} of shape ${shape}`);
    }
    return new NpyArray(source, header, where);
  }

  /** An array whose place in the source is known already. */
  static at(source: ByteSource, header: NpyHeader, where: string): NpyArray {
    return new NpyArray(source, header, where);
  }

  /** Rows [start, start + count) in C order, in the element type of the file. */
  async rows(start: number, count: number): Promise<Tensor> {
    const [rows = 1, ...inner] = this.dims;
    if (start < 0 || count < 0 || start + count > rows) {
      throw new Error(`internal error: rows ${start} to ${start + count} of ${rows} in ${this.#where}`);
    }
    return this.#tensor([count, ...inner], await this.#rowBytes(start, count));
  }

  /** Gives back the rows that are held. */
  release(): void {
    this.#block = undefined;
  }

  /** All of it, for arrays that are known to be small; the only way to read an array of rank 0. */
  async whole(): Promise<Tensor> {
    if (this.dims.length > 0) return this.rows(0, this.dims[0] ?? 0);
    return this.#tensor([], await this.#source.read(this.#header.offset, elementTypes[this.type].bytes));
  }

  #tensor(dims: readonly number[], bytes: Uint8Array): Tensor {
    const copy = bytes.slice();
    if (this.#header.bigEndian) reverseElements(copy, elementTypes[this.type].bytes);
    if (this.type === 'bool') {
      for (const [index, byte] of copy.entries()) copy[index] = byte === 0 ? 0 : 1;
    }
    return tensorFromBytes(this.type, dims, copy);
  }

  async #rowBytes(start: number, count: number): Promise<Uint8Array> {
    const inner = sizeOf(this.dims.slice(1));
    const rowBytes = inner * elementTypes[this.type].bytes;
    if (count === 0 || rowBytes === 0) return new Uint8Array(0);
    if (count * rowBytes > maxReadBytes) {
      throw invalid(
        'SWC3102',
        this.#where,
        `${count} samples of ${rowBytes} bytes are too much at once`,
        'use smaller batches',
      );
    }
    if (!this.#header.fortranOrder || this.dims.length === 1) {
      return this.#source.read(this.#header.offset + start * rowBytes, count * rowBytes);
    }
    const block = await this.#blockWith(start, count, rowBytes);
    return block.bytes.subarray((start - block.start) * rowBytes, (start - block.start + count) * rowBytes);
  }

  /** A block of rows of an array in Fortran order that has the rows wanted. */
  async #blockWith(start: number, count: number, rowBytes: number) {
    const known = this.#block;
    if (known !== undefined && known.start <= start && start + count <= known.start + known.count) return known;
    const rows = this.dims[0] ?? 0;
    const size = Math.min(rows - start, Math.max(count, Math.floor(blockBytes / rowBytes)));
    this.#block = { start, count: size, bytes: await this.#gather(start, size, rowBytes) };
    return this.#block;
  }

  /**
   * In Fortran order the first axis varies fastest, so each position within a row is a column of consecutive elements,
   * and the columns follow each other with the second axis varying fastest, and so on.
   */
  async #gather(start: number, count: number, rowBytes: number): Promise<Uint8Array> {
    const { bytes: width } = elementTypes[this.type];
    const [rows = 0, ...inner] = this.dims;
    const result = new Uint8Array(count * rowBytes);
    const index = inner.map(() => 0);
    const strides = inner.map((_, axis) => sizeOf(inner.slice(axis + 1)));
    for (let column = 0; column < sizeOf(inner); column++) {
      const offset = this.#header.offset + (column * rows + start) * width;
      const elements = await this.#source.read(offset, count * width);
      const position = index.reduce((sum, value, axis) => sum + value * (strides[axis] ?? 0), 0) * width;
      for (let row = 0; row < count; row++) {
        for (let byte = 0; byte < width; byte++) {
          result[row * rowBytes + position + byte] = elements[row * width + byte] ?? 0;
        }
      }
      advance(index, inner);
    }
    return result;
  }
}

/** The next index, with the first axis varying fastest. */
function advance(index: number[], dims: readonly number[]): void {
  for (const [axis, dim] of dims.entries()) {
    const next = (index[axis] ?? 0) + 1;
    index[axis] = next === dim ? 0 : next;
    if (next < dim) return;
  }
}

/** Turns the bytes of each element of `width` bytes around, in place. */
function reverseElements(bytes: Uint8Array, width: number): void {
  if (width === 1) return;
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse();
}

/** The array in the bytes of a .npy file. @throws SwancError `invalid`; `where` names the array in messages. */
export async function parseNpy(bytes: Uint8Array, where = 'array'): Promise<Tensor> {
  return (await NpyArray.open(memorySource(bytes), where)).whole();
}

/** The bytes of a .npy file: little-endian, C order, version 1.0. Equal tensors give equal bytes. */
export function npyBytes(tensor: Tensor): Uint8Array {
  const header = formatNpyHeader(tensor.type, tensor.dims);
  const bytes = new Uint8Array(header.length + tensor.bytes);
  bytes.set(header);
  bytes.set(bytesOf(tensor), header.length);
  return bytes;
}

export async function writeNpy(path: string, tensor: Tensor): Promise<void> {
  await writeFile(path, npyBytes(tensor));
}

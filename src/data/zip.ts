import { Inflate } from 'fflate';
import { invalid } from '../support/errors.js';
import { type ByteSource, partOf } from './bytes.js';

/**
 * Reading .zip archives (PKWARE APPNOTE 6.3, with the 64-bit sizes that NumPy writes) from their directory at the end.
 * Entries stored as they are, what numpy.savez writes, are read in parts straight from the archive. Compressed ones are
 * inflated into memory when they are first read, which is bounded by what the directory declares, by what deflate can
 * make of so many bytes, and by {@link maxInflatedBytes}.
 */
export interface ZipEntry {
  readonly name: string;
  readonly source: ByteSource;
}

/** Largest compressed array: beyond it, store uncompressed. */
export const maxInflatedBytes = 1 << 30;
/** No deflate stream expands more than that (zlib's documentation: 1032 to 1). */
const maxRatio = 1032;
const maxEntries = 10_000;
const maxDirectoryBytes = 1 << 24;
/** Enough for the header of an array, so that looking at one does not inflate all of it. */
const previewBytes = 1 << 12;
const chunkBytes = 1 << 16;

interface DirectoryEntry {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** The entries of an archive; `where` names it in messages. @throws SwancError `invalid`. */
export async function readZip(source: ByteSource, where: string): Promise<ZipEntry[]> {
  const { start, size, count } = await findDirectory(source, where);
  if (count > maxEntries || size > maxDirectoryBytes)
    throw invalid('SWC3102', where, `has ${count} entries, far too many`);
  if (start + size > source.size) throw damaged(where, 'its directory lies outside the file');
  const directory = new Reader(await source.read(start, size), where);
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const entry = readDirectoryEntry(directory);
    if (names.has(entry.name)) throw invalid('SWC3102', where, `has two entries of the name '${entry.name}'`);
    names.add(entry.name);
    entries.push({ name: entry.name, source: new EntrySource(source, entry, `${where}, ${entry.name}`) });
  }
  return entries;
}

async function findDirectory(source: ByteSource, where: string) {
  // The end record is 22 bytes and a comment of at most 65535; before it may stand the locator of its 64-bit form.
  const tail = Math.min(source.size, 20 + 22 + 0xffff);
  const bytes = await source.read(source.size - tail, tail);
  const reader = new Reader(bytes, where);
  for (let at = tail - 22; at >= 0; at--) {
    if (reader.u32(at) !== 0x06054b50 || at + 22 + reader.u16(at + 20) !== tail) continue;
    if (at >= 20 && reader.u32(at - 20) === 0x07064b50) return read64(source, reader.u64(at - 12), where);
    return { count: reader.u16(at + 10), size: reader.u32(at + 12), start: reader.u32(at + 16) };
  }
  throw invalid('SWC3102', where, 'is not a .npz archive, or is cut off', 'write it with numpy.savez');
}

async function read64(source: ByteSource, offset: number, where: string) {
  if (offset + 56 > source.size) throw damaged(where, 'its directory lies outside the file');
  const reader = new Reader(await source.read(offset, 56), where);
  if (reader.u32(0) !== 0x06064b50) throw damaged(where, 'its 64-bit directory is missing');
  return { count: reader.u64(32), size: reader.u64(40), start: reader.u64(48) };
}

function readDirectoryEntry(reader: Reader): DirectoryEntry {
  const at = reader.position;
  if (reader.u32(at) !== 0x02014b50) throw damaged(reader.where, 'its directory is malformed');
  const [nameLength, extraLength, commentLength] = [reader.u16(at + 28), reader.u16(at + 30), reader.u16(at + 32)];
  const name = new TextDecoder().decode(reader.slice(at + 46, nameLength));
  const extra = at + 46 + nameLength;
  reader.position = extra + extraLength + commentLength;
  // Fields of 32 bits that are all ones stand for the next number in the 64-bit extra field, in this order.
  const long = reader.find64(extra, extraLength);
  const field = (value: number): number => (value === 0xffffffff ? (long.shift() ?? value) : value);
  const size = field(reader.u32(at + 24));
  const packed = field(reader.u32(at + 20));
  const offset = field(reader.u32(at + 42));
  return { name, encrypted: (reader.u16(at + 8) & 1) === 1, method: reader.u16(at + 10), size, packed, offset };
}

/** The content of an entry. The archive is looked at only when it is read, so entries nobody needs may be anything. */
class EntrySource implements ByteSource {
  readonly size: number;
  readonly #archive: ByteSource;
  readonly #entry: DirectoryEntry;
  readonly #where: string;
  #packed: ByteSource | undefined;
  #inflated: Uint8Array | undefined;

  constructor(archive: ByteSource, entry: DirectoryEntry, where: string) {
    this.size = entry.size;
    this.#archive = archive;
    this.#entry = entry;
    this.#where = where;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#packed ??= await this.#locate();
    if (this.#entry.method === 0) return this.#packed.read(offset, length);
    const end = offset + length;
    if (this.#inflated === undefined || this.#inflated.length < end) {
      this.#inflated = await this.#inflate(
        this.#packed,
        end <= previewBytes ? Math.min(previewBytes, this.size) : this.size,
      );
    }
    return this.#inflated.subarray(offset, end);
  }

  async release(): Promise<void> {
    this.#inflated = undefined;
    await this.#archive.release();
  }

  /** The packed bytes: they follow a second header, whose name and extra field may differ in length. */
  async #locate(): Promise<ByteSource> {
    const { encrypted, method, offset, packed, size } = this.#entry;
    if (encrypted || (method !== 0 && method !== 8)) {
      throw invalid(
        'SWC3102',
        this.#where,
        encrypted ? 'is encrypted' : `is compressed by method ${method}; only deflate is read`,
      );
    }
    if (offset + 30 > this.#archive.size) throw damaged(this.#where, 'it lies outside the file');
    const header = new Reader(await this.#archive.read(offset, 30), this.#where);
    const start = offset + 30 + header.u16(26) + header.u16(28);
    if (header.u32(0) !== 0x04034b50) throw damaged(this.#where, 'its header is missing');
    if (start + packed > this.#archive.size) throw damaged(this.#where, 'it is cut off');
    if (method === 0 && packed !== size) throw damaged(this.#where, 'its two sizes differ');
    if (method === 8 && (size > maxInflatedBytes || size > packed * maxRatio)) {
      throw invalid(
        'SWC3102',
        this.#where,
        `claims ${size} bytes from ${packed} compressed ones`,
        'store large arrays with numpy.savez',
      );
    }
    return partOf(this.#archive, start, packed);
  }

  /** The first `length` bytes; when that is all, there must be no more. */
  async #inflate(packed: ByteSource, length: number): Promise<Uint8Array> {
    const result = new Uint8Array(length);
    let filled = 0;
    const stream = new Inflate((chunk) => {
      result.set(chunk.subarray(0, Math.max(0, length - filled)), Math.min(filled, length));
      filled += chunk.length;
    });
    for (let start = 0; start < packed.size && filled <= length; start += chunkBytes) {
      const size = Math.min(chunkBytes, packed.size - start);
      const chunk = await packed.read(start, size);
      if (length < this.size && filled === length) break;
      try {
        stream.push(chunk, start + size === packed.size);
      } catch (error) {
        throw damaged(this.#where, error instanceof Error ? error.message : String(error));
      }
    }
    if (filled < length || (length === this.size && filled > length)) {
      throw damaged(this.#where, `it does not hold the ${this.size} bytes that it claims`);
    }
    return result;
  }
}

function damaged(where: string, what: string) {
  return invalid('SWC3102', where, `is a damaged archive: ${what}`);
}

/** Little-endian numbers at given places; anything outside is an error of the archive. */
class Reader {
  readonly where: string;
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, where: string) {
    this.where = where;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#check(at, 2), true);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#check(at, 4), true);
  }

  u64(at: number): number {
    const value = Number(this.#view.getBigUint64(this.#check(at, 8), true));
    if (!Number.isSafeInteger(value)) throw damaged(this.where, 'an impossible size');
    return value;
  }

  slice(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(this.#check(at, length), at + length);
  }

  /** The numbers of the extra field with 64-bit sizes. */
  find64(start: number, length: number): number[] {
    const end = this.#check(start, length) + length;
    for (let at = start; at + 4 <= end; at += 4 + this.u16(at + 2)) {
      const size = this.u16(at + 2);
      if (this.u16(at) !== 1) continue;
      return Array.from({ length: Math.min(3, Math.floor(size / 8)) }, (_, index) => this.u64(at + 4 + 8 * index));
    }
    return [];
  }

  #check(at: number, length: number): number {
    if (at < 0 || at + length > this.#bytes.length) throw damaged(this.where, 'it is cut off');
    return at;
  }
}

import { defined } from '../../support/assert.js';

/**
 * FlatBuffers read into plain objects, and written from them, by a schema: the format's own description of tables, vectors
 * and their places (https://flatbuffers.dev/internals). A buffer is little-endian; a table begins with the distance to its
 * vtable, which tells where in it each field is; strings, vectors and tables stand behind what refers to them.
 */

/** Numbers, by their bytes and kind. */
export type ScalarName = 'u8' | 'i8' | 'i32' | 'u32' | 'f32' | 'i64';

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarName }
  | { readonly kind: 'text' }
  /** A vector of elements without references. Where `isLate`, it goes behind everything else. */
  | { readonly kind: 'plain'; readonly element: number; readonly align: number; readonly isLate?: true }
  | { readonly kind: 'table'; readonly of: () => TableType }
  | { readonly kind: 'list'; readonly of: FieldType }
  /** A table whose type the number in the field before it tells. */
  | { readonly kind: 'union'; readonly tag: string; readonly of: () => readonly (TableType | undefined)[] };

/** Fields by name, in the order of their numbers; undefined for one that is no longer used. */
export interface TableType {
  readonly name: string;
  readonly fields: readonly (readonly [name: string, type: FieldType] | undefined)[];
}

export type FieldValue = number | bigint | string | Uint8Array | Table | readonly FieldValue[];

/** A table's fields by name; those that have their default may be absent. */
export interface Table {
  readonly type: TableType;
  readonly fields: ReadonlyMap<string, FieldValue>;
}

/** A buffer that is not what the schema says: another version of the format, or broken. */
export class FlatBufferError extends Error {}

/** A buffer with places that no writer makes, in any version of the format. */
export class DamagedBufferError extends FlatBufferError {}

const scalarSizes: Readonly<Record<ScalarName, number>> = { u8: 1, i8: 1, i32: 4, u32: 4, f32: 4, i64: 8 };

/** Large vectors are put at a multiple of so many bytes: that of cache lines, and more than any vector instruction asks. */
const lateAlignment = 64;
const smallestLate = 1024;

/**
 * The root table of a buffer with a file identifier of four letters.
 * @throws FlatBufferError for a field that the schema does not have, another identifier, or a place outside the buffer; also for
 *   one that is read so often that a small file would take any amount of memory.
 */
export function readFlatBuffer(bytes: Uint8Array, identifier: string, type: TableType): Table {
  const reader = new Reader(bytes);
  if (bytes.length < 8 || Buffer.from(bytes.subarray(4, 8)).toString('latin1') !== identifier) {
    throw new FlatBufferError(`no file of ${identifier}`);
  }
  try {
    return reader.table(reader.target(0), type);
  } catch (error) {
    if (error instanceof RangeError) throw new DamagedBufferError('a place outside the file', { cause: error });
    throw error;
  }
}

/** Every table has bytes of its own; texts are shared, but not by so many. */
const leastTableBytes = 4;
const mostTextReads = 64;

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #tables = 0;
  #textBytes = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Where the reference at `place` leads. */
  target(place: number): number {
    return place + this.#view.getUint32(place, true);
  }

  table(place: number, type: TableType): Table {
    if (++this.#tables > this.#bytes.length / leastTableBytes) throw new DamagedBufferError('tables in each other');
    const vtable = place - this.#view.getInt32(place, true);
    const slots = (this.#view.getUint16(vtable, true) - 4) / 2;
    const fields = new Map<string, FieldValue>();
    for (let slot = 0; slot < slots; slot++) {
      const offset = this.#view.getUint16(vtable + 4 + 2 * slot, true);
      if (offset === 0) continue;
      const field = type.fields[slot];
      if (field === undefined) throw new FlatBufferError(`${type.name} has an unknown field ${slot}`);
      const [name, own] = field;
      fields.set(name, this.#field(place + offset, own, fields));
    }
    return { type, fields };
  }

  #field(place: number, type: FieldType, before: ReadonlyMap<string, FieldValue>): FieldValue {
    switch (type.kind) {
      case 'scalar':
        return this.#scalar(place, type.scalar);
      case 'text':
        return this.#text(this.target(place));
      case 'plain':
        return this.#vector(this.target(place), type.element);
      case 'table':
        return this.table(this.target(place), type.of());
      case 'list': {
        const start = this.target(place);
        const count = this.#view.getUint32(start, true);
        if (start + 4 + 4 * count > this.#bytes.length)
          throw new DamagedBufferError('a list beyond the end of the file');
        return Array.from({ length: count }, (_, index) => this.#field(start + 4 + 4 * index, type.of, before));
      }
      case 'union':
        return this.table(this.target(place), chosen(type, before));
    }
  }

  #scalar(place: number, name: ScalarName): number | bigint {
    if (name === 'i64') return this.#view.getBigInt64(place, true);
    if (name === 'f32') return this.#view.getFloat32(place, true);
    if (name === 'u32') return this.#view.getUint32(place, true);
    if (name === 'i32') return this.#view.getInt32(place, true);
    return name === 'u8' ? this.#view.getUint8(place) : this.#view.getInt8(place);
  }

  #text(start: number): string {
    const bytes = this.#vector(start, 1);
    this.#textBytes += bytes.length;
    if (this.#textBytes > mostTextReads * this.#bytes.length) throw new DamagedBufferError('texts in each other');
    return Buffer.from(bytes).toString();
  }

  #vector(start: number, element: number): Uint8Array {
    const end = start + 4 + element * this.#view.getUint32(start, true);
    if (end > this.#bytes.length) throw new DamagedBufferError('a vector beyond the end of the file');
    return this.#bytes.subarray(start + 4, end);
  }
}

function chosen(
  { tag, of }: Extract<FieldType, { kind: 'union' }>,
  fields: ReadonlyMap<string, FieldValue>,
): TableType {
  const number = Number(fields.get(tag) ?? 0);
  const type = of()[number];
  if (type === undefined) throw new FlatBufferError(`${tag} ${number} is unknown`);
  return type;
}

/** The bytes of a buffer whose root is `root`. Equal tables give equal bytes. */
export function writeFlatBuffer(identifier: string, root: Table): Uint8Array {
  const writer = new Writer();
  writer.reserve(8);
  writer.bytes.set(Buffer.from(identifier, 'latin1'), 4);
  writer.refer(0, writer.table(root));
  writer.writeLate();
  return writer.bytes.subarray(0, writer.length);
}

class Writer {
  bytes = new Uint8Array(1 << 16);
  length = 0;
  #view = new DataView(this.bytes.buffer);
  readonly #vtables = new Map<string, number>();
  /** Every text once, with the places that refer to it: references only lead forward. */
  readonly #texts = new Map<string, number[]>();
  readonly #late: { readonly place: number; readonly data: Uint8Array; readonly element: number }[] = [];

  /** Room at the end for so many bytes, the first at a multiple of `align` once `before` bytes have been left. */
  reserve(size: number, align = 1, before = 0): number {
    const start = Math.ceil((this.length + before) / align) * align - before;
    const end = start + size;
    if (end > this.bytes.length) {
      const wider = new Uint8Array(Math.max(end, 2 * this.bytes.length));
      wider.set(this.bytes);
      this.bytes = wider;
      this.#view = new DataView(wider.buffer);
    }
    this.length = end;
    return start;
  }

  /** Lets the reference at `place` lead to `target`. */
  refer(place: number, target: number): void {
    this.#view.setUint32(place, target - place, true);
  }

  table({ type, fields }: Table): number {
    const present = type.fields.flatMap((field, slot) => {
      const value = field === undefined ? undefined : fields.get(field[0]);
      return field === undefined || value === undefined ? [] : [{ slot, type: field[1], value }];
    });
    // Wide fields first, so that none needs a gap before it.
    const places = new Map<number, number>();
    let size = 4;
    for (const width of [4, 8, 1]) {
      for (const field of present) {
        if (widthOf(field.type) !== width) continue;
        size = Math.ceil(size / width) * width;
        places.set(field.slot, size);
        size += width;
      }
    }
    const slots = present.reduce((most, { slot }) => Math.max(most, slot + 1), 0);
    const offsets = Array.from({ length: slots }, (_, slot) => places.get(slot) ?? 0);
    const vtable = this.#vtable([4 + 2 * slots, size, ...offsets]);
    const start = this.reserve(size, 8);
    this.#view.setInt32(start, start - vtable, true);
    for (const { slot, type: own, value } of present)
      this.#field(start + defined(places.get(slot), 'slot'), own, value);
    return start;
  }

  #vtable(entries: readonly number[]): number {
    const key = entries.join();
    const known = this.#vtables.get(key);
    if (known !== undefined) return known;
    const start = this.reserve(2 * entries.length, 2);
    for (const [index, entry] of entries.entries()) this.#view.setUint16(start + 2 * index, entry, true);
    this.#vtables.set(key, start);
    return start;
  }

  #field(place: number, type: FieldType, value: FieldValue): void {
    if (type.kind === 'scalar') {
      this.#scalar(place, type.scalar, value);
    } else if (type.kind === 'list' && isList(value)) {
      const start = this.reserve(4 + 4 * value.length, 4);
      this.#view.setUint32(start, value.length, true);
      for (const [index, element] of value.entries()) this.#field(start + 4 + 4 * index, type.of, element);
      this.refer(place, start);
    } else if (type.kind === 'plain' && value instanceof Uint8Array) {
      const late = { place, data: value, element: type.element };
      if (type.isLate && value.length >= smallestLate) this.#late.push(late);
      else this.refer(place, this.#vector(value, type.element, type.align));
    } else if (type.kind === 'text' && typeof value === 'string') {
      const places = this.#texts.get(value);
      if (places === undefined) this.#texts.set(value, [place]);
      else places.push(place);
    } else if (typeof value === 'object' && 'fields' in value) {
      this.refer(place, this.table(value));
    } else {
      throw new Error(`internal error: a ${type.kind} of ${typeof value}`);
    }
  }

  #vector(data: Uint8Array, element: number, align: number): number {
    const start = this.reserve(4 + data.length, Math.max(4, align), 4);
    this.#view.setUint32(start, data.length / element, true);
    this.bytes.set(data, start + 4);
    return start;
  }

  /** Writes what was put off, in the order in which it came. */
  writeLate(): void {
    for (const [text, places] of this.#texts) {
      const start = this.#vector(Buffer.from(text), 1, 1);
      // A zero ends it that its length does not count.
      this.reserve(1);
      for (const place of places) this.refer(place, start);
    }
    for (const { place, data, element } of this.#late) this.refer(place, this.#vector(data, element, lateAlignment));
  }

  #scalar(place: number, name: ScalarName, value: FieldValue): void {
    if (typeof value === 'bigint') this.#view.setBigInt64(place, value, true);
    else if (typeof value !== 'number') throw new Error(`internal error: a number of ${typeof value}`);
    else if (name === 'f32') this.#view.setFloat32(place, value, true);
    else if (scalarSizes[name] === 1) this.#view.setUint8(place, value & 255);
    else if (name === 'u32') this.#view.setUint32(place, value, true);
    else this.#view.setInt32(place, value, true);
  }
}

/** Bytes of a field in its table: those of a number, or of a reference. */
function widthOf(type: FieldType): number {
  return type.kind === 'scalar' ? scalarSizes[type.scalar] : 4;
}

/** A field that is a list of tables; none where it is absent. */
export function tablesOf(table: Table, field: string): readonly Table[] {
  const value = table.fields.get(field);
  return value !== undefined && isList(value) ? value.filter(isTable) : [];
}

/** A field that is a table. */
export function tableOf(table: Table, field: string): Table | undefined {
  const value = table.fields.get(field);
  return value !== undefined && isTable(value) ? value : undefined;
}

/** A field that is a list of texts; none where it is absent. */
export function textsOf(table: Table, field: string): readonly string[] {
  const value = table.fields.get(field);
  return value !== undefined && isList(value) ? value.filter((element) => typeof element === 'string') : [];
}

/** A field that is text; empty where it is absent. */
export function textOf(table: Table, field: string): string {
  const value = table.fields.get(field);
  return typeof value === 'string' ? value : '';
}

/** A field that is a whole number; 0 where it is absent. */
export function numberOf(table: Table, field: string): number {
  const value = table.fields.get(field);
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0;
}

/** Narrows to a list, which `Array.isArray` does not do for one that is read only. */
function isList(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value);
}

function isTable(value: FieldValue): value is Table {
  return typeof value === 'object' && 'fields' in value;
}

/** The table with other values in some of its fields. */
export function withFields(table: Table, changes: Readonly<Record<string, FieldValue>>): Table {
  return { ...table, fields: new Map([...table.fields, ...Object.entries(changes)]) };
}

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import {
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { decompressZstd, compressors as known } from 'hyparquet-compressors';
import { invalid, SwancError } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';
import type { RowSpan } from './chunked-array.js';
import { checkPages, columnsOf, maxPageBytes } from './parquet-pages.js';

/** Rows that are decoded together hold about so many values. */
const spanValues = 1 << 24;
const maxRows = 2 ** 40;
const maxSpans = 1 << 22;
const maxMetadataBytes = 1 << 28;

/** A Parquet file, of which ranges of rows of single columns are read. */
export class ParquetFile {
  readonly columns: readonly SchemaTree[];
  readonly count: number;
  readonly #source: ByteSource;
  readonly #where: string;
  readonly #metadata: FileMetaData;
  /** Names of the columns that pandas calls durations. */
  readonly #durations: ReadonlySet<string>;
  /** Groups and columns whose pages were checked. */
  readonly #checked = new Set<string>();

  private constructor(source: ByteSource, where: string, metadata: FileMetaData) {
    this.#source = source;
    this.#where = where;
    this.#metadata = metadata;
    this.columns = parquetSchema(metadata).children;
    this.#durations = durationsOf(metadata);
    this.count = metadata.row_groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0);
  }

  static async open(source: ByteSource, where: string): Promise<ParquetFile> {
    const tail = source.size < 12 ? undefined : await source.read(source.size - 8, 8);
    if (tail === undefined || new TextDecoder().decode(tail.subarray(4)) !== 'PAR1')
      throw damaged(where, 'it is cut off');
    const length = new DataView(tail.buffer, tail.byteOffset, 8).getUint32(0, true);
    if (length > Math.min(source.size - 12, maxMetadataBytes))
      throw damaged(where, `its description claims ${length} bytes`);
    return guarded(where, async () => {
      const metadata = await parquetMetadataAsync(bufferOf(source), { geoparquet: false });
      const file = new ParquetFile(source, where, metadata);
      if (!(file.count >= 0 && file.count <= maxRows)) throw damaged(where, `it claims ${file.count} rows`);
      return file;
    });
  }

  /** Ranges of rows, none of them beyond a group, that hold a bounded number of values when a row has `width` of them. */
  spans(width: number): RowSpan[] {
    const most = Math.max(1, Math.floor(spanValues / Math.max(1, width)));
    if (this.count / most > maxSpans) throw damaged(this.#where, `it claims ${this.count} rows`);
    const spans: RowSpan[] = [];
    let first = 0;
    for (const { num_rows } of this.#metadata.row_groups) {
      const end = first + Number(num_rows);
      for (; first < end; first += Math.min(most, end - first))
        spans.push({ first, count: Math.min(most, end - first) });
    }
    return spans;
  }

  /**
   * Hands out the values of a column, row by row: numbers, whole numbers as bigint, lists of them, bytes, text, or null. Columns
   * are decoded one by one, since all rows of many columns would be held as objects otherwise.
   */
  async read(
    column: SchemaTree,
    { first, count }: RowSpan,
    take: (value: unknown, row: number) => void,
  ): Promise<void> {
    let taken = 0;
    await guarded(this.#where, async () => {
      await this.#check(column, first);
      const chunks: { readonly start: number; readonly values: ArrayLike<unknown> }[] = [];
      await parquetRead({
        file: bufferOf(this.#source),
        metadata: this.#metadata,
        columns: [column.element.name],
        rowStart: first,
        rowEnd: first + count,
        compressors,
        utf8: false,
        geoparquet: false,
        onChunk: ({ columnData, rowStart }) => chunks.push({ start: rowStart, values: columnData }),
      });
      for (const { start, values } of chunks) {
        const end = Math.min(start + values.length, first + count);
        for (let row = Math.max(start, first); row < end; row++, taken++) take(values[row - start], row);
      }
    });
    if (taken === count) return;
    throw damaged(this.#where, `column '${column.element.name}' has ${taken} of the rows ${first} to ${first + count}`);
  }

  /**
   * Times of day and durations, whose numbers depend on the unit that the writer chose, are no data as they stand. Of durations
   * only the description that pandas leaves in the file tells.
   * @throws SwancError `invalid`.
   */
  refuseTimes(column: SchemaTree): void {
    const { name, converted_type, logical_type } = column.element;
    const isTime =
      logical_type?.type === 'TIME' || converted_type === 'TIME_MILLIS' || converted_type === 'TIME_MICROS';
    if (!isTime && !this.#durations.has(name)) return;
    const what = `column '${name}' holds ${isTime ? 'times of day' : 'durations'}, whose unit is that of the file`;
    throw invalid('SWC3104', this.#where, what, 'save numbers of the unit that the model takes, such as seconds');
  }

  async #check(column: SchemaTree, row: number): Promise<void> {
    let start = 0;
    for (const [index, group] of this.#metadata.row_groups.entries()) {
      start += Number(group.num_rows);
      const key = `${index}:${column.element.name}`;
      if (row >= start || this.#checked.has(key)) {
        if (row < start) return;
        continue;
      }
      for (const own of columnsOf(group, column)) {
        const meta = own.meta_data;
        const from = Number(meta?.dictionary_page_offset || meta?.data_page_offset);
        const size = Number(meta?.total_compressed_size);
        if (!(from >= 0 && size >= 0 && from + size <= this.#source.size))
          throw damaged(this.#where, 'a column lies outside the file');
        checkPages(await this.#source.read(from, size), own, this.#metadata, compressors);
      }
      this.#checked.add(key);
      return;
    }
  }
}

/** Decompressors that make no more than the page says, and no page of more than is usual. */
const compressors: Compressors = Object.fromEntries(
  Object.entries({
    ...known,
    GZIP: (input: Uint8Array, size: number) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
    BROTLI: (input: Uint8Array, size: number) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
    ZSTD: (input: Uint8Array, size: number) => decompressZstd(input, new Uint8Array(size)),
  }).map(([name, decompress]) => [
    name,
    (input: Uint8Array, size: number): Uint8Array => {
      if (size > maxPageBytes) throw new Error(`a page claims ${size} bytes`);
      return decompress(input, size);
    },
  ]),
);

function bufferOf(source: ByteSource) {
  return {
    byteLength: source.size,
    async slice(start: number, end = source.size): Promise<ArrayBuffer> {
      if (!(start >= 0 && start <= end && end <= source.size)) throw new Error('a part lies outside the file');
      const bytes = await source.read(start, end - start);
      const copy = new ArrayBuffer(bytes.length);
      new Uint8Array(copy).set(bytes);
      return copy;
    },
  };
}

/** Whatever the decoder throws on bytes that are no Parquet is an error of the file. */
async function guarded<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SwancError) throw error;
    throw damaged(where, error instanceof Error ? error.message.replace(/^parquet /, '') : String(error));
  }
}

/** The columns that are durations, by what pandas writes into the file; what cannot be read there says nothing. */
function durationsOf({ key_value_metadata = [] }: FileMetaData): Set<string> {
  const text = key_value_metadata.find(({ key }) => key === 'pandas')?.value ?? '{}';
  const found = new Set<string>();
  try {
    const { columns } = Object(JSON.parse(text));
    for (const column of Array.isArray(columns) ? columns : []) {
      const { field_name: name, numpy_type: type } = Object(column);
      if (typeof name === 'string' && typeof type === 'string' && type.startsWith('timedelta')) found.add(name);
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return found;
}

function damaged(where: string, what: string): SwancError {
  return invalid('SWC3102', where, `is a damaged .parquet file: ${what}`);
}

import { type Compressors, type FileMetaData, parquetSchema, type RowGroup, type SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js';

/**
 * Checks of Parquet pages before they are decoded. A run length of a few bytes may stand for any number of values, and the
 * decoder makes as many as it says; here such numbers are held against what the page itself says that it has, and that
 * against limits. What is wrong is thrown as a plain error, as the decoder's own are: the caller makes one of the user's of it.
 */

/** Values of one page, and of one column in a group of rows. */
const maxPageValues = 1 << 25;
const maxChunkValues = 1 << 27;

type Column = RowGroup['columns'][number];
type Bytes = { readonly view: DataView; offset: number };

/** Walks over the pages of a column of a group of rows. `bytes` are those of the column. */
export function checkPages(bytes: Uint8Array, column: Column, metadata: FileMetaData, compressors: Compressors): void {
  const meta = column.meta_data;
  if (meta === undefined) throw new Error('a column is not described');
  const path = getTreePath(parquetSchema(metadata), meta.path_in_schema);
  const reader: Bytes = { view: viewOf(bytes), offset: 0 };
  let values = 0;
  while (reader.offset < bytes.length - 1) {
    const header = parquetHeader(reader);
    const { compressed_page_size: packed, uncompressed_page_size: size } = header;
    if (!isCount(packed, bytes.length - reader.offset) || !isCount(size, maxPageBytes))
      throw new Error('a page has an impossible size');
    const content = bytes.subarray(reader.offset, reader.offset + packed);
    reader.offset += packed;
    const first = header.data_page_header;
    const second = header.data_page_header_v2;
    const count = first?.num_values ?? second?.num_values ?? header.dictionary_page_header?.num_values ?? 0;
    if (!isCount(count, maxPageValues)) throw new Error(`a page claims ${count} values`);
    values += header.type === 'DICTIONARY_PAGE' ? 0 : count;
    if (values > maxChunkValues)
      throw new Error(`a group of rows has more than ${maxChunkValues} values in a column: write smaller groups`);
    const unpack = (part: Uint8Array, length: number): Uint8Array => decompress(part, length, meta.codec, compressors);
    if (header.type === 'DATA_PAGE' && first !== undefined) {
      const page: Bytes = { view: viewOf(unpack(content, size)), offset: 0 };
      if (path.length > 1 && getMaxRepetitionLevel(path) > 0)
        checkLevels(page, widthOf(getMaxRepetitionLevel(path)), count);
      if (getMaxDefinitionLevel(path) > 0) checkLevels(page, widthOf(getMaxDefinitionLevel(path)), count);
      checkValues(page, runsOf(first.encoding, meta.type, 1), count);
    } else if (header.type === 'DATA_PAGE_V2' && second !== undefined) {
      const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = second;
      if (
        !isCount(repetition, packed) ||
        !isCount(definition, packed - repetition) ||
        !isCount(second.num_nulls, count) ||
        !isCount(second.num_rows, count)
      ) {
        throw new Error('a page has impossible levels');
      }
      const [repeated, defined] = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)];
      const levels: Bytes = { view: viewOf(content), offset: 0 };
      if (repeated > 0) checkRuns(levels, repetition, widthOf(repeated), count, true);
      levels.offset = repetition;
      if (defined > 0) checkRuns(levels, repetition + definition, widthOf(defined), count, true);
      const rest = content.subarray(repetition + definition);
      const page = second.is_compressed === false ? rest : unpack(rest, size - repetition - definition);
      checkValues({ view: viewOf(page), offset: 0 }, runsOf(second.encoding, meta.type, 2), count);
    }
  }
}

/** No page is larger: writers make pages of about a megabyte. */
export const maxPageBytes = 1 << 28;

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bits that hold numbers up to `most`. */
function widthOf(most: number): number {
  return 32 - Math.clz32(most);
}

function decompress(bytes: Uint8Array, size: number, codec: string, compressors: Compressors): Uint8Array {
  if (codec === 'UNCOMPRESSED') return bytes;
  const own = Object.entries(compressors).find(([name]) => name === codec)?.[1];
  if (own === undefined) throw new Error(`compression by ${codec} is not read`);
  return own(bytes, size);
}

function checkLevels(page: Bytes, width: number, count: number): void {
  const length = page.view.getUint32(page.offset, true);
  const end = page.offset + 4 + length;
  if (end > page.view.byteLength) throw new Error('the levels of a page are cut off');
  page.offset += 4;
  checkRuns(page, end, width, count, true);
  page.offset = end;
}

/** Whether the values are runs with their length before them, runs with their width before them, or no runs: as the decoder has it. */
function runsOf(encoding: string, type: string, version: 1 | 2): 'length' | 'width' | undefined {
  const isDictionary = encoding.endsWith('DICTIONARY');
  if (version === 2) return encoding === 'RLE' ? 'length' : isDictionary ? 'width' : undefined;
  if (encoding !== 'RLE' && !isDictionary) return undefined;
  return type === 'BOOLEAN' ? 'length' : 'width';
}

function checkValues(page: Bytes, runs: 'length' | 'width' | undefined, count: number): void {
  if (runs === 'length') checkLevels(page, 1, count);
  if (runs !== 'width' || page.offset >= page.view.byteLength) return;
  const width = page.view.getUint8(page.offset++);
  if (width > 32) throw new Error(`numbers of ${width} bits in a dictionary`);
  checkRuns(page, page.view.byteLength, width, count, false);
}

/**
 * Runs of the hybrid of run lengths and packed bits: none may go far beyond the values that there are. Levels must be there for
 * all values, since the decoder reads on behind their end for those that are not; of values, null ones are not stored.
 */
function checkRuns(page: Bytes, end: number, width: number, count: number, areLevels: boolean): void {
  let seen = 0;
  while (seen < count && page.offset < end) {
    const header = readVarint(page, end);
    const run = header % 2 === 1 ? Math.floor(header / 2) * 8 : Math.floor(header / 2);
    // Packed bits come by eights, and some writers fill up a last run of 504 of them.
    if (run > count - seen + 512) throw new Error(`a run of ${run} values in a page of ${count}`);
    page.offset += header % 2 === 1 ? (run / 8) * width : Math.ceil(width / 8);
    seen += run;
  }
  if (areLevels && (seen < count || page.offset > end)) throw new Error('the levels of a page are cut off');
}

function readVarint(page: Bytes, end: number): number {
  let value = 0;
  for (let factor = 1; page.offset < end; factor *= 128) {
    const byte = page.view.getUint8(page.offset++);
    value += (byte & 127) * factor;
    if (byte < 128) return value;
    if (factor > 2 ** 35) break;
  }
  throw new Error('a number in a page does not end');
}

/** The physical columns of a column of the table, by the path in the schema. */
export function columnsOf(group: RowGroup, { path }: SchemaTree): Column[] {
  return group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === path[0]);
}

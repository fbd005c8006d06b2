import { defined } from '../../support/assert.js';
import { invalid, type SwancError } from '../../support/errors.js';
import { areNamed, type Labels, type Part, type RowArray } from '../array.js';
import type { ByteSource } from '../bytes.js';
import type { DecodedCache } from '../decoded-cache.js';
import { dataEndings, isLabelName } from '../names.js';
import { ClassNames } from '../tables/class-names.js';
import { assignColumns, isFileName } from '../tables/columns.js';
import { isNumeric, parseCell, shown, type TextType, textType } from '../text/cells.js';
import {
  type CsvRecord,
  CsvScanner,
  type Delimiter,
  findDelimiter,
  hasHeader,
  parseRecords,
  readRecords,
} from '../text/csv-text.js';
import { decodeText, indexRecords, type RecordChunk, textStart } from '../text/record-index.js';
import { type TextNumbers, textArray, textNumbers } from '../text/text-array.js';
import { type Format, labelInput, type OpenContext } from './format.js';

/** Text with a row for each sample, and optionally the names of the columns in its first line. */
export const csv: Format = {
  name: 'csv',
  extensions: dataEndings.csv,
  // What is left for text that is in no other format: see `formatOf`.
  matches: (head) => head.length > 0 && !head.includes(0) && head[0] !== 0x7b && head[0] !== 0x5b,
  async open(source, where, context) {
    const table = await Table.open(source, where, context);
    return table.part(context);
  },
};

/** The first record must end within so many bytes. */
const headBytes = 1 << 24;

/** Columns that are read as one array. */
interface Field {
  readonly columns: readonly number[];
  readonly type: TextType;
}

class Table {
  readonly #source: ByteSource;
  readonly #where: string;
  readonly #head: Head;
  readonly #chunks: readonly RecordChunk[];
  readonly #fields: Field[] = [];
  readonly #cached: (chunk: number, load: () => Promise<readonly TextNumbers[]>) => Promise<readonly TextNumbers[]>;

  private constructor(
    source: ByteSource,
    where: string,
    head: Head,
    chunks: readonly RecordChunk[],
    cache: DecodedCache,
  ) {
    this.#source = source;
    this.#where = where;
    this.#head = head;
    this.#chunks = chunks;
    this.#cached = cache.scope((fields) => fields.reduce((sum, { byteLength }) => sum + byteLength, 0));
  }

  static async open(source: ByteSource, where: string, context: OpenContext): Promise<Table> {
    const start = await textStart(source, where);
    const head = await readHead(source, where, start, context);
    const chunks = await indexRecords(source, where, new CsvScanner(), { ...head, end: source.size });
    return new Table(source, where, head, chunks, context.cache);
  }

  get #count(): number {
    const last = this.#chunks.at(-1);
    return last === undefined ? 0 : last.first + last.count;
  }

  async part(context: OpenContext): Promise<Part> {
    const columns = Array.from({ length: this.#head.width }, (_, index) => ({
      name: this.#head.names?.[index],
      dims: [],
    }));
    const { inputs, labels, notes } = assignColumns(columns, context, this.#where);
    const found = labels === undefined ? undefined : await this.#labels(labels);
    const arrays = new Map<string, RowArray>();
    for (const { name, type } of context.inputs) {
      const own = inputs.get(name);
      if (own !== undefined) arrays.set(name, this.#array({ columns: own.columns, type: textType(type) }, own.dims));
    }
    if (context.forLabels && found !== undefined && !areNamed(found)) arrays.set(labelInput.name, found);
    const release = (): Promise<void> => this.#source.release();
    const files = context.forLabels ? (this.#head.names ?? []).findIndex(isFileName) : -1;
    const rowNames = files < 0 ? {} : { rowNames: await this.#texts(files) };
    return { where: this.#where, count: this.#count, arrays, labels: found, notes, release, ...rowNames };
  }

  #array(field: Field, dims: readonly number[]): RowArray {
    const position = this.#fields.push(field) - 1;
    const load = async (chunk: number): Promise<TextNumbers> => {
      const fields = await this.#cached(chunk, () => this.#decode(chunk));
      return defined(fields[position], `field ${position} of ${this.#where}`);
    };
    return textArray(field.type, dims, this.#chunks, load, (row, element) => {
      return `row ${row + 1}, ${this.#columnName(field.columns[element % field.columns.length] ?? 0)}`;
    });
  }

  async #decode(chunk: number): Promise<TextNumbers[]> {
    const records = await this.#records(chunk);
    return this.#fields.map(({ columns, type }) => {
      const values: (number | bigint)[] = [];
      for (const { cells, line } of records) {
        for (const column of columns) {
          const value = parseCell(cells[column] ?? '', type);
          if (typeof value === 'string') throw this.#badCell(line, column, value);
          values.push(value);
        }
      }
      return textNumbers(type, values);
    });
  }

  /** Numbers where those of the first rows are; else names, which are all read now. */
  async #labels(column: number): Promise<Labels> {
    const first = this.#chunks.length === 0 ? [] : await this.#records(0);
    if (first.every(({ cells }) => isNumeric(cells[column] ?? ''))) {
      return this.#array({ columns: [column], type: 'float64' }, []);
    }
    const names = new ClassNames(this.#where);
    const rows = new Uint32Array(this.#count);
    for (const [index, { first: start }] of this.#chunks.entries()) {
      for (const [row, { cells, line }] of (await this.#records(index)).entries()) {
        const name = (cells[column] ?? '').trim();
        if (name === '') throw this.#badCell(line, column, 'is empty');
        rows[start + row] = names.numberOf(name);
      }
    }
    return names.labels(rows);
  }

  /** All cells of a column, as text. */
  async #texts(column: number): Promise<string[]> {
    const texts: string[] = [];
    for (const index of this.#chunks.keys()) {
      for (const { cells } of await this.#records(index)) texts.push((cells[column] ?? '').trim());
    }
    return texts;
  }

  async #records(chunk: number): Promise<CsvRecord[]> {
    const span = defined(this.#chunks[chunk], `chunk ${chunk} of ${this.#where}`);
    const { width, delimiter } = this.#head;
    const records = await readRecords(this.#source, this.#where, span, delimiter);
    for (const { cells, line } of records) {
      if (cells.length === width) continue;
      throw invalid('SWC3102', this.#where, `line ${line} has ${cells.length} cells; the first line has ${width}`);
    }
    if (records.length === span.count) return records;
    throw invalid('SWC3102', this.#where, `quotes open and close unevenly in line ${span.line} or later`);
  }

  #columnName(column: number): string {
    const name = this.#head.names?.[column];
    return `column ${column + 1}${name === undefined ? '' : ` (${shown(name)})`}`;
  }

  #badCell(line: number, column: number, what: string): SwancError {
    return invalid('SWC3104', this.#where, `line ${line}, ${this.#columnName(column)} ${what}`);
  }
}

interface Head {
  readonly delimiter: Delimiter;
  readonly names: readonly string[] | undefined;
  /** Cells of a row. */
  readonly width: number;
  /** Where the rows begin, and the line of that. */
  readonly start: number;
  readonly line: number;
}

/** Delimiter, names and number of columns, and where the rows begin. */
async function readHead(
  source: ByteSource,
  where: string,
  start: number,
  { header, forLabels }: OpenContext,
): Promise<Head> {
  const bytes = await source.read(start, Math.min(headBytes, source.size - start));
  const ends = recordEnds(bytes, 2);
  const [end = bytes.length, second = bytes.length] = ends;
  if (ends.length === 0 && bytes.length === headBytes)
    throw invalid('SWC3102', where, 'has a first line without an end');
  const text = decodeText(bytes.subarray(0, second), where, 1);
  if (/\r[^\n]/.test(text) && !text.includes('\n')) {
    const advice = 'save it with the line ends of today: in Excel as "CSV UTF-8 (comma delimited)"';
    throw invalid('SWC3102', where, 'has lines that end with a carriage return alone, as on old Macs', advice);
  }
  const delimiter = findDelimiter(text.trimStart(), where);
  const [first, next] = parseRecords(text, where, 1, delimiter);
  if (first === undefined) throw invalid('SWC3109', where, 'holds no samples');
  const found =
    header ?? (forLabels && first.cells.length === 1 ? labelHeader(first, next) : hasHeader(first.cells, next?.cells));
  if (found === undefined) {
    const what = `the first line could be names of columns or a sample: ${first.cells.slice(0, 4).join(', ')}…`;
    throw invalid('SWC3103', where, what, 'say which with --data-header or --no-data-header');
  }
  const line = found ? 1 + countLines(bytes, end) : 1;
  const names = found ? first.cells.map((cell) => cell.trim()) : undefined;
  return { delimiter, names, width: first.cells.length, start: found ? start + end : start, line };
}

/** In a list of names, the first is one as well, unless it says what they are. */
function labelHeader(first: CsvRecord, next: CsvRecord | undefined): boolean {
  return isLabelName(first.cells[0]) || (!isNumeric(first.cells[0] ?? '') && isNumeric(next?.cells[0] ?? ''));
}

/** The ends of the first `count` records, as far as they are within the bytes. */
function recordEnds(bytes: Uint8Array, count: number): number[] {
  const scanner = new CsvScanner();
  const ends: number[] = [];
  for (let at = 0; at < bytes.length && ends.length < count; at++) if (scanner.take(bytes[at] ?? 0)) ends.push(at + 1);
  return ends;
}

function countLines(bytes: Uint8Array, end: number): number {
  return bytes.subarray(0, end).reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0);
}

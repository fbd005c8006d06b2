import { invalid, type SwancError } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';
import { isLabelName } from '../names.js';
import { isNumeric, isWhole } from './cells.js';
import { decodeText, type RecordChunk, type RecordScanner } from './record-index.js';

export type Delimiter = ',' | ';' | '\t';

/** Cells of a record and the line that it begins in. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Tells records of CSV (RFC 4180) apart: lines, but for line ends within quotes. Blank lines are none. */
export class CsvScanner implements RecordScanner {
  #quoted = false;
  #blank = true;

  take(byte: number): boolean {
    if (byte === 0x22) this.#quoted = !this.#quoted;
    if (byte === 0x0a && !this.#quoted) {
      const ends = !this.#blank;
      this.#blank = true;
      return ends;
    }
    if (byte !== 0x0d && byte !== 0x20) this.#blank = false;
    return false;
  }

  finish(): boolean {
    return !this.#blank;
  }
}

/** The records of a chunk. @throws SwancError `invalid` for quotes that do not close, or stand within cells. */
export async function readRecords(
  source: ByteSource,
  where: string,
  chunk: Pick<RecordChunk, 'offset' | 'bytes' | 'line'>,
  delimiter: Delimiter,
): Promise<CsvRecord[]> {
  const text = decodeText(await source.read(chunk.offset, chunk.bytes), where, chunk.line);
  return parseRecords(text, where, chunk.line, delimiter);
}

/** The records of text that begins in `line`. Blank lines are none. */
export function parseRecords(text: string, where: string, line: number, delimiter: Delimiter): CsvRecord[] {
  const records: CsvRecord[] = [];
  const position: Position = { at: 0, line };
  while (position.at < text.length) {
    const begin = position.line;
    const end = endOf(text, '\n', position.at);
    const plain = text.slice(position.at, end);
    if (plain.includes('"')) {
      records.push({ cells: readCells(text, position, delimiter, where), line: begin });
      continue;
    }
    if (plain.trim() !== '' || plain.includes(delimiter))
      records.push({ cells: withoutReturn(plain).split(delimiter), line: begin });
    position.at = end + 1;
    position.line++;
  }
  return records;
}

interface Position {
  at: number;
  line: number;
}

/** The cells of a record with quotes, which begins at the position and is left behind. */
function readCells(text: string, position: Position, delimiter: Delimiter, where: string): string[] {
  const cells: string[] = [];
  for (;;) {
    let at = position.at;
    while (text[at] === ' ') at++;
    if (text[at] === '"') {
      const { cell, end } = readQuoted(text, at, position.line, where);
      cells.push(cell);
      position.line += cell.split('\n').length - 1;
      at = end;
      while (text[at] === ' ') at++;
      if (text[at] === '\r' && (text[at + 1] ?? '\n') === '\n') at++;
    } else {
      at = Math.min(endOf(text, delimiter, position.at), endOf(text, '\n', position.at));
      const cell = text.slice(position.at, at);
      cells.push(text[at] === delimiter ? cell : withoutReturn(cell));
      if (cell.includes('"')) throw quoteWithin(where, position.line);
    }
    const next = text[at];
    if (next !== undefined && next !== delimiter && next !== '\n') throw quoteWithin(where, position.line);
    position.at = at + 1;
    if (next === delimiter) continue;
    position.line++;
    return cells;
  }
}

/** The cell whose quote opens at `start`; a quote within it is doubled. */
function readQuoted(text: string, start: number, line: number, where: string): { cell: string; end: number } {
  const pieces: string[] = [];
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw invalid('SWC3102', where, `line ${line}: a quote is not closed`);
    pieces.push(text.slice(from, quote));
    if (text[quote + 1] !== '"') return { cell: pieces.join('"'), end: quote + 1 };
    from = quote + 2;
  }
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found;
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

function quoteWithin(where: string, line: number): SwancError {
  return invalid('SWC3102', where, `line ${line}: a quote stands within a cell`, 'double quotes within quoted cells');
}

const delimiters: readonly Delimiter[] = [',', ';', '\t'];

/**
 * What separates the cells: tabs in .tsv files, else the one of comma, semicolon and tab that is in the first line outside of
 * quotes. @throws SwancError `invalid` where several are.
 */
export function findDelimiter(text: string, where: string): Delimiter {
  if (where.toLowerCase().endsWith('.tsv')) return '\t';
  const [line = ''] = text.replaceAll(/"[^"]*"/g, '').split('\n', 1);
  const found = delimiters.filter((delimiter) => line.includes(delimiter));
  if (found.length > 1) {
    throw invalid(
      'SWC3102',
      where,
      'has several of comma, semicolon and tab in its first line',
      'separate cells by commas, and write 0.5 with a point',
    );
  }
  return found[0] ?? ',';
}

/** What programs write for a value that is missing: no name of a column. */
const missing = /^(?:n\/?a|#n\/a|null|none|nil|missing|undefined|-+|\?+|\.)$/i;

/**
 * Whether the first record has the names of columns, given the first two: it has where it is text in a column that holds
 * numbers, or throughout. Numbers that count columns, such as pandas makes up for names, could be either; other numbers
 * beside text could be a sample with a cell that is none.
 * @returns undefined where that cannot be told.
 */
export function hasHeader(first: readonly string[], second: readonly string[] | undefined): boolean | undefined {
  const isText = first.map((cell) => !isNumeric(cell));
  const numbers = first.filter((cell) => isNumeric(cell));
  if (isText.some((text, column) => text && isNumeric(second?.[column] ?? ''))) {
    const isSample = first.some((cell) => missing.test(cell.trim())) || !areCounted(numbers);
    return numbers.length > 0 && isSample ? undefined : true;
  }
  if (numbers.length === 0) return first.length > 1 || second === undefined || isLabelName(first[0]) ? true : undefined;
  return areCounted(numbers) && numbers[0]?.trim() === '0' && numbers.length > 2 ? undefined : false;
}

/** Whether these are 0, 1, 2 and so on, or 1, 2, 3. */
function areCounted(numbers: readonly string[]): boolean {
  const start = Number(numbers[0]) === 1 ? 1 : 0;
  return numbers.every((cell, index) => isWhole(cell) && Number(cell) === index + start);
}

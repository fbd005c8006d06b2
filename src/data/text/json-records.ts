import { invalid } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';
import type { JsonSpan } from './json-outline.js';
import { isSpace, JsonScanner } from './json-scan.js';
import { decodeText, indexRecords, type RecordChunk, type RecordScanner } from './record-index.js';

/** A record and the line that it begins in. */
export interface JsonRecord {
  readonly value: unknown;
  readonly text: string;
  readonly line: number;
}

/** Values that are records: the lines of JSON Lines, or the elements of a list. */
export interface JsonRecords {
  readonly chunks: readonly RecordChunk[];
  read(chunk: number): Promise<JsonRecord[]>;
}

class LineScanner implements RecordScanner {
  #blank = true;

  take(byte: number): boolean {
    if (byte === 0x0a) {
      const ends = !this.#blank;
      this.#blank = true;
      return ends;
    }
    if (!isSpace(byte)) this.#blank = false;
    return false;
  }

  finish(): boolean {
    return !this.#blank;
  }
}

/** Elements of a list without its brackets: each ends with its comma. */
class ElementScanner implements RecordScanner {
  readonly #scanner = new JsonScanner();
  #blank = true;
  #commas = false;

  take(byte: number): boolean {
    const isStructure = this.#scanner.take(byte);
    if (!isSpace(byte)) this.#blank = false;
    if (!isStructure || byte !== 0x2c || this.#scanner.depth !== 0) return false;
    this.#blank = true;
    this.#commas = true;
    return true;
  }

  finish(): boolean {
    // Nothing behind a comma counts, and is found missing when it is read.
    return !this.#blank || this.#commas;
  }
}

/** The lines from `start` on, each of which is a value; blank ones are skipped. */
export async function recordsOfLines(source: ByteSource, where: string, start: number): Promise<JsonRecords> {
  const chunks = await indexRecords(source, where, new LineScanner(), { start, end: source.size, line: 1 });
  return recordsOf(source, where, chunks, (text) => text.split('\n'));
}

/** The elements of a list. */
export async function recordsOfList(
  source: ByteSource,
  where: string,
  { start, end, line }: JsonSpan,
): Promise<JsonRecords> {
  const chunks = await indexRecords(source, where, new ElementScanner(), { start: start + 1, end: end - 1, line });
  return recordsOf(source, where, chunks, splitElements);
}

function recordsOf(
  source: ByteSource,
  where: string,
  chunks: readonly RecordChunk[],
  split: (text: string) => string[],
): JsonRecords {
  const read = async (index: number): Promise<JsonRecord[]> => {
    const chunk = chunks[index];
    if (chunk === undefined) throw new Error(`internal error: no chunk ${index} in ${where}`);
    const text = decodeText(await source.read(chunk.offset, chunk.bytes), where, chunk.line);
    const records: JsonRecord[] = [];
    let line = chunk.line;
    for (const piece of split(text)) {
      const blank = /^\s*/.exec(piece)?.[0] ?? '';
      const begin = line + linesIn(blank);
      line += linesIn(piece) + (split === splitElements ? 0 : 1);
      if (blank.length === piece.length) continue;
      records.push({ value: parseValue(piece, where, begin), text: piece, line: begin });
    }
    if (records.length !== chunk.count)
      throw invalid('SWC3102', where, `line ${chunk.line} or later: an element is missing between commas`);
    return records;
  };
  return { chunks, read };
}

/** The texts of the elements in a list without brackets. */
function splitElements(text: string): string[] {
  const scanner = new JsonScanner();
  const pieces: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const isStructure = scanner.take(text.charCodeAt(at));
    if (!isStructure || text[at] !== ',' || scanner.depth !== 0) continue;
    pieces.push(text.slice(start, at));
    start = at + 1;
  }
  pieces.push(text.slice(start));
  return pieces;
}

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function parseValue(text: string, where: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const start = text.trim();
    throw invalid(
      'SWC3102',
      where,
      `line ${line}: ${start.slice(0, 40)}${start.length > 40 ? '…' : ''} is no JSON value`,
    );
  }
}

import { invalid } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';

/** Consecutive records of a text file, which are read and parsed together. */
export interface RecordChunk {
  readonly offset: number;
  readonly bytes: number;
  /** The line that it begins in, from 1. */
  readonly line: number;
  /** Number of its first record. */
  readonly first: number;
  readonly count: number;
}

/** Tells records apart, byte by byte. */
export interface RecordScanner {
  /** Takes the next byte; true where it ends a record, of which it is the last byte. */
  take(byte: number): boolean;
  /** Whether the bytes since the last record are one as well, at the end of the file. */
  finish(): boolean;
}

/** A chunk is complete when it has so many bytes. */
const chunkBytes = 1 << 18;
const blockBytes = 1 << 20;
/** No record is longer: text of more than that would be held at once. */
const maxRecordBytes = 1 << 26;

/** Reads a text file once, from `start` to `end`, and notes where its records are: little memory, however many there are. */
export async function indexRecords(
  source: ByteSource,
  where: string,
  scanner: RecordScanner,
  range: { readonly start: number; readonly end: number; readonly line: number },
): Promise<RecordChunk[]> {
  const chunks: RecordChunk[] = [];
  let chunk = { offset: range.start, line: range.line, first: 0, count: 0 };
  let line = range.line;
  let recordStart = range.start;
  const close = (end: number): void => {
    if (chunk.count > 0) chunks.push({ ...chunk, bytes: end - chunk.offset });
    chunk = { offset: end, line, first: chunk.first + chunk.count, count: 0 };
  };
  for (let offset = range.start; offset < range.end; offset += blockBytes) {
    const block = await source.read(offset, Math.min(blockBytes, range.end - offset));
    for (let index = 0; index < block.length; index++) {
      const byte = block[index] ?? 0;
      if (byte === 0) throw invalid('SWC3102', where, `line ${line} has a zero byte: this is no text in UTF-8`);
      if (byte === 0x0a) line++;
      if (!scanner.take(byte)) continue;
      chunk.count++;
      recordStart = offset + index + 1;
      if (recordStart - chunk.offset >= chunkBytes) close(recordStart);
    }
    if (offset + block.length - recordStart > maxRecordBytes) {
      throw invalid('SWC3102', where, `has a record of more than ${maxRecordBytes} bytes before line ${line}`);
    }
  }
  if (scanner.finish()) chunk.count++;
  close(range.end);
  return chunks;
}

const utf8Mark = [0xef, 0xbb, 0xbf];

/** Where the text begins: behind a byte order mark. @throws SwancError `invalid` for UTF-16. */
export async function textStart(source: ByteSource, where: string): Promise<number> {
  const head = await source.read(0, Math.min(3, source.size));
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    throw invalid('SWC3107', where, 'is text in UTF-16', 'save it in UTF-8');
  }
  return utf8Mark.every((byte, index) => head[index] === byte) ? 3 : 0;
}

/** The text of bytes. @throws SwancError `invalid` where they are no UTF-8. */
export function decodeText(bytes: Uint8Array, where: string, line: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid('SWC3107', where, `has bytes that are no UTF-8, in line ${line} or later`, 'save it in UTF-8');
  }
}

import { assert } from '../support/assert.js';

/**
 * A message as a list of parts. A protobuf message inside another is preceded by its length, so a file can only be
 * written front to back when lengths are known first; parts that are views of the weights themselves make that cheap.
 */
export interface Rope {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/** The largest message that protobuf implementations read. */
export const maxMessageBytes = 2 ** 31 - 1;

export function rope(pieces: readonly (Uint8Array | Rope)[]): Rope {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) parts.push(piece);
    else for (const part of piece.parts) parts.push(part);
    length += piece.length;
  }
  return { parts, length };
}

/** Field `number` of a message, holding bytes or a nested message. */
export function field(number: number, content: Uint8Array | Rope): Rope {
  const lengthDelimited = 2;
  return rope([varint(number * 8 + lengthDelimited), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is no length`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** The content in chunks: small parts put together up to `chunkBytes`, large ones as they are, not copied. */
export function* chunks({ parts }: Rope, chunkBytes = 65_536): Generator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for (const part of parts) {
    if (size + part.length > chunkBytes && size > 0) {
      yield Buffer.concat(pending, size);
      pending = [];
      size = 0;
    }
    if (part.length > chunkBytes) yield part;
    else {
      pending.push(part);
      size += part.length;
    }
  }
  if (size > 0) yield Buffer.concat(pending, size);
}

/** The content in one piece, copied. */
export function flatten({ parts, length }: Rope): Uint8Array {
  const result = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

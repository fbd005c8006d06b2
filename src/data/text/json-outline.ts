import { invalid } from '../../support/errors.js';
import type { ByteSource } from '../bytes.js';
import { isSpace, JsonScanner } from './json-scan.js';

/** A value of JSON text within a file: its bytes, and the line that it begins in. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

/** The outermost values of a file; of an object that stands alone, its members. */
export interface JsonOutline {
  readonly values: readonly JsonSpan[];
  /** What the first value begins with. */
  readonly opens: string;
  /** Members of the first value, where it is an object; by name. */
  readonly members: ReadonlyMap<string, JsonSpan>;
}

const blockBytes = 1 << 20;
/** Far deeper than any array of samples. */
const maxDepth = 64;
const maxMembers = 10_000;
const maxNameBytes = 1 << 16;

/**
 * Reads a file once and finds its outermost values, and the members of the first. With `most` values found it stops: then
 * there are more than one. @throws SwancError `invalid` for brackets that do not match.
 */
export async function outlineJson(
  source: ByteSource,
  where: string,
  start: number,
  most: number,
): Promise<JsonOutline> {
  const scanner = new JsonScanner();
  const values: JsonSpan[] = [];
  const members = new Map<string, JsonSpan>();
  let open: { start: number; line: number } | undefined;
  let member: { key: string; start: number; end: number; line: number } | undefined;
  let keyBytes: number[] = [];
  let opens = '';
  let line = 1;
  const endMember = (): void => {
    if (member === undefined) return;
    if (members.has(member.key))
      throw invalid('SWC3102', where, `line ${line}: the name '${member.key}' is there twice`);
    if (members.size === maxMembers) throw invalid('SWC3102', where, `has more than ${maxMembers} names`);
    members.set(member.key, { start: member.start, end: member.end, line: member.line });
    member = undefined;
  };
  for (let offset = start; offset < source.size; offset += blockBytes) {
    const block = await source.read(offset, Math.min(blockBytes, source.size - offset));
    for (let index = 0; index < block.length; index++) {
      const [byte, at] = [block[index] ?? 0, offset + index];
      if (byte === 0x0a) line++;
      if (open === undefined) {
        if (isSpace(byte)) continue;
        open = { start: at, line };
        if (values.length === 0) opens = String.fromCharCode(byte);
      }
      const wasInString = scanner.inString;
      const isStructure = scanner.take(byte);
      if (scanner.depth > maxDepth)
        throw invalid('SWC3102', where, `line ${line}: brackets are nested more than ${maxDepth} deep`);
      if (scanner.depth < 0) throw invalid('SWC3102', where, `line ${line}: a bracket closes that is not open`);
      const isFirst = values.length === 0 && opens === '{';
      if (isFirst && scanner.depth === 1 && member === undefined) {
        if (scanner.inString || wasInString) keyBytes.push(byte);
        if (keyBytes.length > maxNameBytes) throw invalid('SWC3102', where, `line ${line}: a name is too long`);
        if (isStructure && byte === 0x3a) {
          member = { key: keyOf(keyBytes, where, line), start: 0, end: 0, line };
          keyBytes = [];
        }
      } else if (isFirst && member !== undefined) {
        if (isStructure && ((scanner.depth === 1 && byte === 0x2c) || scanner.depth === 0)) endMember();
        else if (scanner.inString || !isSpace(byte)) member = extended(member, at, line);
      }
      if (scanner.depth > 0 || scanner.inString || !endsValue(byte, isStructure, wasInString, block[index + 1]))
        continue;
      values.push({ start: open.start, end: at + 1, line: open.line });
      open = undefined;
      if (values.length >= most) return { values, opens, members };
    }
  }
  if (scanner.depth > 0 || scanner.inString)
    throw invalid('SWC3102', where, 'is cut off: a bracket or quote is not closed');
  if (open !== undefined) values.push({ start: open.start, end: source.size, line: open.line });
  return { values, opens, members };
}

/** A member with one more byte, which is no white space around it. */
function extended<T extends { start: number; end: number; line: number }>(member: T, at: number, line: number): T {
  return member.end === 0 ? { ...member, start: at, end: at + 1, line } : Object.assign(member, { end: at + 1 });
}

function keyOf(bytes: readonly number[], where: string, line: number): string {
  try {
    return String(JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes))));
  } catch {
    throw invalid('SWC3102', where, `line ${line}: a name is no string`);
  }
}

/** Whether an outermost value ends here: with its bracket or quote, or, of a number or word, before white space. */
function endsValue(byte: number, isStructure: boolean, wasInString: boolean, next: number | undefined): boolean {
  if (isStructure) return byte === 0x5d || byte === 0x7d;
  return wasInString || next === undefined ? wasInString : isSpace(next);
}

import { type ElementType, elementTypes, sizeOf } from '../ir/types.js';
import { invalid, type SwancError } from '../support/errors.js';

/**
 * The header of NumPy's .npy format, versions 1 to 3 (numpy.lib.format): magic, version, length, and a Python dictionary
 * with `descr`, `fortran_order` and `shape` as text.
 */
export interface NpyHeader {
  readonly type: ElementType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly dims: readonly number[];
  /** Where the data begins. */
  readonly offset: number;
}

/** Magic, version and the longest length field. */
export const npyPrefixBytes = 12;
/** What every .npy file begins with. */
export const npyMagic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy itself refuses headers of more than 10,000 bytes. */
const maxHeaderBytes = 1 << 16;
const maxRank = 32;

/** Element types by the letters and digits of `descr` that follow the byte order. */
const typeCodes: ReadonlyMap<string, ElementType> = new Map([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['i2', 'int16'],
  ['u2', 'uint16'],
  ['i4', 'int32'],
  ['u4', 'uint32'],
  ['i8', 'int64'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
]);

/** Total size of prefix and header, from the first {@link npyPrefixBytes} bytes of the file (fewer in tiny files). */
export function npyHeaderEnd(prefix: Uint8Array, where: string): number {
  if (npyMagic.some((byte, index) => prefix[index] !== byte)) {
    throw invalid('SWC3102', where, 'is not a .npy file', 'write it with numpy.save');
  }
  const [major = 0] = prefix.subarray(6);
  if (major < 1 || major > 3)
    throw invalid('SWC3107', where, `has .npy version ${major}; versions 1 to 3 are understood`);
  const lengthBytes = major === 1 ? 2 : 4;
  if (prefix.length < 8 + lengthBytes) throw invalid('SWC3102', where, 'is cut off within its header');
  const length = prefix.subarray(8, 8 + lengthBytes).reduceRight((value, byte) => value * 256 + byte, 0);
  if (length > maxHeaderBytes)
    throw invalid('SWC3102', where, `has a header of ${length} bytes, more than any array needs`);
  return 8 + lengthBytes + length;
}

/** Reads the header; `head` is the file up to {@link npyHeaderEnd}. */
export function parseNpyHeader(head: Uint8Array, where: string): NpyHeader {
  const lengthBytes = head[6] === 1 ? 2 : 4;
  const decoder = new TextDecoder(head[6] === 3 ? 'utf-8' : 'latin1');
  const fields = parseDictionary(decoder.decode(head.subarray(8 + lengthBytes)), where);
  const { descr, fortran_order: fortranOrder, shape } = fields;
  if (typeof descr !== 'string' || typeof fortranOrder !== 'boolean' || !Array.isArray(shape)) {
    throw malformed(where, 'descr, fortran_order or shape is missing');
  }
  if (shape.length > maxRank) throw invalid('SWC3102', where, `has ${shape.length} axes, more than ${maxRank}`);
  const { type, bigEndian } = parseType(descr, where);
  const dims = shape;
  // The factors are whole numbers, so a product that leaves the exact range can only be too large.
  const bytes = sizeOf(dims.filter((dim) => dim !== 0)) * elementTypes[type].bytes;
  if (!Number.isSafeInteger(bytes)) throw invalid('SWC3102', where, `has the impossible shape (${dims.join(', ')})`);
  return { type, bigEndian, fortranOrder, dims, offset: head.length };
}

function parseType(descr: string, where: string): { type: ElementType; bigEndian: boolean } {
  const type = typeCodes.get(descr.slice(1));
  const order = descr.charAt(0);
  if (type !== undefined && '<>|='.includes(order) && (order !== '|' || elementTypes[type].bytes === 1)) {
    return { type, bigEndian: order === '>' };
  }
  const shown = descr.slice(0, 40);
  if (/^[<>|=]?O/.test(descr)) {
    throw invalid(
      'SWC3107',
      where,
      'holds Python objects',
      'convert it to numbers first: numpy.asarray(x, dtype="float32")',
    );
  }
  throw invalid(
    'SWC3107',
    where,
    `has element type '${shown}'`,
    'bool, integers and floats of 2, 4 and 8 bytes can be read',
  );
}

type Field = string | boolean | number[];

/** The subset of Python literals that NumPy writes: a flat dictionary of strings, True, False and tuples of integers. */
function parseDictionary(text: string, where: string): Record<string, Field> {
  const fields = new Map<string, Field>();
  let rest = text.trim();
  const take = (pattern: RegExp): string | undefined => {
    const match = pattern.exec(rest);
    if (match === null) return undefined;
    rest = rest.slice(match[0].length);
    return match[1] ?? match[2] ?? match[0];
  };
  const value = (): Field => {
    const string = take(quoted);
    if (string !== undefined) return string;
    const word = take(/^(True|False)\b/);
    if (word !== undefined) return word === 'True';
    const tuple = take(/^\(((?:\s*\d{1,20}L?\s*,)*(?:\s*\d{1,20}L?)?\s*)\)/);
    if (tuple !== undefined) return [...tuple.matchAll(/\d+/g)].map((match) => safeInteger(match[0], where));
    if (rest.startsWith('['))
      throw invalid('SWC3107', where, 'holds records', 'save each field as an array of its own');
    throw malformed(where, `'${rest.slice(0, 30)}' is no value`);
  };
  if (take(/^\{\s*/) === undefined) throw malformed(where, 'it is no dictionary');
  while (take(/^\}/) === undefined) {
    const key = take(quoted);
    if (key === undefined || take(/^\s*:\s*/) === undefined) throw malformed(where, 'a key is missing');
    if (!['descr', 'fortran_order', 'shape'].includes(key) || fields.has(key)) {
      throw malformed(where, `key '${key.slice(0, 30)}' is unknown or there twice`);
    }
    fields.set(key, value());
    if (take(/^\s*,\s*|^\s*(?=\})/) === undefined) throw malformed(where, 'a comma is missing');
  }
  if (rest.trim() !== '') throw malformed(where, 'something follows the dictionary');
  return Object.fromEntries(fields);
}

const quoted = /^(?:'([^'\\]*)'|"([^"\\]*)")/;

function safeInteger(digits: string, where: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw invalid('SWC3102', where, `has the impossible size ${digits}`);
  return value;
}

function malformed(where: string, what: string): SwancError {
  return invalid('SWC3102', where, `has a malformed .npy header: ${what}`);
}

/** The header of little-endian data in C order, version 1.0, padded so that the data is aligned to 64 bytes. */
export function formatNpyHeader(type: ElementType, dims: readonly number[]): Uint8Array {
  const code = [...typeCodes].find(([, known]) => known === type)?.[0] ?? '';
  const order = elementTypes[type].bytes === 1 ? '|' : '<';
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${shape}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const body = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`);
  return Uint8Array.from([...npyMagic, 1, 0, length & 255, length >> 8, ...body]);
}

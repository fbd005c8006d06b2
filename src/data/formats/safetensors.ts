import { Tensor } from '../../ir/tensor.js';
import { type ElementType, elementTypes, sizeOf } from '../../ir/types.js';
import { invalid, type SwancError } from '../../support/errors.js';
import type { RowArray } from '../array.js';
import type { ByteSource } from '../bytes.js';
import { dataEndings } from '../names.js';
import { NpyArray } from '../npy.js';
import { repeatedKey } from '../text/json-scan.js';
import type { Format } from './format.js';
import { partOfNamed } from './named-arrays.js';

/** The header is text and must be held: the reference implementation refuses more than this, too. */
const maxHeaderBytes = 100_000_000;
const maxRank = 32;

/** Element types by their names in the format; bfloat16, which no model here takes, is read as float32. */
const typeNames: ReadonlyMap<string, ElementType> = new Map([
  ['BOOL', 'bool'],
  ['U8', 'uint8'],
  ['I8', 'int8'],
  ['U16', 'uint16'],
  ['I16', 'int16'],
  ['U32', 'uint32'],
  ['I32', 'int32'],
  ['U64', 'uint64'],
  ['I64', 'int64'],
  ['F16', 'float16'],
  ['BF16', 'uint16'],
  ['F32', 'float32'],
  ['F64', 'float64'],
]);

/** Arrays by name: a length of 8 bytes, a JSON object of types, shapes and places, and the data (huggingface/safetensors). */
export const safetensors: Format = {
  name: 'safetensors',
  extensions: dataEndings.safetensors,
  matches: (head) => head.length > 8 && head[8] === 0x7b && head[6] === 0 && head[7] === 0,
  async open(source, where, context) {
    const { header, start } = await readHeader(source, where);
    return partOfNamed(source, where, context, {
      names: [...header.keys()],
      open: async (name) => openTensor(source, start, header.get(name), `${where}, array '${name}'`),
      advice: (names) =>
        `write it with safetensors.numpy.save_file({${names.map((name) => `'${name}': …`).join(', ')}}, file)`,
    });
  },
};

async function readHeader(source: ByteSource, where: string): Promise<{ header: Map<string, unknown>; start: number }> {
  if (source.size < 8) throw damaged(where, 'it is cut off');
  const prefix = await source.read(0, 8);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (length > maxHeaderBytes) throw damaged(where, `its header claims ${length} bytes`);
  if (8 + length > source.size) throw damaged(where, 'it is cut off within its header');
  const text = new TextDecoder().decode(await source.read(8, length));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw damaged(where, 'its header is no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw damaged(where, 'its header is no object');
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw damaged(where, `two arrays have the name '${repeated.slice(0, 60)}'`);
  const entries = Object.entries(parsed).filter(([name]) => name !== '__metadata__');
  return { header: new Map(entries), start: 8 + length };
}

function openTensor(source: ByteSource, start: number, entry: unknown, where: string): RowArray {
  if (typeof entry !== 'object' || entry === null) throw damaged(where, 'it is not described');
  const [dtype, dims, offsets] = [fieldOf(entry, 'dtype'), fieldOf(entry, 'shape'), fieldOf(entry, 'data_offsets')];
  const type = typeof dtype === 'string' ? typeNames.get(dtype) : undefined;
  if (type === undefined) {
    const name = String(dtype).slice(0, 40);
    throw invalid('SWC3107', where, `has element type '${name}'`, `${[...typeNames.keys()].join(', ')} can be read`);
  }
  if (!isSizes(dims) || dims.length > maxRank) throw damaged(where, 'its shape is no list of sizes');
  if (!isSizes(offsets) || offsets.length !== 2) throw damaged(where, 'its place is no pair of numbers');
  const [begin = 0, end = 0] = offsets;
  const bytes = sizeOf(dims.filter((dim) => dim !== 0)) * elementTypes[type].bytes;
  if (!Number.isSafeInteger(bytes)) throw invalid('SWC3102', where, `has the impossible shape (${dims.join(', ')})`);
  const wanted = dims.includes(0) ? 0 : bytes;
  if (end - begin !== wanted)
    throw damaged(where, `it has ${end - begin} bytes; ${wanted} belong to its type and shape`);
  if (start + end > source.size) throw damaged(where, 'it is cut off');
  const array = NpyArray.at(
    source,
    { type, bigEndian: false, fortranOrder: false, dims, offset: start + begin },
    where,
  );
  return dtype === 'BF16' ? wideArray(array) : array;
}

function fieldOf(entry: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(entry, name)?.value;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** bfloat16 is the upper half of a float32. */
function wideArray(array: RowArray): RowArray {
  return {
    type: 'float32',
    dims: array.dims,
    async rows(start, count) {
      const { dims, data } = await array.rows(start, count);
      const bits = Uint32Array.from({ length: data.length }, (_, index) => Number(data[index]) << 16);
      return new Tensor('float32', dims, new Float32Array(bits.buffer));
    },
  };
}

function damaged(where: string, what: string): SwancError {
  return invalid('SWC3102', where, `is a damaged .safetensors file: ${what}`);
}

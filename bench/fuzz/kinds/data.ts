import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode as encodePng } from 'fast-png';
import { zipSync } from 'fflate';
import { encode as encodeJpeg } from 'jpeg-js';
import { packageRoot } from '../../../fixtures/root.js';
import { openCalibration } from '../../../src/data/calibration.js';
import { npyBytes } from '../../../src/data/npy.js';
import type { InputSpec } from '../../../src/data/types.js';
import { Tensor } from '../../../src/ir/tensor.js';
import type { Random } from '../../../src/support/random.js';
import { seededRandom } from '../../../src/support/random.js';
import { changeNpy, changeNpz } from '../archive.js';
import { changeBytes } from '../bytes.js';
import { pick, rarely } from '../choice.js';
import { changeJson } from '../json.js';
import { type Files, type Kind, type Subject, withChanged } from '../kind.js';
import { WrongResult } from '../outcome.js';

/** Calibration data for a model of one input of five numbers, and for one of two inputs. */

const one: readonly InputSpec[] = [{ name: 'x', type: 'float32', shape: ['batch', 5] }];

const rows = 40;

function numbers(seed: number, dims: readonly number[]): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: dims.reduce((left, right) => left * right, 1) }, () => random.normal());
}

function floats(...dims: readonly number[]): Tensor {
  return Tensor.floats(dims, numbers(dims.length, dims));
}

const labels = new Tensor(
  'int64',
  [rows],
  BigInt64Array.from({ length: rows }, (_, index) => BigInt(index % 3)),
);

/** Reads all batches, and looks at what every reader of calibration data promises. */
export async function readAll(path: string, inputs: readonly InputSpec[]): Promise<void> {
  const data = await openCalibration(path, inputs);
  let samples = 0;
  for await (const batch of data.batches(16, { limit: 100_000 })) {
    samples += batch.samples;
    for (const { name, type } of inputs) {
      const found = batch.feeds[name];
      if (found?.type !== type || found.dims[0] !== batch.samples) throw new WrongResult(`${name} of a batch`);
      if (found.is('float32') && !found.data.every(Number.isFinite)) throw new WrongResult(`${name} is not finite`);
    }
    if (data.labelled && batch.labels?.dims[0] !== batch.samples) throw new WrongResult('labels of a batch');
  }
  if (samples !== Math.min(data.count, 100_000)) throw new WrongResult(`${samples} of ${data.count} samples`);
}

function dataKind(
  name: string,
  files: readonly (readonly [string, Uint8Array])[],
  change: (bytes: Uint8Array, random: Random) => Uint8Array,
  inputs: readonly InputSpec[] = one,
): Kind {
  const [path = ''] = files.map(([own]) => own);
  const subjects: readonly Subject[] = [{ name: path, files: new Map(files) }];
  return {
    name,
    share: 5,
    memory: 1500,
    subjects: async () => subjects,
    change: (all: Files, random) => {
      return withChanged(all, path, (bytes) => (rarely(random, 6) ? changeBytes : change)(bytes, random));
    },
    run: (folder) => readAll(join(folder, path), inputs),
  };
}

const two: readonly InputSpec[] = [
  { name: 'x', type: 'float32', shape: ['batch', 5] },
  { name: 'tokens', type: 'int32', shape: ['batch', 'length'], below: 10 },
];

const tokens = new Tensor(
  'int32',
  [rows, 3],
  Int32Array.from({ length: 3 * rows }, (_, index) => index % 10),
);

const archived = zipSync(
  { 'x.npy': npyBytes(floats(rows, 5)), 'tokens.npy': npyBytes(tokens), 'labels.npy': npyBytes(labels) },
  { level: 6, mtime: '2020-01-01T00:00:00' },
);

const values = numbers(1, [rows, 5]);
const rowsOfValues = Array.from({ length: rows }, (_, row) => [...values.subarray(5 * row, 5 * row + 5)]);
const animals = ['cat', 'dog', '"owl, barn"'];

const csvText = [
  ['a', 'b', 'c', 'd', 'e', 'label'],
  ...rowsOfValues.map((row, index) => [...row.map(String), animals[index % 3] ?? '']),
]
  .map((cells) => cells.join(','))
  .join('\n');

const jsonLines = rowsOfValues.map((x, index) => JSON.stringify({ x, label: index % 3 })).join('\n');

const safetensors = safetensorsOf({ x: { dtype: 'F32', shape: [rows, 5], data_offsets: [0, 20 * rows] } });

/** The format of Hugging Face: a length, a header in JSON, and the elements. */
function safetensorsOf(header: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, Buffer.from(values.buffer)]));
}

/** The header changes as JSON, with the length before it made right. */
function changeSafetensors(bytes: Uint8Array, random: Random): Uint8Array {
  const end = 8 + (bytes[0] ?? 0) + 256 * (bytes[1] ?? 0);
  const header = changeJson(bytes.subarray(8, end), random);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return new Uint8Array(Buffer.concat([length, header, bytes.subarray(end)]));
}

const cells = [
  '',
  '""',
  '"',
  'NaN',
  'inf',
  '-',
  '1e999',
  '1,5',
  '0x1',
  ' 1 ',
  '__proto__',
  '\u0000',
  '\ud800',
  'x'.repeat(70_000),
];

/** Cells, rows and quotes. */
function changeCsv(bytes: Uint8Array, random: Random): Uint8Array {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  const at = random.integer(lines.length);
  const own = (lines[at] ?? '').split(',');
  const column = random.integer(own.length + 1);
  const changedLines: readonly string[][] = [
    [],
    [lines[at] ?? '', lines[at] ?? ''],
    [own.map((cell, index) => (index === column ? pick(random, cells) : cell)).join(',')],
    [own.filter((_, index) => index !== column).join(',')],
    [[...own, pick(random, cells)].join(',')],
    [own.join(pick(random, [';', '\t', ' ', '|']))],
    [`${lines[at]}\r`],
    [`"${lines[at]}`],
    [pick(random, cells)],
  ];
  return Buffer.from([...lines.slice(0, at), ...pick(random, changedLines), ...lines.slice(at + 1)].join('\n'));
}

function changeLine(bytes: Uint8Array, random: Random): Uint8Array {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  const at = random.integer(lines.length);
  const changed = lines.map((line, index) => {
    return index === at ? Buffer.from(changeJson(Buffer.from(line), random)).toString('utf8') : line;
  });
  return Buffer.from(changed.join('\n'));
}

/** 6 x 5 pictures of three colours. */
const picture = {
  width: 6,
  height: 5,
  channels: 3 as const,
  depth: 8 as const,
  data: Uint8Array.from({ length: 90 }, (_, index) => (index * 37) % 256),
};
const pixels = Buffer.from(
  Uint8Array.from({ length: 120 }, (_, index) => (index % 4 === 3 ? 255 : (index * 37) % 256)),
);
const jpeg = new Uint8Array(encodeJpeg({ width: 6, height: 5, data: pixels }, 80).data);
const images: readonly InputSpec[] = [{ name: 'x', type: 'float32', shape: ['batch', 5, 6, 3] }];

/** PNG is chunks with a length, a name and a sum: those are made right again, so that what is in a chunk is looked at. */
function changePng(bytes: Uint8Array, random: Random): Uint8Array {
  const chunks: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const size = Buffer.from(bytes).readUInt32BE(at);
    chunks.push(Buffer.from(bytes.subarray(at + 4, Math.min(bytes.length, at + 8 + size))));
    at += 12 + size;
  }
  if (chunks.length === 0) return changeBytes(bytes, random);
  const chosen = random.integer(chunks.length);
  const now = chunks.flatMap((chunk, index) => {
    if (index !== chosen) return [chunk];
    if (rarely(random, 4)) return [];
    if (rarely(random, 4)) return [chunk, chunk];
    return [Buffer.concat([chunk.subarray(0, 4), changeBytes(chunk.subarray(4), random)])];
  });
  const parts = now.flatMap((chunk) => {
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(Math.max(0, chunk.length - 4));
    sum.writeUInt32BE(crc32(chunk));
    return [length, chunk, sum];
  });
  return new Uint8Array(Buffer.concat([bytes.subarray(0, 8), ...parts]));
}

/** The sum of PNG and ZIP (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffff_ffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (0xedb8_8320 & -(sum & 1));
  }
  return ~sum >>> 0;
}

const fileOf = (name: string): Uint8Array => readFileSync(join(packageRoot(), 'test', 'fuzz', 'files', name));

export const dataKinds: readonly Kind[] = [
  dataKind('npy', [['x.npy', npyBytes(floats(rows, 5))]], changeNpy),
  dataKind('npz', [['x.npz', archived]], changeNpz, two),
  dataKind('csv', [['x.csv', Buffer.from(csvText)]], changeCsv),
  dataKind('jsonl', [['x.jsonl', Buffer.from(jsonLines)]], changeLine),
  dataKind('json', [['x.json', Buffer.from(JSON.stringify({ x: rowsOfValues }))]], changeJson),
  dataKind('safetensors', [['x.safetensors', safetensors]], changeSafetensors),
  dataKind('parquet', [['x.parquet', fileOf('columns.parquet')]], changeBytes),
  dataKind('parquet-lists', [['x.parquet', fileOf('lists.parquet')]], changeBytes),
  dataKind('png', [['x.png', encodePng(picture)]], changePng, images),
  dataKind('jpeg', [['x.jpg', jpeg]], changeBytes, images),
];

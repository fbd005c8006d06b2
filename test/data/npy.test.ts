import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../src/data/bytes.js';
import { openCalibration } from '../../src/data/calibration.js';
import { NpyArray, npyBytes, parseNpy, writeNpy } from '../../src/data/npy.js';
import { sameTensor, Tensor, tensorFromBytes } from '../../src/ir/tensor.js';
import { type ElementType, elementTypeNames, elementTypes, sizeOf } from '../../src/ir/types.js';

const folder = mkdtempSync(join(tmpdir(), 'swanc-npy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const numpyNames: Record<ElementType, string> = {
  bool: 'b1',
  int8: 'i1',
  uint8: 'u1',
  int16: 'i2',
  uint16: 'u2',
  int32: 'i4',
  uint32: 'u4',
  int64: 'i8',
  uint64: 'u8',
  float16: 'f2',
  float32: 'f4',
  float64: 'f8',
};

interface Layout {
  readonly big: boolean;
  readonly fortran: boolean;
  readonly version: 1 | 2 | 3;
}

/** A .npy file made without the code under test: header by string, elements by index. */
function makeNpy(tensor: Tensor, { big, fortran, version }: Layout): Uint8Array {
  const width = elementTypes[tensor.type].bytes;
  const order = width === 1 ? '|' : big ? '>' : '<';
  const shape = tensor.dims.length === 1 ? `(${tensor.dims[0]},)` : `(${tensor.dims.join(', ')})`;
  const bool = fortran ? 'True' : 'False';
  const text = `{'descr': '${order}${numpyNames[tensor.type]}', 'fortran_order': ${bool}, 'shape': ${shape}, }\n`;
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  const head = [0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...Buffer.from(text)];
  const source = new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const body: number[] = [];
  for (let position = 0; position < tensor.size; position++) {
    const element = fortran ? cPosition(position, tensor.dims) : position;
    const bytes = [...source.subarray(element * width, (element + 1) * width)];
    body.push(...(big ? bytes.reverse() : bytes));
  }
  return Uint8Array.from([...head, ...body]);
}

/** The C-order position of the element at `position` of Fortran order. */
function cPosition(position: number, dims: readonly number[]): number {
  let rest = position;
  const index = dims.map((dim) => {
    const value = rest % dim;
    rest = Math.floor(rest / dim);
    return value;
  });
  return index.reduce((sum, value, axis) => sum * (dims[axis] ?? 1) + value, 0);
}

const tensors: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...elementTypeNames), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }), fc.nat())
  .map(([type, dims, seed]) => {
    const bytes = Uint8Array.from({ length: sizeOf(dims) * elementTypes[type].bytes }, (_, index) =>
      type === 'bool' ? (index + seed) % 2 : (Math.imul(index + 1, 2654435761) ^ seed) & 255,
    );
    return tensorFromBytes(type, dims, bytes);
  });

const layouts: fc.Arbitrary<Layout> = fc.record({
  big: fc.boolean(),
  fortran: fc.boolean(),
  version: fc.constantFrom<1 | 2 | 3>(1, 2, 3),
});

describe('.npy', () => {
  it('is read in every element type, byte order, axis order and version', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, layouts, async (tensor, layout) => {
        expect(sameTensor(await parseNpy(makeNpy(tensor, layout)), tensor)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is read in parts', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, layouts, fc.nat(), fc.nat(), async (tensor, layout, first, second) => {
        fc.pre(tensor.dims.length > 0);
        const [rows = 0, ...inner] = tensor.dims;
        const array = await NpyArray.open(memorySource(makeNpy(tensor, layout)), 'array');
        for (const seed of [first, second]) {
          const start = seed % (rows + 1);
          const count = (seed >> 8) % (rows - start + 1);
          const size = sizeOf(inner) * elementTypes[tensor.type].bytes;
          const bytes = new Uint8Array(tensor.data.buffer).slice(start * size, (start + count) * size);
          expect(
            sameTensor(await array.rows(start, count), tensorFromBytes(tensor.type, [count, ...inner], bytes)),
          ).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is written as it is read, with data aligned to 64 bytes', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, async (tensor) => {
        const bytes = npyBytes(tensor);
        expect((bytes.length - tensor.bytes) % 64).toBe(0);
        expect(sameTensor(await parseNpy(bytes), tensor)).toBe(true);
      }),
    );
  });

  it('takes any nonzero byte of a bool for true', async () => {
    const bytes = npyBytes(new Tensor('bool', [3], Uint8Array.of(0, 1, 1)));
    bytes[bytes.length - 1] = 255;
    expect((await parseNpy(bytes)).numbers()).toEqual([0, 1, 1]);
  });
});

describe('bad .npy', () => {
  const good = npyBytes(Tensor.floats([2, 3], [1, 2, 3, 4, 5, 6]));
  const withHeader = (text: string, version = 1): Uint8Array =>
    Uint8Array.from([
      0x93,
      ...Buffer.from('NUMPY'),
      version,
      0,
      text.length & 255,
      text.length >> 8,
      ...Buffer.from(text),
    ]);
  const fields = (descr: string, shape: string): string =>
    `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`;

  it.each<[string, Uint8Array, RegExp]>([
    ['empty', new Uint8Array(0), /not a \.npy/],
    ['another format', Buffer.from('PK\x03\x04 something else'), /not a \.npy/],
    ['only a magic', good.slice(0, 6), /version 0/],
    ['cut off before the length', good.slice(0, 8), /cut off within its header/],
    ['cut off in the header', good.slice(0, 40), /cut off within its header/],
    ['cut off in the data', good.slice(0, -1), /has \d+ bytes; \d+ belong to float32 of shape \(2, 3\)/],
    ['longer than its shape', Uint8Array.from([...good, 0]), /belong to/],
    ['a later version', withHeader(fields("'<f4'", '(1,)'), 4), /version 4/],
    ['Python objects', withHeader(fields("'|O'", '(1,)')), /Python objects/],
    ['texts', withHeader(fields("'<U5'", '(1,)')), /element type '<U5'/],
    ['complex numbers', withHeader(fields("'<c8'", '(1,)')), /element type '<c8'/],
    ['records', withHeader(fields("[('a', '<f4')]", '(1,)')), /records/],
    ['wide elements without byte order', withHeader(fields("'|f4'", '(1,)')), /element type/],
    ['a huge size', withHeader(fields("'<f4'", '(1000000000000,)')), /belong to/],
    ['an impossible product', withHeader(fields("'<f4'", '(1000000000000, 1000000000000)')), /impossible shape/],
    ['an impossible size', withHeader(fields("'<f4'", '(99999999999999999999,)')), /impossible size/],
    ['a negative size', withHeader(fields("'<f4'", '(-1,)')), /malformed/],
    ['too many axes', withHeader(fields("'<f4'", `(${'1, '.repeat(40)})`)), /40 axes/],
    ['no dictionary', withHeader('[]'), /no dictionary/],
    ['a missing key', withHeader("{'descr': '<f4'}"), /missing/],
    ['a key twice', withHeader("{'descr': '<f4', 'descr': '<f4'}"), /twice/],
    ['a hostile key', withHeader("{'__proto__': '<f4'}"), /unknown/],
    ['something behind', withHeader(`${fields("'<f4'", '()')} x`), /follows/],
    ['many spaces', withHeader(`{'descr': '<f4', 'shape': (${' '.repeat(60000)}x`), /malformed/],
  ])('is refused: %s', async (_, bytes, message) => {
    await expect(parseNpy(bytes, 'x.npy')).rejects.toThrow(message);
    await expect(parseNpy(bytes, 'x.npy')).rejects.toMatchObject({ name: 'SwancError', kind: 'invalid' });
  });

  it('never crashes on random edits: read or refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 5 }),
        fc.nat(20),
        async (edits, cut) => {
          const bytes = good.slice(0, good.length - cut);
          for (const [at, value] of edits) bytes[Math.min(at, bytes.length - 1)] = value;
          await parseNpy(bytes).catch((error: unknown) => expect(error).toMatchObject({ name: 'SwancError' }));
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** A Python with NumPy, where there is one. */
const python = [resolve('.venv/bin/python'), 'python3'].find(
  (name) => (name === 'python3' || existsSync(name)) && spawnSync(name, ['-c', 'import numpy']).status === 0,
);

describe.skipIf(python === undefined)('NumPy', () => {
  const run = (script: string): string => execFileSync(python ?? '', ['-c', script], { cwd: folder, encoding: 'utf8' });

  it('writes what is read here', async () => {
    run(`
import numpy as np
rng = np.random.default_rng(1)
for code in ['?','i1','u1','i2','u2','i4','u4','i8','u8','f2','f4','f8']:
    for order in '<>':
        for fortran in [False, True]:
            for shape in [(), (5,), (3, 4), (2, 3, 4), (0, 2)]:
                x = (rng.random(shape) * 100 - (0 if code in ('?','u1','u2','u4','u8') else 50)).astype(order + code.replace('?', 'b1'))
                if fortran and shape: x = np.asfortranarray(x)
                name = f"{code.replace('?', 'b1')}-{'le' if order == '<' else 'be'}-{fortran}-{len(shape)}-{x.size}"
                np.save(name, x)
                np.ascontiguousarray(x).astype(x.dtype.newbyteorder('<')).tofile(name + '.raw')
`);
    let compared = 0;
    for (const type of elementTypeNames) {
      for (const name of ['le', 'be'].flatMap((end) => ['True', 'False'].map((order) => `${end}-${order}`))) {
        for (const dims of [[], [5], [3, 4], [2, 3, 4], [0, 2]]) {
          const file = join(folder, `${numpyNames[type]}-${name}-${dims.length}-${sizeOf(dims)}`);
          const raw = tensorFromBytes(type, dims, readFileSync(`${file}.raw`));
          expect(sameTensor(await parseNpy(readFileSync(`${file}.npy`)), raw)).toBe(true);
          compared++;
        }
      }
    }
    expect(compared).toBe(240);
  });

  it('writes archives that are read here, compressed or not', async () => {
    run(`
import numpy as np
x = np.arange(24, dtype='>f8').reshape(4, 3, 2)
for save, name in [(np.savez, 'plain.npz'), (np.savez_compressed, 'packed.npz')]:
    save(name, x=np.asfortranarray(x), labels=np.array([3, 1, 2, 0]))
`);
    for (const name of ['plain.npz', 'packed.npz']) {
      const inputs = [{ name: 'x', type: 'float32' as const, shape: ['n', 3, 2] }];
      const calibration = await openCalibration(join(folder, name), inputs);
      const values: number[] = [];
      const labels: number[] = [];
      for await (const batch of calibration.batches(3)) {
        values.push(...(batch.feeds.x?.numbers() ?? []));
        labels.push(...(batch.labels?.numbers() ?? []));
      }
      expect(values).toEqual(Array.from({ length: 24 }, (_, index) => index));
      expect(labels).toEqual([3, 1, 2, 0]);
    }
  });

  it('reads what is written here', async () => {
    for (const type of elementTypeNames) {
      const dims = [2, 3, 2];
      const bytes = Uint8Array.from({ length: 12 * elementTypes[type].bytes }, (_, index) => (index % 7) % 2);
      await writeNpy(join(folder, `${type}.npy`), tensorFromBytes(type, dims, bytes));
      writeFileSync(join(folder, `${type}.raw`), bytes);
    }
    const report = run(`
import numpy as np
for name, code in ${JSON.stringify(Object.entries(numpyNames))}:
    x = np.load(name + '.npy')
    print(x.shape == (2, 3, 2) and x.dtype == np.dtype(code) and x.tobytes() == open(name + '.raw', 'rb').read())
`);
    expect(report.trim().split('\n')).toEqual(elementTypeNames.map(() => 'True'));
  });
});

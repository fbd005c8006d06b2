import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { permuteElements } from '../../src/frontends/tfjs/permute.js';
import { WeightStore } from '../../src/frontends/tfjs/weights.js';
import { errorOf, withFolder } from './support.js';

interface Spec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: unknown;
  readonly group?: string;
}

const f32 = (name: string, ...shape: number[]): Spec => ({ name, shape, dtype: 'float32' });

/** A weight of any type and quantization, and bytes for it. Values are finite. */
const anyWeight: fc.Arbitrary<{ spec: tf.io.WeightsManifestEntry; bytes: Uint8Array }> = fc
  .record({
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
    kind: fc.constantFrom(
      'float32',
      'int32',
      'bool',
      'complex64',
      'string',
      'uint8',
      'uint16',
      'float16',
      'uint8 int32',
    ),
    scale: fc.double({ min: 1e-3, max: 10, noNaN: true }),
    min: fc.double({ min: -50, max: 50, noNaN: true }),
    random: fc.infiniteStream(fc.nat({ max: 255 })),
  })
  .map(({ shape, kind, scale, min, random }) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const some = (count: number) => Uint8Array.from({ length: count }, () => random.next().value ?? 0);
    const floats = (count: number) => new Uint8Array(Float32Array.from(some(count), (x) => x / 3 - 40).buffer);
    const spec = (
      dtype: 'float32' | 'int32' | 'bool' | 'complex64' | 'string',
      quantization?: tf.io.WeightsManifestEntry['quantization'],
    ) => {
      return { name: '', shape, dtype, ...(quantization === undefined ? {} : { quantization }) };
    };
    const stored = { scale, min };
    switch (kind) {
      case 'float32':
        return { spec: spec(kind), bytes: floats(size) };
      case 'complex64':
        return { spec: spec(kind), bytes: floats(2 * size) };
      case 'int32':
        return { spec: spec(kind), bytes: some(4 * size) };
      case 'bool':
        return { spec: spec(kind), bytes: some(size).map((byte) => byte & 1) };
      case 'string':
        return {
          spec: spec(kind),
          bytes: Uint8Array.from(some(size), (byte) => byte).reduce(appendString, new Uint8Array()),
        };
      case 'float16':
        // Exponents below that of infinities.
        return {
          spec: spec('float32', { dtype: kind }),
          bytes: some(2 * size).map((byte, i) => (i % 2 ? byte & 0xbb : byte)),
        };
      case 'uint16':
        return { spec: spec('float32', { dtype: kind, ...stored }), bytes: some(2 * size) };
      case 'uint8':
        return { spec: spec('float32', { dtype: kind, ...stored }), bytes: some(size) };
      default:
        return { spec: spec('int32', { dtype: 'uint8', ...stored }), bytes: some(size) };
    }
  });

/** Adds a string of a length made of `byte`, as manifests store it. */
function appendString(before: Uint8Array, byte: number): Uint8Array {
  const length = byte % 7;
  return Uint8Array.from([...before, length, 0, 0, 0, ...new Array<number>(length).fill(byte)]);
}

/** The values of weight `layer/w` of a store over one group whose bytes are cut into shards of these lengths. */
function read(
  folder: string,
  specs: readonly Spec[],
  bytes: Uint8Array,
  cuts: readonly number[],
  names: readonly string[],
) {
  const paths: string[] = [];
  let start = 0;
  for (const [index, end] of [...cuts, bytes.length].entries()) {
    paths.push(`group1-shard${index + 1}`);
    writeFileSync(join(folder, `group1-shard${index + 1}`), bytes.subarray(start, end));
    start = end;
  }
  const store = new WeightStore(folder, [{ paths, weights: specs }]);
  const tensors = names.map((name) => store.find(`${name}/w`)?.read());
  store.close();
  return tensors;
}

describe('weights', () => {
  test('shards may be cut at any byte, and be empty', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ noNaN: true }), { minLength: 2, maxLength: 9 }),
        fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 4 }),
        (values, cuts) =>
          withFolder(async (folder) => {
            const bytes = new Uint8Array(Float32Array.from(values).buffer);
            const specs = [f32('a/w', 1), f32('b/w', values.length - 1)];
            const sorted = [...cuts].sort((left, right) => left - right);
            const [first, second] = read(folder, specs, bytes, sorted, ['a', 'b']);
            expect([...(first?.numbers() ?? []), ...(second?.numbers() ?? [])]).toEqual(values);
          }),
      ),
      { numRuns: 50 },
    ));

  test('every type, unaligned', () =>
    withFolder(async (folder) => {
      const specs = [
        { name: 'flag/w', shape: [3], dtype: 'bool' },
        { name: 'count/w', shape: [2], dtype: 'int32' },
        f32('float/w', 1),
      ];
      const bytes = new Uint8Array([1, 0, 1, 5, 0, 0, 0, 255, 255, 255, 255, 0, 0, 128, 63]);
      const tensors = read(folder, specs, bytes, [4], ['flag', 'count', 'float']);
      expect(tensors.map((tensor) => [tensor?.type, tensor?.numbers()])).toEqual([
        ['bool', [1, 0, 1]],
        ['int32', [5, -1]],
        ['float32', [1]],
      ]);
    }));

  test('quantized to 8 and 16 bits, in float64 as tfjs computes it', () =>
    withFolder(async (folder) => {
      const quantization = (dtype: string) => ({ dtype, scale: 0.1, min: -1 });
      const specs = [
        { ...f32('a/w', 3), quantization: quantization('uint8') },
        { ...f32('b/w', 2), quantization: quantization('uint16') },
        { name: 'c/w', shape: [2], dtype: 'int32', quantization: { dtype: 'uint8', scale: 0.4, min: -3 } },
        { ...f32('d/w', 2), quantization: { dtype: 'float16' } },
      ];
      const bytes = new Uint8Array([0, 10, 255, 0, 1, 255, 255, 1, 9, 0, 0x3c, 0, 0xc1]);
      const tensors = read(folder, specs, bytes, [], ['a', 'b', 'c', 'd']).map((tensor) => tensor?.numbers());
      expect(tensors).toEqual([
        [-1, 0, 24.5].map(Math.fround),
        [256 * 0.1 - 1, 65535 * 0.1 - 1].map(Math.fround),
        [-3, 1],
        [1, -2.5],
      ]);
    }));

  test('of every type and quantization are what tfjs decodes, wherever shards are cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyWeight, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (weights, places) =>
          withFolder(async (folder) => {
            const specs = weights.map(({ spec }, index) => ({ ...spec, name: `layer${index}/w` }));
            const bytes = Uint8Array.from(weights.flatMap(({ bytes: own }) => [...own]));
            const cuts = places.map((place) => place % (bytes.length + 1)).sort((left, right) => left - right);
            const decoded = tf.io.decodeWeights(bytes.buffer, specs);
            const computed = specs.filter(({ dtype }) => dtype !== 'string' && dtype !== 'complex64');
            const layers = computed.map(({ name }) => name.replace('/w', ''));
            for (const [index, tensor] of read(folder, specs, bytes, cuts, layers).entries()) {
              const expected = decoded[computed[index]?.name ?? ''];
              expect([tensor?.type, tensor?.dims]).toEqual([expected?.dtype, expected?.shape]);
              expect([...(tensor?.data ?? [])]).toEqual([...((await expected?.data()) ?? [])]);
            }
            tf.dispose(decoded);
          }),
      ),
      { numRuns: 100 },
    ));

  test('strings and complex numbers are passed over, and refused where a layer computes with them', () =>
    withFolder(async (folder) => {
      const specs = [
        { name: 'text/w', shape: [2], dtype: 'string' },
        { name: 'complex/w', shape: [1], dtype: 'complex64' },
        f32('float/w', 1),
      ];
      const text = [2, 0, 0, 0, 104, 105, 0, 0, 0, 0];
      writeFileSync(join(folder, 'w'), Uint8Array.from([...text, ...new Array(8).fill(0), 0, 0, 128, 63]));
      const store = new WeightStore(folder, [{ paths: ['w'], weights: specs }]);
      expect(store.find('float/w')?.read().numbers()).toEqual([1]);
      expect(store.unused).toEqual(['text/w', 'complex/w']);
      expect(store.find('text/w')?.type).toBe('string');
      expect(errorOf(() => store.find('complex/w')?.read()).message).toContain('complex/w: weights of type complex64');
      store.close();
    }));

  test.each([
    ['a length beyond the end', [255, 255, 255, 255]],
    ['an end within a length', [0, 0]],
  ])('a string with %s is a truncated file', (_, bytes) =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, 'w'), Uint8Array.from(bytes));
      const manifest = [{ paths: ['w'], weights: [{ name: 'a/w', shape: [2 ** 30], dtype: 'string' }] }];
      expect(errorOf(() => new WeightStore(folder, manifest)).message).toContain('truncated');
    }),
  );

  test('with their axes in any order, from shards cut anywhere', () =>
    fc.assert(
      fc.asyncProperty(
        fc
          .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
          .chain((dims) =>
            fc.tuple(fc.constant(dims), fc.shuffledSubarray([...dims.keys()], { minLength: dims.length })),
          ),
        fc.nat(),
        ([dims, perm], place) =>
          withFolder(async (folder) => {
            const size = dims.reduce((product, dim) => product * dim, 1);
            const values = Float32Array.from({ length: size }, (_, index) => index + 1);
            const cut = place % (4 * size);
            writeFileSync(join(folder, 'w1'), new Uint8Array(values.buffer, 0, cut));
            writeFileSync(join(folder, 'w2'), new Uint8Array(values.buffer, cut));
            const store = new WeightStore(folder, [{ paths: ['w1', 'w2'], weights: [f32('a/w', ...dims)] }]);
            const tensor = store.find('a/w')?.readPermuted(perm);
            store.close();
            const expected = tf.tidy(() => tf.tensor(values, dims).transpose(perm).dataSync());
            expect(tensor?.dims).toEqual(perm.map((axis) => dims[axis]));
            expect(tensor?.data).toEqual(expected);
          }),
      ),
      { numRuns: 100 },
    ));

  test.each([
    [
      [3, 3, 200, 300],
      [3, 2, 0, 1],
    ],
    [
      [1000, 701],
      [1, 0],
    ],
    [
      [300, 5, 401],
      [1, 0, 2],
    ],
    [
      [70, 60, 90],
      [1, 2, 0],
    ],
    [
      [2, 100_000, 3],
      [2, 0, 1],
    ],
    [
      [0, 3],
      [1, 0],
    ],
  ])('of shape %j as %j, in many pieces', (dims, perm) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: size }, (_, index) => index);
    const tensor = permuteElements(dims, perm, (from, target) => {
      target.set(values.subarray(from, from + target.length));
    });
    const expected = tf.tidy(() => tf.tensor(values, dims).transpose(perm).dataSync());
    expect(Buffer.compare(Buffer.from(tensor.data.buffer), Buffer.from(new Float32Array(expected).buffer))).toBe(0);
  });

  test('that are not finite are told by name once read, the rest is not', () =>
    withFolder(async (folder) => {
      const large = new Float32Array(300_001);
      large[300_000] = Number.POSITIVE_INFINITY;
      const values = [...[1, Number.NaN, 3], 3.4e38, ...large];
      writeFileSync(join(folder, 'w'), new Uint8Array(Float32Array.from(values).buffer));
      const specs = [f32('nan/w', 3), f32('finite/w', 1), f32('infinite/w', 1, 300_001)];
      const store = new WeightStore(folder, [{ paths: ['w'], weights: specs }]);
      for (const layer of ['nan', 'finite']) store.find(`${layer}/w`)?.read();
      store.find('infinite/w')?.readPermuted([1, 0]);
      expect(store.notFinite).toEqual(['nan/w', 'infinite/w']);
      store.close();
    }));

  test('optimizer state is passed over', () =>
    withFolder(async (folder) => {
      const specs = [{ ...f32('adam/w', 2), group: 'optimizer' }, f32('a/w', 1)];
      writeFileSync(join(folder, 'w'), new Uint8Array(Float32Array.of(1, 2, 3).buffer));
      const store = new WeightStore(folder, [{ paths: ['w'], weights: specs }]);
      expect(store.unused).toEqual(['a/w']);
      expect(store.find('a/w')?.read().numbers()).toEqual([3]);
      expect(store.unused).toEqual([]);
      store.close();
    }));
});

describe('names', () => {
  async function found(names: readonly string[], wanted: readonly (readonly [string, string, number])[]) {
    return withFolder(async (folder) => {
      const values = Float32Array.from(names, (_, index) => index);
      writeFileSync(join(folder, 'w'), new Uint8Array(values.buffer));
      const store = new WeightStore(folder, [{ paths: ['w'], weights: names.map((name) => f32(name)) }]);
      const results = wanted.map(([layer, name, index]) => store.find(`${layer}/${name}`, index)?.read().numbers()[0]);
      store.close();
      return results;
    });
  }

  test('are matched exactly, else without their second-last part', async () => {
    const names = ['lstm/lstm_cell/kernel', 'dense/kernel', 'a/dense/bias'];
    const wanted = [
      ['lstm', 'kernel', 0],
      ['dense', 'kernel', 0],
      ['a', 'bias', 1],
      ['lstm', 'bias', 1],
    ] as const;
    expect(await found(names, wanted)).toEqual([0, 1, 2, undefined]);
  });

  test('or by layer and index, if the first one in the file ends so', async () => {
    const wanted = [
      ['dense', 'kernel', 0],
      ['dense', 'bias', 1],
      ['lstm', 'kernel', 0],
    ] as const;
    expect(await found(['dense/0', 'dense/1', 'lstm/cell/0'], wanted)).toEqual([0, 1, 2]);
    expect(await found(['other/kernel', 'dense/0'], wanted)).toEqual([undefined, undefined, undefined]);
  });

  test('give no weight of the files to two of the model', async () => {
    const wanted = [
      ['a/c', 'w', 0],
      ['a', 'w', 0],
      ['a/c', 'w', 0],
    ] as const;
    expect(await found(['a/c/w'], wanted)).toEqual([0, undefined, 0]);
  });
});

describe('weight files that cannot be right', () => {
  async function problems(manifest: unknown, files: Record<string, number> = {}): Promise<string> {
    return withFolder(async (folder) => {
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), new Uint8Array(bytes));
      const error = errorOf(() => new WeightStore(folder, manifest));
      expect(error.exitCode).toBe(3);
      return error.message;
    });
  }

  test('are told with the model.json that lists them', () =>
    withFolder(async (folder) => {
      const manifest = [{ paths: ['w'], weights: [{ ...f32('a/w', 1), dtype: 'float128' }] }];
      writeFileSync(join(folder, 'w'), new Uint8Array(4));
      const { message } = errorOf(() => new WeightStore(folder, manifest, 'some/model.json'));
      expect(message).toMatch(/^some\/model\.json is not a valid model/);
      expect(message).toContain('a/w: its type');
    }));

  test('too short or too long files', async () => {
    const manifest = [{ paths: ['w'], weights: [f32('a/w', 2, 3)] }];
    expect(await problems(manifest, { w: 23 })).toContain(
      "'w': truncated: the manifest describes 24 bytes, there are 23",
    );
    expect(await problems(manifest, { w: 25 })).toContain("'w': too long");
    expect(await problems(manifest)).toContain("'w': there is no file");
  });

  test.each([
    ['../w'],
    ['a/../../w'],
    ['/etc/passwd'],
    ['C:\\w'],
    ['..\\w'],
    ['https://example.org/w'],
    ['file:w'],
    [''],
    ['w\0'],
    ['.'],
  ])('the path %j', async (path) => {
    expect(await problems([{ paths: [path], weights: [f32('a/w', 1)] }], { w: 4 })).toContain(
      // Control characters are not printed.
      `weights file '${path.replace('\0', '\ufffd')}'`,
    );
  });

  test('a link that leads out of the folder, and one that does not', () =>
    withFolder(async (folder) => {
      const inside = join(folder, 'model');
      mkdirSync(inside);
      writeFileSync(join(folder, 'secret'), new Uint8Array(4));
      writeFileSync(join(inside, 'w'), new Uint8Array(4));
      symlinkSync(join(folder, 'secret'), join(inside, 'out'));
      symlinkSync(join(inside, 'w'), join(inside, 'in'));
      const manifest = (path: string) => [{ paths: [path], weights: [f32('a/w', 1)] }];
      expect(errorOf(() => new WeightStore(inside, manifest('out'))).message).toContain('a link out');
      new WeightStore(inside, manifest('in')).close();
    }));

  test.each([
    ['no list', {}, 'must be a list'],
    ['a group that is none', [3], "must have 'paths' and 'weights'"],
    ['paths that are no names', [{ paths: [1], weights: [] }], "'paths' of a group"],
    ['a weight that is none', [{ paths: ['w'], weights: [null] }], 'describes no weight'],
    ['a negative size', [{ paths: ['w'], weights: [f32('a/w', -1)] }], 'no list of sizes'],
    ['sizes beyond measure', [{ paths: ['w'], weights: [f32('a/w', 2 ** 30, 2 ** 30)] }], 'no list of sizes'],
    ['an unknown type', [{ paths: ['w'], weights: [{ ...f32('a/w', 1), dtype: 'float128' }] }], 'is unknown'],
    [
      'quantized truth values',
      [{ paths: ['w'], weights: [{ name: 'a/w', shape: [4], dtype: 'bool', quantization: { dtype: 'float16' } }] }],
      'a/w: its quantization',
    ],
    [
      'a bad quantization',
      [{ paths: ['w'], weights: [{ ...f32('a/w', 1), quantization: { dtype: 'uint8' } }] }],
      'quantization',
    ],
    ['two weights of one name', [{ paths: ['w'], weights: [f32('a/w', 1), f32('a/w', 0)] }], 'two weights'],
    ['one file twice', [{ paths: ['w', 'w'], weights: [f32('a/w', 2)] }], 'lists it twice'],
  ])('%s', async (_, manifest, message) => {
    expect(await problems(manifest, { w: 4 })).toContain(message);
  });
});

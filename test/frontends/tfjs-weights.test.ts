import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dequantize, halfToNumber } from '../../src/frontends/tfjs/dequantize.js';
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
  const tensors = names.map((name) => store.find(name, 'w', 0)?.read());
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

  test('every float16', () => {
    expect([0x0000, 0x8000, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x7c00, 0xfc00].map(halfToNumber)).toEqual([
      0,
      -0,
      0.333251953125,
      65504,
      2 ** -24,
      1023 * 2 ** -24,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect(halfToNumber(0x7e00)).toBeNaN();
    const target = new Float32Array(1);
    dequantize(new Uint8Array([0, 0, 0x3c]).subarray(1), { type: 'float16', scale: 1, min: 0 }, 'float32', target);
    expect(target[0]).toBe(1);
  });

  test('optimizer state is passed over', () =>
    withFolder(async (folder) => {
      const specs = [{ ...f32('adam/w', 2), group: 'optimizer' }, f32('a/w', 1)];
      writeFileSync(join(folder, 'w'), new Uint8Array(Float32Array.of(1, 2, 3).buffer));
      const store = new WeightStore(folder, [{ paths: ['w'], weights: specs }]);
      expect(store.unused).toEqual(['a/w']);
      expect(store.find('a', 'w', 0)?.read().numbers()).toEqual([3]);
      expect(store.unused).toEqual([]);
      store.close();
    }));
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

  test('too short or too long files', async () => {
    const manifest = [{ paths: ['w'], weights: [f32('a/w', 2, 3)] }];
    expect(await problems(manifest, { w: 23 })).toContain(
      "'w': truncated: the manifest describes 24 bytes, there are 23",
    );
    expect(await problems(manifest, { w: 25 })).toContain("'w': too long");
    expect(await problems(manifest)).toContain("'w': it is not in");
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
    expect(await problems([{ paths: [path], weights: [f32('a/w', 1)] }], { w: 4 })).toContain(`weights file '${path}'`);
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
    ['a string weight', [{ paths: ['w'], weights: [{ ...f32('a/w', 1), dtype: 'string' }] }], 'are not supported'],
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

import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { openCalibration } from '../../src/data/calibration.js';
import { npyBytes, writeNpy } from '../../src/data/npy.js';
import { randomSamples } from '../../src/data/random.js';
import type { Batch, BatchOptions, Calibration, InputSpec } from '../../src/data/types.js';
import { Tensor } from '../../src/ir/tensor.js';

const root = mkdtempSync(join(tmpdir(), 'swanc-data-'));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (name = ''): string => join(root, `${made++}${name}`);

const image: InputSpec = { name: 'image', type: 'float32', shape: ['batch', 2, 2, 1] };

function images(count: number, first = 0): Tensor<'float32'> {
  return Tensor.floats(
    [count, 2, 2, 1],
    Array.from({ length: count * 4 }, (_, index) => first * 4 + index),
  );
}

async function npyFile(tensor: Tensor): Promise<string> {
  const path = fresh('.npy');
  await writeNpy(path, tensor);
  return path;
}

function npzFile(arrays: Record<string, Tensor>, level: 0 | 6 = 0): string {
  const path = fresh('.npz');
  const files = Object.entries(arrays).map(([name, tensor]) => [`${name}.npy`, npyBytes(tensor)]);
  writeFileSync(path, zipSync(Object.fromEntries(files), { level }));
  return path;
}

async function all(calibration: Calibration, batchSize: number, options?: BatchOptions): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of calibration.batches(batchSize, options)) batches.push(batch);
  return batches;
}

/** The first element of every sample, which numbers it. */
function numbers(batches: readonly Batch[], name = 'image'): number[] {
  return batches.flatMap((batch) => {
    const tensor = batch.feeds[name];
    const size = (tensor?.size ?? 0) / (tensor?.dims[0] ?? 1);
    return Array.from({ length: batch.samples }, (_, row) => Number(tensor?.data[row * size]) / 4);
  });
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a .npy file', () => {
  it('is cut into batches', async () => {
    const calibration = await openCalibration(await npyFile(images(7)), [image]);
    expect(calibration).toMatchObject({ count: 7, labelled: false });
    const batches = await all(calibration, 3);
    expect(batches.map((batch) => batch.samples)).toEqual([3, 3, 1]);
    expect(batches.map((batch) => batch.feeds.image?.dims)).toEqual([
      [3, 2, 2, 1],
      [3, 2, 2, 1],
      [1, 2, 2, 1],
    ]);
    expect(numbers(batches)).toEqual(range(7));
    expect(numbers(await all(calibration, 3, { limit: 4 }))).toEqual(range(4));
    expect(await all(calibration, 3, { limit: 0 })).toEqual([]);
  });

  it('is padded by its last sample when asked, or when the batch is fixed', async () => {
    const path = await npyFile(images(5));
    const padded = await all(await openCalibration(path, [image]), 3, { pad: true });
    expect(padded.map((batch) => [batch.samples, batch.feeds.image?.dims[0]])).toEqual([
      [3, 3],
      [2, 3],
    ]);
    expect(padded[1]?.feeds.image?.numbers().slice(8)).toEqual([16, 17, 18, 19]);
    const fixed = await all(await openCalibration(path, [{ ...image, shape: [2, 2, 2, 1] }]), 64);
    expect(fixed.map((batch) => [batch.samples, batch.feeds.image?.dims[0]])).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
  });

  it('is converted to the element type of the input, unscaled', async () => {
    const bytes = new Tensor('uint8', [1, 2, 2, 1], Uint8Array.of(0, 1, 128, 255));
    const [batch] = await all(await openCalibration(await npyFile(bytes), [image]), 1);
    expect(batch?.feeds.image?.type).toBe('float32');
    expect(batch?.feeds.image?.numbers()).toEqual([0, 1, 128, 255]);
    const doubles = new Tensor('float64', [1, 2, 2, 1], Float64Array.of(0.1, 1, 2, 3));
    const [rounded] = await all(await openCalibration(await npyFile(doubles), [image]), 1);
    expect(rounded?.feeds.image?.numbers()[0]).toBe(Math.fround(0.1));
    const tokens: InputSpec = { name: 't', type: 'int64', shape: ['n', 2] };
    const ints = new Tensor('int32', [1, 2], Int32Array.of(-5, 7));
    const [wide] = await all(await openCalibration(await npyFile(ints), [tokens]), 1);
    expect(wide?.feeds.t?.data).toEqual(BigInt64Array.of(-5n, 7n));
  });

  it('is refused with the sample at fault', async () => {
    const take = async (tensor: Tensor, input: InputSpec): Promise<Batch[]> =>
      all(await openCalibration(await npyFile(tensor), [input]), 2);
    const flat: InputSpec = { name: 'x', type: 'float32', shape: ['n', 1] };
    await expect(take(Tensor.floats([4, 1], [0, 1, 2, Number.NaN]), flat)).rejects.toThrow(/npy: sample 3 holds NaN/);
    await expect(take(Tensor.floats([2, 1], [0, -Infinity]), flat)).rejects.toThrow(/sample 1 holds -Infinity/);
    const large = new Tensor('float64', [1, 1], Float64Array.of(1e300));
    await expect(take(large, flat)).rejects.toThrow(/sample 0 holds 1e\+300, which is too large for float32/);
    const int8: InputSpec = { name: 'x', type: 'int8', shape: ['n', 1] };
    await expect(take(new Tensor('uint8', [1, 1], Uint8Array.of(200)), int8)).rejects.toThrow(/200, which int8 cannot/);
    await expect(take(Tensor.floats([1, 1], [1]), int8)).rejects.toThrow(/holds float32, the input takes int8/);
  });

  it.each<[number[], RegExp]>([
    [[3, 2, 2], /\[3, 2, 2\]; input 'image' takes \[samples, 2, 2, 1\].*\n.*last axis, of size 1, is missing/],
    [[2, 2, 1], /single sample/],
    [[3, 4], /as many elements: x\.reshape\(-1, 2, 2, 1\)/],
    [[3, 1, 2, 2], /axes of size 1 differ: x\.reshape/],
    [[3, 2, 3, 1], /takes \[samples, 2, 2, 1\]/],
    [[], /takes \[samples/],
  ])('of shape %j is refused with advice', async (dims, message) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const path = await npyFile(Tensor.floats(dims, new Array<number>(size).fill(0)));
    await expect(openCalibration(path, [image])).rejects.toThrow(message);
  });

  it('knows channels first from channels last', async () => {
    const rgb: InputSpec = { name: 'x', type: 'float32', shape: ['n', 4, 5, 3] };
    const path = await npyFile(Tensor.floats([1, 3, 4, 5], new Array<number>(60).fill(0)));
    await expect(openCalibration(path, [rgb])).rejects.toThrow(/moveaxis\(x, 1, -1\)/);
  });

  it('stops when the signal fires', async () => {
    const calibration = await openCalibration(await npyFile(images(9)), [image]);
    const controller = new AbortController();
    let seen = 0;
    const consume = async (): Promise<void> => {
      for await (const _ of calibration.batches(2, { signal: controller.signal })) {
        if (++seen === 2) controller.abort();
      }
    };
    await expect(consume()).rejects.toMatchObject({ kind: 'aborted' });
    expect(seen).toBe(2);
  });

  it('may be left early', async () => {
    const calibration = await openCalibration(await npyFile(images(9)), [image]);
    for (let round = 0; round < 50; round++) {
      for await (const _ of calibration.batches(2)) break;
    }
    expect(numbers(await all(calibration, 4))).toEqual(range(9));
  });
});

describe('a sample too large to be read', () => {
  it('is refused before memory is spent, though its file is large enough', async () => {
    const path = fresh('.npy');
    const header = npyBytes(Tensor.floats([0, 1000000000], []));
    const text = Buffer.from(header).toString('latin1').replace('(0, 1000000000)', '(3, 1000000000)');
    // A file with a hole: it claims 12 GB and takes up one block.
    writeFileSync(path, Buffer.from(text, 'latin1'));
    truncateSync(path, header.length + 12e9);
    const calibration = await openCalibration(path, [{ name: 'x', type: 'float32', shape: ['n', 'length'] }]);
    await expect(all(calibration, 1)).rejects.toThrow(/too much at once/);
  });
});

describe('a .npz file', () => {
  const two: InputSpec[] = [image, { name: 'scale', type: 'float32', shape: ['batch'] }];

  it('takes y for labels where it is whole numbers, one a sample, and not the data', async () => {
    const numbers = Tensor.int64([3], [7, 8, 9]);
    const labelled = await openCalibration(npzFile({ x: images(3), y: numbers }), [image]);
    expect(labelled.labelled).toBe(true);
    expect((await all(labelled, 3))[0]?.labels?.numbers()).toEqual([7, 8, 9]);
    const both = await openCalibration(npzFile({ image: images(3), y: numbers, labels: numbers }), [image]);
    expect(both.labelled).toBe(true);
    const targets = await openCalibration(npzFile({ image: images(3), y: Tensor.floats([3], [1, 2, 3]) }), [image]);
    expect(targets.labelled).toBe(false);
    const hot = await openCalibration(npzFile({ image: images(2), y: Tensor.int64([2, 2], [0, 1, 1, 0]) }), [image]);
    expect(hot.labelled).toBe(false);
    expect((await openCalibration(npzFile({ y: images(3) }), [image])).labelled).toBe(false);
  });

  it.each([0, 6] as const)('gives several inputs and labels (compression %i)', async (level) => {
    const scale = Tensor.floats([5], [0, 4, 8, 12, 16]);
    const labels = new Tensor('uint8', [5, 1], Uint8Array.of(9, 8, 7, 6, 5));
    const path = npzFile({ scale, image: images(5), labels, unused: Tensor.scalar(1) }, level);
    const calibration = await openCalibration(path, two);
    expect(calibration).toMatchObject({ count: 5, labelled: true });
    const batches = await all(calibration, 2);
    expect(numbers(batches)).toEqual(range(5));
    expect(numbers(batches, 'scale')).toEqual(range(5));
    expect(batches.flatMap((batch) => batch.labels?.numbers() ?? [])).toEqual([9, 8, 7, 6, 5]);
    expect(batches.map((batch) => batch.labels?.dims)).toEqual([[2], [2], [1]]);
  });

  it('with one array serves a model with one input', async () => {
    const calibration = await openCalibration(npzFile({ arr_0: images(3) }), [image]);
    expect(numbers(await all(calibration, 8))).toEqual(range(3));
  });

  it('is read with the 64-bit directory of very large archives', async () => {
    const zip = zipSync({ 'image.npy': npyBytes(images(4)) }, { level: 0 });
    const old = new DataView(zip.buffer);
    const end = zip.length - 22;
    const [size, start] = [old.getUint32(end + 12, true), old.getUint32(end + 16, true)];
    // The directory entry refers to its extra field for sizes and offset; an end record and its locator follow.
    const bytes = new Uint8Array(start + size + 28 + 56 + 20 + 22);
    bytes.set(zip.subarray(0, start + size));
    const view = new DataView(bytes.buffer);
    for (const field of [20, 24, 42]) view.setUint32(start + field, 0xffffffff, true);
    view.setUint16(start + 30, 28, true);
    let at = start + size;
    const put = (value: number, width: 2 | 4 | 8): void => {
      if (width === 2) view.setUint16(at, value, true);
      else if (width === 4) view.setUint32(at, value, true);
      else view.setBigUint64(at, BigInt(value), true);
      at += width;
    };
    put(1, 2);
    put(24, 2);
    for (const field of [24, 20, 42]) put(old.getUint32(start + field, true), 8);
    const record = at;
    put(0x06064b50, 4);
    put(44, 8);
    for (const [value, width] of [
      [45, 2],
      [45, 2],
      [0, 4],
      [0, 4],
      [1, 8],
      [1, 8],
      [size + 28, 8],
      [start, 8],
    ] as const) {
      put(value, width);
    }
    put(0x07064b50, 4);
    put(0, 4);
    put(record, 8);
    put(1, 4);
    put(0x06054b50, 4);
    for (const [value, width] of [
      [0, 2],
      [0, 2],
      [0xffff, 2],
      [0xffff, 2],
      [0xffffffff, 4],
      [0xffffffff, 4],
      [0, 2],
    ] as const) {
      put(value, width);
    }
    const path = fresh('.npz');
    writeFileSync(path, bytes);
    expect(numbers(await all(await openCalibration(path, [image]), 3))).toEqual(range(4));
  });

  it('is refused without an array for every input, or with unequal numbers of samples', async () => {
    await expect(openCalibration(npzFile({ image: images(2) }), two)).rejects.toThrow(
      /no array for input 'scale'.*\n.*it has image/,
    );
    const unequal = npzFile({ image: images(2), scale: Tensor.floats([3], [1, 2, 3]) });
    await expect(openCalibration(unequal, two)).rejects.toThrow(/2 samples for one input and 3 for 'scale'/);
    const labels = npzFile({ image: images(2), labels: Tensor.floats([3], [1, 2, 3]) });
    await expect(openCalibration(labels, [image])).rejects.toThrow(/3 labels for 2/);
    const hot = await openCalibration(npzFile({ image: images(2), labels: Tensor.floats([2, 2], [1, 0, 0, 1]) }), [
      image,
    ]);
    await expect(all(hot, 2)).rejects.toThrow(/argmax/);
  });

  it('is refused when its sizes lie, before memory is spent', async () => {
    const zip = zipSync({ 'image.npy': npyBytes(images(64)) }, { level: 6 });
    const view = new DataView(zip.buffer);
    const end = zip.length - 22;
    const directory = view.getUint32(end + 16, true);
    const path = fresh('.npz');
    const withSize = (size: number): string => {
      view.setUint32(directory + 24, size, true);
      writeFileSync(path, zip);
      return path;
    };
    const honest = view.getUint32(directory + 24, true);
    await expect(openCalibration(withSize(0xfffffff0), [image])).rejects.toThrow(/claims 4294967280 bytes/);
    await expect(openCalibration(withSize(honest + 4), [image])).rejects.toThrow(/does not hold the/);
    expect((await openCalibration(withSize(honest), [image])).count).toBe(64);
  });

  it('holds no bomb: what inflates to more than declared is refused', async () => {
    const bomb = npyBytes(Tensor.floats([1, 2, 2, 1], [0, 0, 0, 0]));
    const zip = zipSync({ 'image.npy': Uint8Array.from([...bomb, ...new Uint8Array(1 << 22)]) }, { level: 9 });
    const view = new DataView(zip.buffer);
    view.setUint32(view.getUint32(zip.length - 6, true) + 24, bomb.length, true);
    const path = fresh('.npz');
    writeFileSync(path, zip);
    await expect(openCalibration(path, [image]).then((data) => all(data, 1))).rejects.toThrow(/does not hold/);
  });

  it('never crashes on random edits: read or refused', async () => {
    const zips = [0, 6].map((level) =>
      zipSync(
        { 'image.npy': npyBytes(images(3)), 'labels.npy': npyBytes(Tensor.int64([3], [1, 2, 3])) },
        { level: level === 0 ? 0 : 6 },
      ),
    );
    const path = fresh('.npz');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zips),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(30),
        async (zip, edits, cut) => {
          const bytes = zip.slice(0, zip.length - (cut > 20 ? cut : 0));
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          writeFileSync(path, bytes);
          try {
            await all(await openCalibration(path, [image]), 2);
          } catch (error) {
            expect(error).toMatchObject({ name: 'SwancError' });
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('a folder', () => {
  it('is read in the order of names, batches crossing files, with labels for all', async () => {
    const folder = fresh();
    mkdirSync(folder);
    await writeNpy(join(folder, 'b.npy'), images(2, 3));
    await writeNpy(join(folder, 'a.npy'), images(3));
    writeFileSync(join(folder, 'c.npz'), zipSync({ 'image.npy': npyBytes(images(2, 5)) }));
    writeFileSync(join(folder, 'notes.txt'), 'ignored');
    await writeNpy(join(folder, 'labels.npy'), Tensor.int64([7], range(7)));
    const calibration = await openCalibration(folder, [image]);
    expect(calibration).toMatchObject({ count: 7, labelled: true });
    const batches = await all(calibration, 4);
    expect(batches.map((batch) => batch.samples)).toEqual([4, 3]);
    expect(numbers(batches)).toEqual(range(7));
    expect(batches.flatMap((batch) => batch.labels?.numbers() ?? [])).toEqual(range(7));
  });

  it('does not join samples of different sizes', async () => {
    const folder = fresh();
    mkdirSync(folder);
    const text: InputSpec = { name: 'x', type: 'float32', shape: ['n', 'length'] };
    for (const [name, length] of [
      ['a', 2],
      ['b', 2],
      ['c', 3],
    ] as const) {
      await writeNpy(join(folder, `${name}.npy`), Tensor.floats([2, length], new Array<number>(2 * length).fill(1)));
    }
    const batches = await all(await openCalibration(folder, [text]), 8);
    expect(batches.map((batch) => batch.feeds.x?.dims)).toEqual([
      [4, 2],
      [2, 3],
    ]);
  });

  it('is refused with every file at fault', async () => {
    const folder = fresh();
    mkdirSync(folder);
    await expect(openCalibration(folder, [image])).rejects.toThrow(/holds no data\n.*\.npy/);
    writeFileSync(join(folder, 'a.npy'), 'nonsense');
    await writeNpy(join(folder, 'b.npy'), Tensor.floats([1, 3], [1, 2, 3]));
    await writeNpy(join(folder, 'c.npy'), images(1));
    const error = await openCalibration(folder, [image]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      kind: 'invalid',
      problems: [{ where: join(folder, 'a.npy') }, { where: join(folder, 'b.npy') }],
    });
  });

  it('takes labels from a file of their own, but not twice', async () => {
    const folder = fresh();
    mkdirSync(folder);
    await writeNpy(join(folder, 'a.npy'), images(3));
    const labels = await npyFile(new Tensor('uint8', [3], Uint8Array.of(4, 5, 6)));
    const calibration = await openCalibration(folder, [image], { labels });
    expect(calibration.labelled).toBe(true);
    expect((await all(calibration, 2)).flatMap((batch) => batch.labels?.numbers() ?? [])).toEqual([4, 5, 6]);
    const few = await npyFile(Tensor.int64([2], [1, 2]));
    await expect(openCalibration(folder, [image], { labels: few })).rejects.toThrow(/2 labels for 3 samples/);
    const labelled = npzFile({ image: images(3), labels: Tensor.int64([3], [1, 2, 3]) });
    await expect(openCalibration(labelled, [image], { labels })).rejects.toThrow(/labels in 1 of 1 files, and also in/);
    await writeNpy(join(folder, 'labels.npy'), Tensor.int64([3], [1, 2, 3]));
    await expect(openCalibration(folder, [image], { labels })).rejects.toThrow(
      /has labels in .*labels.npy, and also in/,
    );
  });

  it('is refused when there are no samples, or labels do not fit', async () => {
    await expect(openCalibration(await npyFile(images(0)), [image])).rejects.toThrow(/no samples/);
    const folder = fresh();
    mkdirSync(folder);
    await writeNpy(join(folder, 'a.npy'), images(2));
    await writeNpy(join(folder, 'labels.npy'), Tensor.int64([3], [1, 2, 3]));
    await expect(openCalibration(folder, [image])).rejects.toThrow(/3 labels for 2 samples/);
    await expect(openCalibration(join(folder, 'nowhere.npy'), [image])).rejects.toMatchObject({ kind: 'invalid' });
    writeFileSync(join(folder, 'data.bin'), Uint8Array.of(1, 2, 0, 3));
    await expect(openCalibration(join(folder, 'data.bin'), [image])).rejects.toThrow(/in no format that is read/);
    await expect(all(await openCalibration(await npyFile(images(1)), [image]), 0)).rejects.toMatchObject({
      kind: 'usage',
    });
  });

  it('gives every sample once, in order, whatever the sizes of files and batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(20),
        async (sizes, batchSize, limit) => {
          const total = sizes.reduce((sum, size) => sum + size, 0);
          fc.pre(total > 0);
          const folder = fresh();
          mkdirSync(folder);
          let first = 0;
          for (const [index, size] of sizes.entries()) {
            await writeNpy(join(folder, `${index}.npy`), images(size, first));
            first += size;
          }
          const batches = await all(await openCalibration(folder, [image]), batchSize, { limit });
          expect(numbers(batches)).toEqual(range(Math.min(total, limit)));
          expect(batches.slice(0, -1).every((batch) => batch.samples === batchSize)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('random samples', () => {
  const inputs: InputSpec[] = [
    { name: 'x', type: 'float32', shape: ['n', 'open', 3] },
    { name: 'half', type: 'float16', shape: ['n', 2] },
    { name: 'mask', type: 'bool', shape: ['n'] },
    { name: 'ids', type: 'int64', shape: ['n', 4] },
  ];

  it('depend on the seed and on nothing else', async () => {
    const join = (batches: readonly Batch[]) =>
      inputs.map(({ name }) => batches.flatMap((batch) => batch.feeds[name]?.numbers() ?? []));
    const whole = join(await all(randomSamples(inputs, 7, 10), 10));
    expect(join(await all(randomSamples(inputs, 7, 10), 3))).toEqual(whole);
    expect(join(await all(randomSamples(inputs, 8, 10), 10))).not.toEqual(whole);
    expect(whole[0]?.length).toBe(10 * 8 * 3);
    expect(whole[2]?.every((value) => value === 0 || value === 1)).toBe(true);
    const firsts = (whole[0] ?? []).filter((_, index) => index % 24 === 0);
    expect(new Set(firsts).size).toBe(10);
  });

  it('are positions below a bound, and steps that do not count', async () => {
    const masked: InputSpec[] = [
      { name: 'steps', type: 'float32', shape: ['n', 6, 3], masked: -7 },
      { name: 'ids', type: 'float32', shape: ['n', 6], below: 3 },
    ];
    const [batch] = await all(randomSamples(masked, 1, 20), 64);
    const steps = batch?.feeds.steps?.numbers() ?? [];
    const rows = Array.from({ length: 120 }, (_, row) => steps.slice(3 * row, 3 * row + 3));
    const whole = rows.filter((row) => row.every((value) => value === -7)).length;
    expect(whole).toBeGreaterThan(10);
    expect(whole).toBeLessThan(60);
    expect(steps.filter((value) => value === -7)).toHaveLength(3 * whole);
    expect(new Set(batch?.feeds.ids?.numbers())).toEqual(new Set([0, 1, 2]));
  });

  it('fill fixed batches', async () => {
    const fixed: InputSpec[] = [{ name: 'x', type: 'float32', shape: [4, 2] }];
    const batches = await all(randomSamples(fixed, 1, 5), 64);
    expect(batches.map((batch) => [batch.samples, batch.feeds.x?.dims])).toEqual([
      [4, [4, 2]],
      [1, [4, 2]],
    ]);
  });
});

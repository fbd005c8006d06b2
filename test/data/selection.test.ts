import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCalibration } from '../../src/data/calibration.js';
import { writeNpy } from '../../src/data/npy.js';
import { shuffled } from '../../src/data/permutation.js';
import { profile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { profileToJson } from '../../src/runtime/profile/json.js';
import { fixture as model, writeNormalSamples } from '../compiler/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { batchesOf, fixture, input, labelsOf, valuesOf } from './support.js';

const root = temporaryFolder();
let made = 0;
const fresh = (ending = ''): string => join(root, `${made++}${ending}`);
const range = (count: number, first = 0): number[] => Array.from({ length: count }, (_, index) => first + index);

/** Samples that are numbered, in one of several formats. */
async function numbered(first: number, count: number, kind: number): Promise<string> {
  const path = fresh(['.npy', '.csv', '.jsonl'][kind % 3]);
  if (kind % 3 === 0) await writeNpy(path, Tensor.floats([count, 2], range(2 * count, 2 * first)));
  const rows = range(count, first).map((index) => [2 * index, 2 * index + 1]);
  if (kind % 3 === 1) writeFileSync(path, `a,b\n${rows.join('\n')}\n`);
  if (kind % 3 === 2) writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  return path;
}

const x = input('x', 'float32', 2);

describe('several files', () => {
  it('of any formats are one behind the other, in any order of samples', async () => {
    const parts = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(2)), { minLength: 1, maxLength: 6 });
    const options = fc.record({
      size: fc.integer({ min: 1, max: 17 }),
      shuffle: fc.option(fc.nat(), { nil: undefined }),
      limit: fc.nat(100),
    });
    await fc.assert(
      fc.asyncProperty(parts, options, async (files, { size, shuffle, limit }) => {
        const paths: string[] = [];
        let count = 0;
        for (const [own, kind] of files) {
          paths.push(await numbered(count, own, kind));
          count += own;
        }
        const data = await openCalibration(paths, [x], { shuffle });
        const order = shuffle === undefined ? range(count) : [...shuffled(count, shuffle)];
        const wanted = order.flatMap((index) => [2 * index, 2 * index + 1]);
        expect(await valuesOf(data, 'x', size)).toEqual(wanted);
        expect(await valuesOf(data, 'x', size, { limit })).toEqual(wanted.slice(0, 2 * limit));
      }),
      { numRuns: 60 },
    );
  });

  it('give each input its own, with the labels of one of them', async () => {
    const labels = fresh('.txt');
    writeFileSync(labels, 'b\na\nb\n');
    const paths = [`x=${await numbered(0, 1, 0)}`, `y=${await numbered(5, 3, 1)}`, `x=${await numbered(1, 2, 2)}`];
    const data = await openCalibration(paths, [x, input('y', 'float32', 2)], { labels, shuffle: 3 });
    const order = [...shuffled(3, 3)];
    expect(await valuesOf(data, 'x')).toEqual(order.flatMap((index) => [2 * index, 2 * index + 1]));
    expect(await valuesOf(data, 'y')).toEqual(order.flatMap((index) => [10 + 2 * index, 11 + 2 * index]));
    expect(await labelsOf(data, 2)).toEqual(order.map((index) => [1, 0, 1][index]));
  });

  it('may be given for some inputs, with the others in one file', async () => {
    const both = fresh('.jsonl');
    writeFileSync(both, '{"x":[1,2],"z":3,"label":1}\n{"x":[4,5],"z":6,"label":0}');
    const inputs = [x, input('y', 'float32', 2), input('z', 'float32')];
    const data = await openCalibration([both, `y=${await numbered(0, 2, 0)}`], inputs);
    const [batch] = await batchesOf(data, 2);
    expect(Object.keys(batch?.feeds ?? {})).toEqual(['x', 'y', 'z']);
    expect(batch?.feeds.z?.numbers()).toEqual([3, 6]);
    expect(batch?.labels?.numbers()).toEqual([1, 0]);
  });

  it('are refused where they do not belong together', async () => {
    const y = input('y', 'float32', 2);
    const three = await numbered(0, 3, 0);
    const two = await numbered(0, 2, 0);
    await expect(openCalibration([`x=${three}`, `y=${two}`], [x, y])).rejects.toThrow(
      /'y' has 2 samples|2 samples; 'x' has 3/,
    );
    await expect(openCalibration([`x=${three}`], [x, y])).rejects.toThrow(/'y': has no data\n.*y=<path>/);
    await expect(openCalibration([`z=${three}`], [x])).rejects.toThrow(/'z' is no input of the model\n.*x/);
    await expect(openCalibration([`x=${three}`, two], [x])).rejects.toThrow(/every input has data/);
    await expect(openCalibration([], [x])).rejects.toThrow(/there is no path/);
    const odd = join(root, 'a=b.npy');
    await writeNpy(odd, Tensor.floats([1, 2], [1, 2]));
    expect((await openCalibration(odd, [x])).count).toBe(1);
  });
});

describe('a folder', () => {
  it('may hold files of several formats, with labels in any of them', async () => {
    const folder = fresh();
    mkdirSync(join(folder, 'b'), { recursive: true });
    await writeNpy(join(folder, 'a.npy'), Tensor.floats([1, 2], [0, 1]));
    writeFileSync(join(folder, 'b', 'part.csv'), '2,3\n4,5\n');
    writeFileSync(join(folder, 'c.json'), '[[6,7]]');
    writeFileSync(join(folder, 'labels.csv'), 'id,label\n8,2\n7,1\n9,0\n6,2\n');
    const data = await openCalibration(folder, [x]);
    expect(await valuesOf(data, 'x')).toEqual(range(8));
    expect(await labelsOf(data)).toEqual([2, 1, 0, 2]);
    writeFileSync(join(folder, 'labels.json'), '[0,0,0,0]');
    await expect(openCalibration(folder, [x])).rejects.toThrow(/labels in labels.csv and in labels.json/);
  });
});

describe('shuffling', () => {
  it('is a permutation that the seed alone decides', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), fc.nat(), (count, seed) => {
        const order = shuffled(count, seed);
        expect([...order].sort((left, right) => left - right)).toEqual(range(count));
        expect(shuffled(count, seed)).toEqual(order);
      }),
    );
    // Numbers that another machine must give, too.
    expect([...shuffled(8, 1)]).toMatchInlineSnapshot(`
      [
        2,
        1,
        6,
        7,
        4,
        3,
        0,
        5,
      ]
    `);
  });

  it('leaves a profile of all samples as it is, to the last bit, and takes others with --samples', async () => {
    const path = fresh('.npy');
    await writeNormalSamples(path, 'float32[batch, 784]', 40, 3);
    const options = { model: model('mnist-mlp'), calibration: path };
    const plain = profileToJson(await profile(options));
    expect(profileToJson(await profile({ ...options, shuffle: 11 }))).toBe(plain);
    const some = profileToJson(await profile({ ...options, samples: 10 }));
    const chosen = profileToJson(await profile({ ...options, samples: 10, shuffle: 11 }));
    expect(chosen).not.toBe(some);
    expect(profileToJson(await profile({ ...options, samples: 10, shuffle: 11 }))).toBe(chosen);
  });
});

describe('binary files that are damaged', () => {
  const files = [
    'numpy.safetensors',
    'pandas-none.parquet',
    'pandas-snappy.parquet',
    'groups.parquet',
    'lists.parquet',
    'named.parquet',
  ];
  it.each(files)('%s is read or refused, whatever is changed in it', async (name) => {
    const bytes = (await import('node:fs')).readFileSync(fixture(name));
    const inputs = name.startsWith('lists')
      ? [input('image', 'float32', 3, 2), input('weight', 'float32')]
      : [input('x', 'float32', ...(name.startsWith('numpy') ? [2, 3] : [4]))];
    const path = fresh(name);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(300),
        async (edits, cut) => {
          const copy = Uint8Array.from(cut > 270 ? bytes.subarray(0, bytes.length - cut) : bytes);
          for (const [at, value] of edits) copy[at % copy.length] = value;
          writeFileSync(path, copy);
          try {
            await batchesOf(await openCalibration(path, inputs), 7);
          } catch (error) {
            expect(error).toMatchObject({ name: 'SwancError' });
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

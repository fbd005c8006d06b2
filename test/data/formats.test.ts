import { describe, expect, it } from 'vitest';
import { openCalibration } from '../../src/data/calibration.js';
import { expected, fixture, input, labelsOf, valuesOf } from './support.js';

const x = input('x', 'float64', 4);

describe('tables that other libraries wrote', () => {
  const files = [
    ...['pandas.csv', 'pandas.tsv', 'semicolon.csv', 'quoted.csv', 'samples.jsonl', 'columns.json', 'groups.parquet'],
    ...['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4'].map((codec) => `pandas-${codec}.parquet`),
  ];
  it.each(files)('%s holds the numbers and labels', async (name) => {
    const data = await openCalibration(fixture(name), [x]);
    expect(data).toMatchObject({ count: 12, labelled: true });
    expect(await valuesOf(data, 'x')).toEqual((await expected('table')).numbers());
    expect(await labelsOf(data)).toEqual((await expected('table-labels')).numbers());
  });

  it('without labels and names', async () => {
    const data = await openCalibration(fixture('savetxt.csv'), [x]);
    expect(data.labelled).toBe(false);
    expect(await valuesOf(data, 'x')).toEqual((await expected('table')).numbers());
  });

  it.each(['records.json', 'values.json'])('%s, rounded to 15 digits as pandas does', async (name) => {
    const found = await valuesOf(await openCalibration(fixture(name), [x]), 'x');
    const wanted = (await expected('table')).numbers();
    expect(found.length).toBe(48);
    for (const [index, value] of wanted.entries()) expect(found[index]).toBeCloseTo(value, 14);
  });

  it.each(['named.csv', 'named.parquet'])('%s numbers the names of classes in code unit order', async (name) => {
    const data = await openCalibration(fixture(name), [x]);
    const wanted = (await expected('table-labels')).numbers().map((label) => [1, 2, 0][label]);
    expect(await labelsOf(data)).toEqual(wanted);
    expect(data.notes).toEqual([
      'classes are numbered in the order of their names: 0 = Cat, big, 1 = zebra, 2 = äpfel',
    ]);
  });

  it('are rounded once, to the nearest float32', async () => {
    const data = await openCalibration(fixture('pandas.csv'), [input('x', 'float32', 2, 2)]);
    expect(await valuesOf(data, 'x')).toEqual((await expected('table')).numbers().map(Math.fround));
  });

  it('are refused with advice where a column or a line is not what it seems', async () => {
    await expect(openCalibration(fixture('pandas-index.csv'), [x])).rejects.toThrow(
      /5 numbers in a row.*\n.*index=False/,
    );
    await expect(openCalibration(fixture('numbers-as-names.csv'), [x])).rejects.toThrow(/--data-header/);
    const named = await openCalibration(fixture('numbers-as-names.csv'), [x], { header: true });
    expect(named.count).toBe(12);
    const counted = await openCalibration(fixture('numbers-as-names.csv'), [x], { header: false });
    expect(counted.count).toBe(13);
  });
});

describe('Parquet', () => {
  it('has nested lists for inputs, by name, over groups of rows', async () => {
    const inputs = [input('image', 'float32', 3, 2), input('weight', 'float32')];
    const data = await openCalibration(fixture('lists.parquet'), inputs);
    expect(await valuesOf(data, 'image')).toEqual((await expected('lists-image')).numbers());
    expect(await valuesOf(data, 'weight')).toEqual((await expected('lists-weight')).numbers());
    expect(await labelsOf(data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const fixed = await openCalibration(fixture('fixed-size-lists.parquet'), [input('x', 'uint8', 6)]);
    expect(await valuesOf(fixed, 'x')).toEqual((await expected('lists-image')).numbers());
  });

  it.each([
    ...['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'bool'],
    ...['float16', 'float32', 'float64'],
  ])('has %s', async (type) => {
    const halves = type === 'float16' ? [0, 0.0999755859375, 100] : [0, 1, 100];
    const wanted = type === 'bool' ? [0, 1, 1] : halves;
    const asFloat = await openCalibration(fixture('types.parquet'), [input(type, 'float64')]);
    expect(await valuesOf(asFloat, type)).toEqual(wanted);
    const asWhole = openCalibration(fixture('types.parquet'), [input(type, 'int64')]).then((data) =>
      valuesOf(data, type),
    );
    if (type === 'float16') await expect(asWhole).rejects.toThrow(/whole numbers/);
    else expect(await asWhole).toEqual(wanted);
  });

  it('is refused where a value is missing, with its row and column', async () => {
    const data = await openCalibration(fixture('null.parquet'), [input('x', 'float32')]);
    await expect(valuesOf(data, 'x')).rejects.toThrow(/row 1, column 'x'.*null/);
  });

  it.each<[string, RegExp, number[]]>([
    ['time', /column 'time' holds times of day.*\n.*save numbers/, []],
    ['wait', /column 'wait' holds durations/, []],
    ['day', /row 0, column 'day': the value is a date, not a number: save it as a number/, []],
    ['list', /row 1, column 'list': the value is missing, not a list of 2/, [2]],
    ['nan', /row 1, column 'nan': the value is NaN/, []],
  ])('is refused for what is no number: %s', async (name, message, dims) => {
    const read = openCalibration(fixture('times.parquet'), [input(name, 'float32', ...dims)]);
    await expect(read.then((data) => valuesOf(data, name))).rejects.toThrow(message);
  });

  it('is refused where runs go on for more values than there are', async () => {
    const read = openCalibration(fixture('damaged-levels.parquet'), [input('x', 'float32')]);
    await expect(read.then((data) => valuesOf(data, 'x', 1000))).rejects.toThrow(/levels of a page are cut off/);
  });

  it('has long runs of one value', async () => {
    const data = await openCalibration(fixture('constant.parquet'), [input('x', 'float32')]);
    expect(data.count).toBe(100_000);
    expect(new Set(await valuesOf(data, 'x', 1000))).toEqual(new Set([7]));
  });
});

describe('safetensors', () => {
  it('has arrays by name, and others', async () => {
    const data = await openCalibration(fixture('numpy.safetensors'), [input('x', 'float32', 2, 3)]);
    expect(await valuesOf(data, 'x')).toEqual((await expected('safe-x')).numbers());
    expect(await labelsOf(data)).toEqual([0, 1, 2, 3, 4]);
    const bytes = await openCalibration(fixture('numpy.safetensors'), [input('bytes', 'int64')]);
    expect(await valuesOf(bytes, 'bytes')).toEqual([0, 1, 2, 3, 4]);
    const half = await openCalibration(fixture('numpy.safetensors'), [input('half', 'float32', 2, 3)]);
    expect((await valuesOf(half, 'half')).length).toBe(30);
  });

  it('has bfloat16', async () => {
    const data = await openCalibration(fixture('bfloat16.safetensors'), [input('x', 'float32', 2, 3)]);
    expect(await valuesOf(data, 'x')).toEqual((await expected('bfloat16')).numbers());
  });
});

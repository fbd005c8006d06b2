import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCalibration, type ReadOptions } from '../../src/data/calibration.js';
import type { Calibration, InputSpec } from '../../src/data/types.js';
import { temporaryFolder } from '../temporary-folder.js';
import { batchesOf, input, labelsOf, valuesOf } from './support.js';

const root = temporaryFolder();
let made = 0;

function file(text: string | Uint8Array, ending: string): string {
  const path = join(root, `${made++} ünï${ending}`);
  writeFileSync(path, text);
  return path;
}

const open = (text: string | Uint8Array, ending: string, inputs: readonly InputSpec[], options?: ReadOptions) =>
  openCalibration(file(text, ending), inputs, options);

/** Opens and reads all. */
async function read(text: string | Uint8Array, ending: string, inputs: readonly InputSpec[]): Promise<Calibration> {
  const data = await open(text, ending, inputs);
  await batchesOf(data, 7);
  return data;
}

const two = input('x', 'float32', 2);
const numbers = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 });

describe('CSV', () => {
  it('with any numbers, line ends, quotes and delimiters is read as written', async () => {
    const tables = fc.record({
      rows: fc.array(fc.tuple(numbers, numbers), { minLength: 1, maxLength: 30 }),
      end: fc.constantFrom('\n', '\r\n'),
      delimiter: fc.constantFrom(',', ';', '\t'),
      quoted: fc.boolean(),
      header: fc.boolean(),
      mark: fc.boolean(),
      last: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(tables, async ({ rows, end, delimiter, quoted, header, mark, last }) => {
        const cell = (text: string): string => (quoted ? `"${text}"` : text);
        const lines = rows.map((row) => row.map((value) => cell(String(value))).join(delimiter));
        const all = [
          ...(header ? [[cell('a'), cell('b "c"'.replaceAll('"', quoted ? '""' : ''))].join(delimiter)] : []),
          ...lines,
        ];
        const text = `${mark ? '\ufeff' : ''}${all.join(end)}${last ? end : ''}`;
        const data = await open(text, '.csv', [input('x', 'float64', 2)], { header });
        expect(await valuesOf(data, 'x', 4)).toEqual(rows.flat().map((value) => value + 0));
      }),
      { numRuns: 200 },
    );
  });

  it('has exact whole numbers for inputs of whole numbers', async () => {
    const data = await open('9007199254740993,-1\n18,true\n', '.csv', [input('x', 'int64', 2)]);
    expect((await batchesOf(data, 2))[0]?.feeds.x?.data).toEqual(BigInt64Array.of(9007199254740993n, -1n, 18n, 1n));
  });

  it.each(['a,b', 'label,0,1', '0,1,label', '1,2,label'])('has names in its first line: %s', async (names) => {
    const row = names.split(',').map((name) => (name === 'label' ? 5 : 7));
    const data = await open(`${names}\n${row.join()}\n`, '.csv', [two]);
    expect(await valuesOf(data, 'x')).toEqual([7, 7]);
  });

  it('has columns for several inputs by their names, and others that are told of', async () => {
    const text = 'id,b,a_0,a_1,label\nk1,7,1,2,0\nk2,8,3,4,1\n';
    const data = await open(text, '.csv', [input('a', 'float32', 2), input('b', 'float32')]);
    expect(await valuesOf(data, 'a')).toEqual([1, 2, 3, 4]);
    expect(await valuesOf(data, 'b')).toEqual([7, 8]);
    expect(await labelsOf(data)).toEqual([0, 1]);
    expect(data.notes?.[0]).toMatch(/not read: 'id'/);
    await expect(read('a_1,a_0,b\n1,2,3\n', '.csv', [input('a', 'float32', 2), input('b', 'float32')])).rejects.toThrow(
      /column 'a_0' is out of order/,
    );
  });

  it('crosses chunks with quoted line ends and blank lines', async () => {
    const rows = Array.from({ length: 40_000 }, (_, index) => `"${index}\n",${index % 7 === 0 ? '"2"' : 2}`);
    const text = `a,b\n${rows.join('\n\n')}`;
    const data = await open(text, '.csv', [two]);
    expect(data.count).toBe(40_000);
    const found = await valuesOf(data, 'x', 1000);
    expect(found.filter((_, index) => index % 2 === 0)).toEqual(rows.map((_, index) => index));
    const other = await open(`${text}\n\nx,3\n`, '.csv', [two]);
    await expect(valuesOf(other, 'x', 1000)).rejects.toThrow(
      /line 120002, column 1 \('a'\) holds 'x', which is no number/,
    );
  });

  it.each<[string, RegExp]>([
    ['1,2\n3,nan\n', /line 2, column 2 holds 'nan'/],
    ['n/a,2\n3,4\n', /could be names of columns or a sample: n\/a, 2…\n.*--data-header/],
    ['n/a,1\n3,4\n', /could be names of columns or a sample/],
    ['x,7\n3,4\n', /could be names of columns or a sample/],
    ['1,2\r3,4\r', /carriage return alone/],
    ['1,2\n3,\n', /line 2, column 2 is empty/],
    ['1,2\n3\n', /line 2 has 1 cells; the first line has 2/],
    ['1,2\n3,1e999\n', /line 2, column 2 holds 1e999, which is too large for a number/],
    ['1,2\n3,1e39\n', /row 2, column 2 holds 1e\+39, which is too large for float32/],
    ['1,2\n"3,4\n', /a quote is not closed|quotes open and close unevenly/],
    ['1,2\n3"4",5\n', /line 2.*quote/],
    ['1,2\n0x10,5\n', /holds '0x10'/],
    ['1,2;3\n', /several of comma, semicolon and tab/],
    ['1,2,3\n4,5,6\n', /3 numbers in a row for input 'x', which takes 2/],
    ['a,a\n1,2\n', /two columns of the name 'a'/],
    ['', /is empty|holds no samples/],
    ['\n\n', /holds no samples/],
    ['a,b\n', /holds no samples/],
    ['1,2\n\u0000,3\n', /zero byte/],
    [`${'1'.repeat(1 << 10)},2\n`, /too large for a number/],
  ])('%j is refused with line and column', async (text, message) => {
    await expect(read(text, '.csv', [two])).rejects.toThrow(message);
  });

  it('that is no UTF-8 is refused', async () => {
    await expect(read(Uint8Array.of(0xff, 0xfe, 49, 0), '.csv', [two])).rejects.toThrow(/UTF-16/);
    await expect(read(Uint8Array.of(49, 44, 0xe4, 10), '.csv', [two])).rejects.toThrow(/no UTF-8/);
  });

  it('without an end of its line is not held', async () => {
    const long = Buffer.alloc((1 << 26) + (1 << 21), '1,');
    await expect(read(long, '.csv', [two])).rejects.toThrow(/more than|without an end/);
  });
});

describe('JSON', () => {
  const nested = input('x', 'float64', 2, 2);
  it('in all its forms is read as written', async () => {
    const samples = fc.array(fc.tuple(fc.tuple(numbers, numbers), fc.tuple(numbers, numbers)), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(samples, fc.constantFrom(undefined, 2), fc.boolean(), async (values, indent, mark) => {
        const plain = values.flat(2).map((value) => value + 0);
        const start = mark ? '\ufeff' : '';
        const labelled = values.map((x, label) => ({ label, x, 'Ünï "code" {[,': '\\"]}' }));
        const forms: [string, string][] = [
          ['.json', start + JSON.stringify(values, undefined, indent)],
          ['.json', start + JSON.stringify(labelled, undefined, indent)],
          [
            '.json',
            start +
              JSON.stringify(
                { other: { x: [1] }, x: values, labels: values.map((_, index) => index) },
                undefined,
                indent,
              ),
          ],
          ['.jsonl', values.map((value) => JSON.stringify(value)).join('\n')],
          ['.ndjson', `${labelled.map((value) => JSON.stringify(value)).join('\r\n\r\n')}\n`],
        ];
        for (const [ending, text] of forms) {
          const data = await open(text, ending, [nested]);
          expect(await valuesOf(data, 'x', 3)).toEqual(plain);
          if (data.labelled) expect(await labelsOf(data)).toEqual(values.map((_, index) => index));
        }
      }),
      { numRuns: 50 },
    );
  });

  it.each<[string, string, RegExp]>([
    ['.json', '[[[1,2],[3,4]],[[1,2],[3]]]', /sample 1: it\[1\] has 1 elements; those before have 2/],
    ['.json', '[[[1,2],[3,4]],[[1,2],[3,"4"]]]', /sample 1: it\[1\]\[1\] is the text '4', not a number/],
    ['.json', '[[[1,2],[3,null]]]', /null|no list/],
    ['.json', '[[1,2,3,4]]', /has shape \[1, 4\].*\n.*reshape/],
    ['.json', '[[[1,2],[3,4]]', /cut off/],
    ['.json', '[[[1,2],[3,4]]]]', /a bracket closes that is not open/],
    ['.json', '[[[1,2],[3,04]]]', /no JSON value/],
    ['.json', '[[[1,2],[3,4]],]', /an element is missing/],
    ['.json', '{"x":[[[1,2],[3,4]]],"x":[]}', /the name 'x' is there twice/],
    ['.json', '{"y":[[[1,2],[3,4]]]}', /no list for input 'x'/],
    ['.json', '{"__proto__":[[[1,2],[3,4]]]}', /no list for input 'x'/],
    ['.json', '[]', /holds no samples/],
    ['.json', ' ', /holds no samples/],
    ['.json', '12', /neither a list nor an object/],
    ['.json', '['.repeat(100_000), /nested more than 64 deep/],
    ['.jsonl', '{"x":[[1,2],[3,4]]}\n{"x":[[1,2],[3,4]],"x":0}', /line 2: a sample has 'x' twice/],
    ['.jsonl', '{"x":[[1,2],[3,4]]}\n{"__proto__":{"x":[[1,2],[3,4]]}}', /line 2: a sample has no 'x'/],
    ['.jsonl', '[[1,2],[3,4]]\n[[1,2],[3,1e999]]', /line 2.*too large for a number/],
    ['.jsonl', '[[1,2],[3,4]]\nnonsense', /line 2: nonsense is no JSON value/],
  ])('%s %s is refused', async (ending, text, message) => {
    await expect(read(text, ending, [nested])).rejects.toThrow(message);
  });

  it('has columns in the order in which they are written, whole numbers for names too', async () => {
    const four = input('x', 'float32', 4);
    expect(await valuesOf(await open('[{"3":1,"2":2,"1":3,"0":4}]', '.json', [four]), 'x')).toEqual([1, 2, 3, 4]);
    const mixed = '{"f":9,"0":1,"label":0,"1":2,"2":3}';
    expect(await valuesOf(await open(`${mixed}\n${mixed}`, '.jsonl', [four]), 'x')).toEqual([9, 1, 2, 3, 9, 1, 2, 3]);
  });

  it.each(['label', 'labels', 'class', 'y', 'Label'])('has labels named %s', async (name) => {
    const records = await open(`{"x":[1,2],"${name}":3}\n`, '.jsonl', [two]);
    expect(await labelsOf(records)).toEqual([3]);
    const lists = await open(`{"x":[[1,2]],"${name}":[3]}`, '.json', [two]);
    expect(await labelsOf(lists)).toEqual([3]);
    const table = await open(`a,b,${name}\n1,2,3\n`, '.csv', [two]);
    expect(await labelsOf(table)).toEqual([3]);
  });

  it('has whole numbers that are exact, or none', async () => {
    const whole = input('x', 'int64', 1);
    await expect(read('[[9007199254740993]]', '.json', [whole])).rejects.toThrow(/beyond 2\^53/);
    await expect(read('[[1.5]]', '.json', [whole])).rejects.toThrow(/it\[0\] is 1.5; the input takes whole numbers/);
  });
});

describe('files without a name that tells their format', () => {
  it.each<[string, string]>([
    ['a,b\n1,2\n3,4\n', 'csv'],
    ['[[1,2],[3,4]]', 'json'],
    ['[1,2]\n[3,4]\n', 'jsonl'],
    ['{"x":[[1,2],[3,4]]}', 'json'],
    ['{"x":[1,2]}\n{"x":[3,4]}', 'jsonl'],
  ])('%j are known by how they begin', async (text) => {
    const data = await open(text, '', [two]);
    expect(await valuesOf(data, 'x')).toEqual([1, 2, 3, 4]);
  });

  it('are read as they are said to be', async () => {
    const data = await open('{"x":[1,2]}\n', '', [two], { format: 'jsonl' });
    expect(await valuesOf(data, 'x')).toEqual([1, 2]);
  });
});

describe('text and binary files that are damaged', () => {
  it('are read or refused, whatever is changed in them', async () => {
    const files: [string, Buffer][] = [
      ['.csv', Buffer.from('a,b,label\n"1",2.5,x\r\n3e2,-4,"y, ""z"""\n')],
      ['.json', Buffer.from('{"x": [[1, 2.5], [3e2, -4]], "labels": ["a", "b"]}')],
      ['.jsonl', Buffer.from('{"x": [1, 2.5], "label": 0}\n{"x": [3e2, -4], "label": 1}\n')],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async ([ending, bytes], edits) => {
          const copy = Uint8Array.from(bytes);
          for (const [at, value] of edits) copy[at % copy.length] = value;
          await read(copy, ending, [two]).catch((error: unknown) =>
            expect(error).toMatchObject({ name: 'SwancError' }),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});

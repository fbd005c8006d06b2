import { at, defined } from '../../support/assert.js';
import { invalid, type SwancError } from '../../support/errors.js';
import { areNamed, type Labels, type Part, type RowArray } from '../array.js';
import type { ByteSource } from '../bytes.js';
import { dataEndings, isLabelName } from '../names.js';
import { spanOf } from '../tables/chunked-array.js';
import { ClassNames } from '../tables/class-names.js';
import { assignColumns } from '../tables/columns.js';
import { type TextType, textType } from '../text/cells.js';
import { type JsonSpan, outlineJson } from '../text/json-outline.js';
import { type JsonRecord, type JsonRecords, recordsOfLines, recordsOfList } from '../text/json-records.js';
import { outermostKeys, repeatedKey } from '../text/json-scan.js';
import { flattenInto, shapeOf } from '../text/json-values.js';
import { textStart } from '../text/record-index.js';
import { type TextNumbers, textArray, textNumbers } from '../text/text-array.js';
import { type Format, labelInput, type OpenContext } from './format.js';

/**
 * A list of samples, or an object with a list for each input by its name. A sample is a nested list (models of one input) or
 * an object with one for each input, and its `label`.
 */
export const json: Format = {
  name: 'json',
  extensions: dataEndings.json,
  matches: (head) => [0x5b, 0x7b].includes(firstOf(head) ?? 0),
  open: (source, where, context) => openJson(source, where, context, false),
};

/** A sample in each line, as those of {@link json}. */
export const jsonLines: Format = {
  name: 'jsonl',
  extensions: dataEndings.jsonl,
  // Told from JSON by what follows the first value: see `openJson`.
  matches: () => false,
  open: (source, where, context) => openJson(source, where, context, true),
};

function firstOf(head: Uint8Array): number | undefined {
  return head.find((byte) => ![0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf].includes(byte));
}

async function openJson(source: ByteSource, where: string, context: OpenContext, lines: boolean): Promise<Part> {
  const start = await textStart(source, where);
  if (lines) return partOfRecords(await recordsOfLines(source, where, start), source, where, context);
  const { values, opens, members } = await outlineJson(source, where, start, 2);
  const [first, second] = values;
  if (first === undefined) throw invalid('SWC3109', where, 'holds no samples');
  if (second !== undefined) return partOfRecords(await recordsOfLines(source, where, start), source, where, context);
  if (opens === '[') return partOfRecords(await recordsOfList(source, where, first), source, where, context);
  if (opens !== '{') throw invalid('SWC3102', where, 'is neither a list nor an object');
  return partOfMembers(members, source, where, context);
}

/** An object with a list for each input. */
async function partOfMembers(
  members: ReadonlyMap<string, JsonSpan>,
  source: ByteSource,
  where: string,
  context: OpenContext,
): Promise<Part> {
  const own = context.forLabels ? [] : context.inputs.map(({ name }) => name);
  const missing = own.filter((name) => !members.has(name));
  if (missing.length > 0) {
    const names = missing.map((name) => `'${name}'`).join(', ');
    const has = [...members.keys()].slice(0, 20).join(', ') || 'none';
    throw invalid(
      'SWC3103',
      where,
      `has no list for input ${names}`,
      `it has ${has}; write {"${missing[0]}": [sample, …], …}`,
    );
  }
  const column = async (name: string): Promise<Column> => {
    const span = defined(members.get(name), name);
    const [opens] = await source.read(span.start, 1);
    if (opens !== 0x5b) throw invalid('SWC3102', where, `'${name}' is no list of samples`);
    const records = await recordsOfList(source, `${where}, '${name}'`, span);
    return { records, where: `${where}, '${name}'`, pick: ({ value }) => value };
  };
  const arrays = new Map<string, RowArray>();
  for (const input of context.inputs) {
    if (own.includes(input.name)) {
      arrays.set(input.name, await arrayOf(await column(input.name), textType(input.type), context));
    }
  }
  const labelName = [...members.keys()].find((name) => isLabelName(name) && !own.includes(name));
  if (labelName === undefined && context.forLabels) throw noLabels(where);
  const labels = labelName === undefined ? undefined : await labelsOf(await column(labelName), context);
  return partWith(arrays, labels, source, where, context);
}

/** Records that are samples. */
async function partOfRecords(
  records: JsonRecords,
  source: ByteSource,
  where: string,
  context: OpenContext,
): Promise<Part> {
  const [first] = records.chunks.length === 0 ? [] : await records.read(0);
  if (first === undefined) throw invalid('SWC3109', where, 'holds no samples');
  const { inputs, forLabels } = context;
  const isObject = typeof first.value === 'object' && first.value !== null && !Array.isArray(first.value);
  if (!isObject) {
    const [input, ...others] = inputs;
    if (forLabels)
      return partWith(
        new Map(),
        await labelsOf({ records, where, pick: ({ value }) => value }, context),
        source,
        where,
        context,
      );
    if (input === undefined || others.length > 0) {
      const names = inputs.map(({ name }) => `"${name}": …`).join(', ');
      throw invalid(
        'SWC3103',
        where,
        `has one list a sample, the model has ${inputs.length} inputs`,
        `write {${names}} for each sample`,
      );
    }
    const array = await arrayOf({ records, where, pick: ({ value }) => value }, textType(input.type), context);
    return partWith(new Map([[input.name, array]]), undefined, source, where, context);
  }
  const names = [...new Set(outermostKeys(first.text))];
  const missing = forLabels ? [] : inputs.filter(({ name }) => !names.includes(name));
  if (missing.length > 0 && Object.values(Object(first.value)).every((value) => typeof value !== 'object')) {
    return partOfTable(names, records, source, where, context);
  }
  if (missing.length > 0) {
    const wanted = missing.map(({ name }) => `'${name}'`).join(', ');
    throw invalid(
      'SWC3103',
      where,
      `sample 0 has nothing for input ${wanted}`,
      `it has ${names.slice(0, 20).join(', ') || 'nothing'}`,
    );
  }
  const column = (name: string): Column => ({
    records,
    where: `${where}, '${name}'`,
    pick: (record) => memberOf(record, name, where),
  });
  const arrays = new Map<string, RowArray>();
  if (!forLabels) {
    for (const { name, type } of inputs) arrays.set(name, await arrayOf(column(name), textType(type), context));
  }
  const labelName = names.find((name) => isLabelName(name) && !arrays.has(name));
  if (labelName === undefined && forLabels) throw noLabels(where);
  const labels = labelName === undefined ? undefined : await labelsOf(column(labelName), context);
  return partWith(arrays, labels, source, where, context);
}

/** Records that are rows of a table: a number for each of its columns, by name. */
async function partOfTable(
  names: readonly string[],
  records: JsonRecords,
  source: ByteSource,
  where: string,
  context: OpenContext,
): Promise<Part> {
  const { inputs, labels, notes } = assignColumns(
    names.map((name) => ({ name, dims: [] })),
    context,
    where,
  );
  const pickAll = (own: readonly string[]) => (record: JsonRecord) => own.map((name) => memberOf(record, name, where));
  const arrays = new Map<string, RowArray>();
  for (const { name, type } of context.inputs) {
    const own = inputs.get(name);
    if (own === undefined) continue;
    const pick = pickAll(own.columns.map((index) => at(names, index)));
    arrays.set(name, reshapedArray(await arrayOf({ records, where, pick }, textType(type), context), own.dims));
  }
  const column = labels === undefined ? undefined : at(names, labels);
  const pick = (record: JsonRecord): unknown => memberOf(record, column ?? '', where);
  const found =
    column === undefined ? undefined : await labelsOf({ records, where: `${where}, '${column}'`, pick }, context);
  return { ...partWith(arrays, found, source, where, context), notes };
}

/** The same elements in rows of another shape. */
function reshapedArray(array: RowArray, inner: readonly number[]): RowArray {
  const { type, dims, locate } = array;
  const rows = async (start: number, count: number) => (await array.rows(start, count)).reshaped([count, ...inner]);
  return { type, dims: [dims[0] ?? 0, ...inner], rows, ...(locate && { locate: locate.bind(array) }) };
}

function noLabels(where: string): SwancError {
  return invalid('SWC3105', where, "has no 'labels'", 'write a list of class numbers, or {"labels": [ … ]}');
}

function partWith(
  arrays: Map<string, RowArray>,
  labels: Labels | undefined,
  source: ByteSource,
  where: string,
  { forLabels }: OpenContext,
): Part {
  if (forLabels && labels !== undefined && !areNamed(labels)) arrays.set(labelInput.name, labels);
  const count =
    [...arrays.values()][0]?.dims[0] ?? (labels === undefined ? 0 : areNamed(labels) ? labels.rows.length : 0);
  return { where, count, arrays, labels, notes: [], release: () => source.release() };
}

/** Values of records that make up one array. */
interface Column {
  readonly records: JsonRecords;
  readonly where: string;
  pick(record: JsonRecord): unknown;
}

function memberOf({ value, text, line }: JsonRecord, name: string, where: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
    throw invalid('SWC3102', where, `line ${line}: a sample has no '${name}'`);
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw invalid('SWC3102', where, `line ${line}: a sample has '${twice.slice(0, 40)}' twice`);
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

async function arrayOf({ records, where, pick }: Column, type: TextType, { cache }: OpenContext): Promise<RowArray> {
  const { chunks } = records;
  const [first] = chunks.length === 0 ? [] : await records.read(0);
  const dims = first === undefined ? [] : shapeOf(pick(first));
  if (dims === undefined) throw invalid('SWC3102', where, `line ${first?.line ?? 1}: sample 0 is no list of numbers`);
  const cached = cache.scope<TextNumbers>(({ byteLength }) => byteLength);
  const load = (chunk: number): Promise<TextNumbers> =>
    cached(chunk, async () => {
      const values: (number | bigint)[] = [];
      for (const [index, record] of (await records.read(chunk)).entries()) {
        const wrong = flattenInto(values, pick(record), dims, type);
        if (wrong === undefined) continue;
        throw invalid('SWC3104', where, `line ${record.line}: sample ${(chunks[chunk]?.first ?? 0) + index}: ${wrong}`);
      }
      return textNumbers(type, values);
    });
  return textArray(
    type,
    dims,
    chunks,
    load,
    (row) => `sample ${row} (line ${chunks[spanOf(chunks, row)]?.line ?? 1} or later)`,
  );
}

/** Numbers where the first label is one; else names, which are all read now. */
async function labelsOf(column: Column, context: OpenContext): Promise<Labels> {
  const { records, where, pick } = column;
  const [first] = records.chunks.length === 0 ? [] : await records.read(0);
  if (first === undefined || typeof pick(first) !== 'string') return arrayOf(column, 'float64', context);
  const names = new ClassNames(where);
  const last = records.chunks.at(-1);
  const rows = new Uint32Array(last === undefined ? 0 : last.first + last.count);
  for (const [index, { first: start }] of records.chunks.entries()) {
    for (const [row, record] of (await records.read(index)).entries()) {
      const name = pick(record);
      if (typeof name !== 'string')
        throw invalid('SWC3104', where, `line ${record.line}: a label is no text, as those before are`);
      rows[start + row] = names.numberOf(name);
    }
  }
  return names.labels(rows);
}

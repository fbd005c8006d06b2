import type { SchemaTree } from 'hyparquet';
import { sizeOf } from '../../ir/types.js';
import { at } from '../../support/assert.js';
import { invalid } from '../../support/errors.js';
import { areNamed, type Labels, type RowArray } from '../array.js';
import type { DecodedCache } from '../decoded-cache.js';
import { dataEndings } from '../names.js';
import { ClassNames } from '../tables/class-names.js';
import { assignColumns, type Column } from '../tables/columns.js';
import { ParquetFile } from '../tables/parquet-file.js';
import { type TextType, textType } from '../text/cells.js';
import { flattenInto, shapeOf } from '../text/json-values.js';
import { emptyNumbers, type TextNumbers, textArray } from '../text/text-array.js';
import { beginsWith, type Format, labelInput } from './format.js';

/** Tables of columns: a number, or a nested list of numbers, in every row. */
export const parquet: Format = {
  name: 'parquet',
  extensions: dataEndings.parquet,
  matches: (head) => beginsWith(head, [0x50, 0x41, 0x52, 0x31]),
  async open(source, where, context) {
    const file = await ParquetFile.open(source, where);
    if (file.count === 0) throw invalid('SWC3109', where, 'holds no samples');
    const described: Column[] = [];
    for (const column of file.columns) described.push({ name: column.element.name, dims: await dimsOf(file, column) });
    const { inputs, labels, notes } = assignColumns(described, context, where);
    const table = new Table(file, where, context.cache);
    const arrays = new Map<string, RowArray>();
    for (const { name, type } of context.inputs) {
      const own = inputs.get(name);
      const columns = own?.columns.map((index) => ({ tree: at(file.columns, index), dims: at(described, index).dims }));
      for (const { tree } of columns ?? []) file.refuseTimes(tree);
      if (own !== undefined && columns !== undefined) arrays.set(name, table.array(columns, textType(type), own.dims));
    }
    const found = labels === undefined ? undefined : await table.labels(at(file.columns, labels));
    if (context.forLabels && found !== undefined && !areNamed(found)) arrays.set(labelInput.name, found);
    return { where, count: file.count, arrays, labels: found, notes, release: () => source.release() };
  },
};

/** The shape of a column's values, by that in the first row where they are lists. */
async function dimsOf(file: ParquetFile, column: SchemaTree): Promise<readonly number[]> {
  if (column.children.length === 0 && column.element.repetition_type !== 'REPEATED') return [];
  return shapeOf(await firstOf(file, column)) ?? [];
}

async function firstOf(file: ParquetFile, column: SchemaTree): Promise<unknown> {
  let first: unknown;
  await file.read(column, { first: 0, count: 1 }, (value) => {
    first = value;
  });
  return first;
}

interface OwnColumn {
  readonly tree: SchemaTree;
  readonly dims: readonly number[];
}

class Table {
  readonly #file: ParquetFile;
  readonly #where: string;
  readonly #cache: DecodedCache;

  constructor(file: ParquetFile, where: string, cache: DecodedCache) {
    this.#file = file;
    this.#where = where;
    this.#cache = cache;
  }

  array(columns: readonly OwnColumn[], type: TextType, dims: readonly number[]): RowArray {
    const width = sizeOf(dims);
    const spans = this.#file.spans(width);
    const cached = this.#cache.scope<TextNumbers>(({ byteLength }) => byteLength);
    const load = (chunk: number): Promise<TextNumbers> =>
      cached(chunk, async () => {
        const span = at(spans, chunk);
        const result = emptyNumbers(type, span.count * width);
        let offset = 0;
        for (const { tree, dims: own } of columns) {
          const start = offset;
          await this.#file.read(tree, span, (value, row) => {
            const wrong = place(result, (row - span.first) * width + start, value, own, type);
            if (wrong !== undefined) throw this.#badValue(row, tree, wrong.replace(/^it(?= )/, 'the value'));
          });
          offset += sizeOf(own);
        }
        return result;
      });
    return textArray(type, dims, spans, load, (row, element) => {
      const owner = columns.find((_, index) => element < widthOf(columns.slice(0, index + 1)));
      return `row ${row}, column '${owner?.tree.element.name ?? ''}'`;
    });
  }

  /** Numbers where the first label is one; else names, which are all read now. */
  async labels(tree: SchemaTree): Promise<Labels> {
    const first = await firstOf(this.#file, tree);
    if (typeof first !== 'string') return this.array([{ tree, dims: [] }], 'float64', []);
    const names = new ClassNames(this.#where);
    const rows = new Uint32Array(this.#file.count);
    for (const span of this.#file.spans(1)) {
      await this.#file.read(tree, span, (name, row) => {
        if (typeof name !== 'string') throw this.#badValue(row, tree, 'a label is missing');
        rows[row] = names.numberOf(name);
      });
    }
    return names.labels(rows);
  }

  #badValue(row: number, tree: SchemaTree, what: string) {
    return invalid('SWC3104', this.#where, `row ${row}, column '${tree.element.name}': ${what}`);
  }
}

function widthOf(columns: readonly OwnColumn[]): number {
  return columns.reduce((sum, { dims }) => sum + sizeOf(dims), 0);
}

/** Writes a value and what is in it; otherwise says in words what is wrong with it. */
function place(
  result: TextNumbers,
  start: number,
  value: unknown,
  dims: readonly number[],
  type: TextType,
): string | undefined {
  if (result instanceof Float64Array && dims.length === 0 && (typeof value === 'bigint' || Number.isFinite(value))) {
    result[start] = Number(value);
    return undefined;
  }
  const flat: (number | bigint)[] = [];
  const wrong = flattenInto(flat, value, dims, type);
  for (const [index, item] of flat.entries()) {
    if (result instanceof Float64Array) result[start + index] = Number(item);
    else result[start + index] = BigInt(item);
  }
  return wrong;
}

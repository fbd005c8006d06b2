import { type Shape, sizeOf } from '../../ir/types.js';
import { invalid, type SwancError } from '../../support/errors.js';
import type { OpenContext } from '../formats/format.js';
import { isLabelName } from '../names.js';
import type { InputSpec } from '../types.js';

/** A column of a table: one number in every row, or so many. */
export interface Column {
  /** Undefined in a table without names. */
  readonly name: string | undefined;
  readonly dims: readonly number[];
}

/** Which columns, by their positions, are the elements of which input, in order; and what they are the elements of. */
export interface Assignment {
  readonly inputs: ReadonlyMap<string, { readonly columns: readonly number[]; readonly dims: readonly number[] }>;
  readonly labels: number | undefined;
  readonly notes: readonly string[];
}

/**
 * Finds the columns of every input. Columns named as the input, or with its name and a running number behind it (`x_0`,
 * `x.0`, `x[0]`), are its elements; with one input, so are all columns but that of the labels, if there are as many as it
 * has elements. The labels are in the column `labels`, `label`, `class` or `y`.
 */
export function assignColumns(columns: readonly Column[], context: OpenContext, where: string): Assignment {
  const { inputs, forLabels } = context;
  refuseTwins(columns, where);
  if (forLabels) return { inputs: new Map(), labels: labelsAlone(columns, where), notes: [] };
  const named = new Map(inputs.map((input) => [input.name, columnsNamed(columns, input, where)] as const));
  const taken = new Set([...named.values()].flat());
  const labels = columns.findIndex(({ name }, index) => !taken.has(index) && isLabelName(name));
  const rest = columns.map((_, index) => index).filter((index) => !taken.has(index) && index !== labels);
  const [input] = inputs;
  if (input !== undefined && inputs.length === 1 && taken.size === 0)
    return takeAll(columns, input, labels, rest, where);
  const missing = inputs.filter(({ name }) => named.get(name)?.length === 0);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `'${name}'`).join(', ');
    const advice = `name them as the inputs, such as ${missing[0]?.name}_0, ${missing[0]?.name}_1; it has ${shown(columns)}`;
    throw invalid('SWC3103', where, `has no columns for input ${names}`, advice);
  }
  const found = inputs.map((own) => [own.name, elementsOf(columns, named.get(own.name) ?? [], own, where)] as const);
  const ignored = rest.map((index) => `'${columns[index]?.name ?? index + 1}'`);
  const notes =
    ignored.length === 0
      ? []
      : [`${where}: columns that are of no input were not read: ${ignored.slice(0, 10).join(', ')}`];
  return { inputs: new Map(found), labels: labels < 0 ? undefined : labels, notes };
}

function takeAll(
  columns: readonly Column[],
  input: InputSpec,
  labels: number,
  rest: readonly number[],
  where: string,
): Assignment {
  // A column of an index that pandas wrote has no name, or one made up for it.
  const first = columns[rest[0] ?? 0]?.name;
  const isIndexed = first === '' || first === 'Unnamed: 0' || first === '__index_level_0__';
  const advice = isIndexed ? 'the first column has no name: leave an index out with to_csv(index=False)' : undefined;
  const elements = elementsOf(columns, rest, input, where, advice);
  return { inputs: new Map([[input.name, elements]]), labels: labels < 0 ? undefined : labels, notes: [] };
}

/** Whether a column of labels says, by its name, which files they are of. */
export function isFileName(name: string): boolean {
  return ['file', 'filename', 'file_name', 'image', 'path'].includes(name.trim().toLowerCase());
}

function labelsAlone(columns: readonly Column[], where: string): number {
  if (columns.length === 1) return 0;
  const index = columns.findIndex(({ name }) => isLabelName(name));
  if (index >= 0) return index;
  throw invalid(
    'SWC3105',
    where,
    `has ${columns.length} columns and none of them is named 'label'`,
    `it has ${shown(columns)}`,
  );
}

function refuseTwins(columns: readonly Column[], where: string): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (name === undefined || name === '') continue;
    if (seen.has(name)) throw invalid('SWC3102', where, `has two columns of the name '${name}'`);
    seen.add(name);
  }
}

/** The columns of an input by name; with running numbers, these must be there one after the other. */
function columnsNamed(columns: readonly Column[], { name }: InputSpec, where: string): number[] {
  const exact = columns.findIndex((column) => column.name === name);
  if (exact >= 0) return [exact];
  const numbered = columns.flatMap((column, index) => {
    const tail = column.name?.startsWith(name) ? column.name.slice(name.length) : '';
    const digits = /^(?:[_.](\d{1,9})|\[(\d{1,9})\])$/.exec(tail);
    return digits === null ? [] : [{ index, number: Number(digits[1] ?? digits[2]) }];
  });
  const start = numbered[0]?.number ?? 0;
  for (const [position, { index, number }] of numbered.entries()) {
    if (start <= 1 && number === start + position) continue;
    const what = `column '${columns[index]?.name}' is out of order: ${start + position} was expected`;
    throw invalid('SWC3103', where, what, 'number the columns of an input from 0 on, in order');
  }
  return numbered.map(({ index }) => index);
}

function elementsOf(
  columns: readonly Column[],
  indices: readonly number[],
  input: InputSpec,
  where: string,
  advice?: string,
): { readonly columns: readonly number[]; readonly dims: readonly number[] } {
  const wanted = input.shape.slice(1);
  const [only] = indices;
  const own = indices.length === 1 && only !== undefined ? (columns[only]?.dims ?? []) : [];
  // Nested lists have a shape of their own, which is checked as that of an array is.
  if (own.length > 0 && (own.length > 1 || wanted.length === 1)) return { columns: indices, dims: own };
  const count = indices.reduce((sum, index) => sum + sizeOf(columns[index]?.dims ?? []), 0);
  const dims = dimsFor(wanted, count);
  if (dims !== undefined) return { columns: indices, dims };
  const needed = wanted.every((dim) => typeof dim === 'number')
    ? `${sizeOf(wanted)}`
    : `a multiple for [${wanted.join(', ')}]`;
  const hint =
    columns[0]?.name === undefined ? 'a column of labels needs the name "label", in a first line of names' : undefined;
  throw mismatch(
    where,
    `has ${count} numbers in a row for input '${input.name}', which takes ${needed}`,
    advice ?? hint,
  );
}

function mismatch(where: string, what: string, advice?: string): SwancError {
  return invalid('SWC3103', where, what, advice);
}

/** The shape of a sample of so many elements, where the input leaves at most one size open. */
function dimsFor(wanted: Shape, count: number): number[] | undefined {
  const known = sizeOf(wanted.filter((dim) => typeof dim === 'number'));
  const open = wanted.filter((dim) => typeof dim === 'string').length;
  if (open > 1 || (open === 0 ? known !== count : known === 0 || count % known !== 0 || count === 0)) return undefined;
  return wanted.map((dim) => (typeof dim === 'number' ? dim : count / known));
}

function shown(columns: readonly Column[]): string {
  const names = columns.slice(0, 20).map(({ name }, index) => name ?? `column ${index + 1}`);
  return `${names.join(', ')}${columns.length > 20 ? ', …' : ''}`;
}

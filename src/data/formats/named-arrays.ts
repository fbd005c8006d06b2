import { invalid } from '../../support/errors.js';
import type { Part, RowArray } from '../array.js';
import type { ByteSource } from '../bytes.js';
import type { InputSpec } from '../types.js';
import type { OpenContext } from './format.js';

/** Arrays of a file that has names for them; they are opened when they are wanted, so that others may be anything. */
export interface NamedArrays {
  readonly names: readonly string[];
  open(name: string): Promise<RowArray>;
  /** How to write a file with arrays of these names. */
  advice(names: readonly string[]): string;
}

/**
 * Gives every input the array of its name, and takes the labels from `labels` or `y`. With one input and one array nothing
 * can be confused, so any name will do.
 */
export async function partOfNamed(
  source: ByteSource,
  where: string,
  { inputs, forLabels }: OpenContext,
  file: NamedArrays,
): Promise<Part> {
  const isInput = (name: string): boolean => inputs.some((input) => input.name === name);
  const labels = forLabels ? undefined : await openLabels(file, isInput);
  const others = file.names.filter((name) => name !== labels?.name && !isInput(name));
  const nameOf = (input: InputSpec): string => {
    const only = inputs.length === 1 && others.length === 1 && !file.names.includes(input.name) ? others[0] : undefined;
    return only ?? input.name;
  };
  const missing = inputs.filter((input) => !file.names.includes(nameOf(input)));
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `'${name}'`).join(', ');
    const has = `it has ${file.names.slice(0, 20).join(', ') || 'none'}`;
    const what = forLabels ? "has no array 'labels'" : `has no array for input ${names}`;
    throw invalid('SWC3103', where, what, `${has}; ${file.advice(inputs.map(({ name }) => name))}`);
  }
  const arrays = new Map<string, RowArray>();
  for (const input of inputs) arrays.set(input.name, await file.open(nameOf(input)));
  const count = [...arrays.values()][0]?.dims[0] ?? 0;
  return { where, count, arrays, labels: labels?.array, notes: [], release: () => source.release() };
}

/**
 * The array named `labels`; without it `y`, if that is one whole number a sample and not all there is. Other arrays of
 * that name (one-hot labels, targets of a regression) are no labels.
 */
async function openLabels(
  file: NamedArrays,
  isInput: (name: string) => boolean,
): Promise<{ readonly name: string; readonly array: RowArray } | undefined> {
  const names = file.names.filter((name) => !isInput(name));
  if (names.includes('labels')) return { name: 'labels', array: await file.open('labels') };
  const y = names.includes('y') && names.length > 1 ? await file.open('y') : undefined;
  const isColumn = y !== undefined && y.dims.length > 0 && y.dims.slice(1).every((dim) => dim === 1);
  return isColumn && !y.type.startsWith('float') && y.type !== 'bool' ? { name: 'y', array: y } : undefined;
}

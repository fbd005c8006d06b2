import { sizeOf } from '../../ir/types.js';
import type { TextType } from './cells.js';

/** The shape of nested lists of numbers, by their first elements; undefined for what is no list and no number. */
export function shapeOf(value: unknown): number[] | undefined {
  const dims: number[] = [];
  let inner = value;
  while (Array.isArray(inner)) {
    dims.push(inner.length);
    inner = inner[0];
  }
  return isScalar(inner) || dims.at(-1) === 0 ? dims : undefined;
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}

/** Appends the elements of nested lists, which must have this shape; otherwise says in words what is wrong. */
export function flattenInto(
  values: (number | bigint)[],
  value: unknown,
  dims: readonly number[],
  type: TextType,
): string | undefined {
  const flatten = (item: unknown, axis: number, at: string): string | undefined => {
    const size = dims[axis];
    if (size === undefined) return appendScalar(values, item, type, at);
    if (!Array.isArray(item)) return wrongKind(item, `a list of ${size}`, at);
    if (item.length !== size) return `${at} has ${item.length} elements; those before have ${size}`;
    for (const [index, inner] of item.entries()) {
      const found = flatten(inner, axis + 1, `${at}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const before = values.length;
  const found = flatten(value, 0, 'it');
  if (found === undefined && values.length - before !== sizeOf(dims)) return 'it has another shape than those before';
  return found;
}

function appendScalar(values: (number | bigint)[], item: unknown, type: TextType, at: string): string | undefined {
  if (typeof item === 'bigint') return appendWhole(values, item, type, at);
  if (typeof item === 'boolean') values.push(type === 'float64' ? Number(item) : BigInt(item));
  else if (typeof item !== 'number') return wrongKind(item, 'a number', at);
  else if (Number.isNaN(item)) return `${at} is NaN`;
  else if (!Number.isFinite(item)) return `${at} is infinite, or too large for a number`;
  else if (type === 'float64') values.push(item);
  else if (!Number.isInteger(item)) return `${at} is ${item}; the input takes whole numbers`;
  else if (!Number.isSafeInteger(item)) return `${at} is ${item}: whole numbers beyond 2^53 are not exact in JSON`;
  else return appendWhole(values, BigInt(item), type, at);
  return undefined;
}

function appendWhole(values: (number | bigint)[], item: bigint, type: TextType, at: string): string | undefined {
  if (type === 'uint64' && item < 0n) return `${at} is ${item}; the input takes no negative numbers`;
  if (type === 'int64' && BigInt.asIntN(64, item) !== item) return `${at} is ${item}, which int64 cannot hold`;
  values.push(type === 'float64' ? Number(item) : item);
  return undefined;
}

function wrongKind(item: unknown, wanted: string, at: string): string {
  if (item instanceof Date) return `${at} is a date, not ${wanted}: save it as a number, such as of days`;
  return `${at} is ${nameOf(item)}, not ${wanted}`;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'string') return `the text '${value.slice(0, 40)}'`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

import { type ElementType, elementTypeNames, elementTypes } from './types.js';

/** What printer and parser of the text form share: words, names and numbers. */

const elementTypesByText: ReadonlyMap<string, ElementType> = new Map(
  elementTypeNames.map((type) => [elementTypes[type].text, type]),
);

/** Types that the official syntax has and the IR has not. As names of values they must be quoted like the others. */
const foreignTypes: ReadonlySet<string> = new Set([
  ...['string', 'complex64', 'complex128', 'bfloat16', 'seq', 'map', 'optional', 'sparse_tensor', 'opaque'],
  ...['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'float8e8m0', 'float4e2m1'],
  ...['int4', 'uint4', 'int2', 'uint2'],
]);

export function elementTypeOfText(word: string): ElementType | undefined {
  return elementTypesByText.get(word);
}

/** True for a word that opens a type, known to the IR or not. */
export function isTypeWord(word: string): boolean {
  return elementTypesByText.has(word) || foreignTypes.has(word);
}

/** Float literals that are spelled as words; case does not matter. */
const wordNumbers: ReadonlyMap<string, number> = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['nan', Number.NaN],
]);

export function wordNumber(word: string): number | undefined {
  return wordNumbers.get(word.toLowerCase());
}

export const identifierPattern = /[A-Za-z_][A-Za-z0-9_]*/y;

export function isPlainName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !isTypeWord(name) && wordNumber(name) === undefined;
}

/** In quotes a backslash makes the next character literal; there are no escapes such as `\n`. */
export function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/**
 * A decimal of six digits, or as many more as it takes to read back as the same float32. It always has a point or an
 * exponent, or is a word: that is what tells a float from an integer.
 */
export function formatFloat32(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return formatFloat64(value);
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return formatFloat64(rounded);
  }
  return formatFloat64(Number(value.toPrecision(9)));
}

export function formatFloat64(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

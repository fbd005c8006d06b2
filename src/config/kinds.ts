import { resolve } from 'node:path';
import { type Kind, ValueError } from './kind.js';
import { textOr } from './text-or.js';

/** Kinds of values that options of several subjects have. */

/** A whole number from 1. */
export const count: Kind<number> = numeric('A whole number from 1', { integer: true, min: 1 }, wholeNumberOf);

/** A whole number from 0. */
export const wholeNumber: Kind<number> = numeric('A whole number from 0', { integer: true, min: 0 }, wholeNumberOf);

/** A number above 0. */
export const positiveNumber: Kind<number> = numeric('A number above 0', { above: 0 }, finiteNumberOf);

/** A part of something: `0.5%` or `0.005`. */
export const fraction: Kind<number> = numeric('A number from 0, such as 0.5% or 0.005,', { min: 0 }, partOf);

/** As {@link fraction}, for what is meant in points: half a point is `0.5%` or `0.005`, and `0.5` would be fifty. */
export const points: Kind<number> = numeric(fraction.expected, { min: 0, max: 0.05 }, (text) => {
  const value = partOf(text);
  if (value > mostPlain && !text.endsWith('%')) {
    throw new ValueError(`That would be ${100 * value} points: write ${text}% or ${100 * value}%.`);
  }
  return value;
});

/** Parts of more than five points are taken for a forgotten percent sign. */
const mostPlain = 0.05;

/** A number of bytes: `65536`, `256K`, `1.5M`, `2G`; K is 1024 bytes. */
export const byteSize: Kind<number> = numeric(
  'A number of bytes, such as 65536, 256K or 1.5M,',
  { integer: true, min: 1 },
  (text) => {
    const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([KMG]?)i?B?$/i.exec(text.trim()) ?? [];
    return Math.floor(Number(digits) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit.toUpperCase()));
  },
);

/** `low,high`: two finite numbers, the lower first. */
export const numberRange: Kind<readonly [number, number]> = (() => {
  const expected = 'Two numbers, the lower first, such as 0,1,';
  const parse = (text: string): readonly [number, number] => {
    const [low = Number.NaN, high = Number.NaN, ...others] = text.split(',').map(finiteNumberOf);
    if (others.length > 0 || !(low <= high)) throw new ValueError(`${expected} are expected.`);
    return [low, high];
  };
  return {
    expected,
    parse,
    print: ([low, high]) => `${numberText(low)},${numberText(high)}`,
    schema: (z) => textOr(z, z.tuple([z.number(), z.number()]), { expected: `${expected} are`, parse }),
  };
})();

/** On or off. As an option of a command line it takes no value. */
export const flag: Kind<boolean> = (() => {
  const expected = 'true or false';
  return {
    expected,
    parse: (text) => {
      if (['', 'true', '1'].includes(text)) return true;
      if (['false', '0'].includes(text)) return false;
      throw new ValueError(`${expected} is expected.`);
    },
    print: String,
    schema: (z) => z.boolean({ error: `${expected} is expected.` }),
  };
})();

/** One of a few names. */
export function choice<T extends string>(names: readonly [T, ...T[]] | readonly T[]): Kind<T> {
  const expected = `One of ${names.join(', ')}`;
  return {
    expected,
    parse: (text) => {
      const found = names.find((name) => name === text);
      if (found === undefined) throw new ValueError(`Allowed choices are ${names.join(', ')}.`);
      return found;
    },
    print: String,
    schema: (z) => z.enum(names, { error: `${expected} is expected.` }),
    choices: names,
  };
}

/** `a,b,c`, without repetitions. `names` are offered and published; whether others are wrong is found out later. */
export function nameList(names: readonly string[]): Kind<readonly string[]> {
  const expected = 'Names separated by commas';
  const parse = (text: string): readonly string[] => {
    const given = text.split(',').map((name) => name.trim());
    if (given.includes('')) throw new ValueError(`${expected} are expected.`);
    return [...new Set(given)];
  };
  return {
    expected,
    parse,
    print: (value) => value.join(','),
    schema: (z) => {
      const known = z.string().meta({ examples: [...names] });
      return textOr(z, z.array(known).min(1, abort), {
        expected: `A list of names, of ${names.join(', ')}, is`,
        parse,
      });
    },
    choices: names,
  };
}

/** A path. */
export function path(files: 'file' | 'folder'): Kind<string> {
  const expected = files === 'file' ? 'The path of a file' : 'The path of a folder';
  return {
    expected,
    parse: (text) => requirePath(text, expected),
    print: String,
    schema: (z) => z.string({ error: `${expected} is expected.` }).min(1, { error: `${expected} is expected.` }),
    files,
    relocate: (value, folder) => resolve(folder, value),
  };
}

/** The value or `false`, which the text `false` says, and on a command line `--no-…`. */
export function orFalse<T>(kind: Kind<T>): Kind<T | false> {
  const { relocate, parse, print, schema, expected, files } = kind;
  return {
    expected: `${expected}, or false,`,
    parse: (text) => (text === 'false' ? false : parse(text)),
    print: (value) => (value === false ? 'false' : print(value)),
    schema: (z) => z.union([z.literal(false), schema(z)], { error: `${expected}, or false, is expected.` }),
    ...(files && { files }),
    ...(relocate && { relocate: (value, folder) => (value === false ? value : relocate(value, folder)) }),
  };
}

/** Throws for what is no path. A null character ends paths early in system calls. */
export function requirePath(text: string, expected: string): string {
  if (text === '' || text.includes('\0')) throw new ValueError(`${expected} is expected.`);
  return text;
}

/** Else a value of the right type that is out of bounds counts as taken, with the words of zod. */
const abort = { abort: true };

interface Bounds {
  readonly integer?: true;
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}

/** A kind of numbers: `parse` may give any number for what is none of the kind; these are refused by the bounds. */
function numeric(expected: string, bounds: Bounds, parseNumber: (text: string) => number): Kind<number> {
  const { integer = false, min = Number.NEGATIVE_INFINITY, above = Number.NEGATIVE_INFINITY } = bounds;
  const parse = (text: string): number => {
    const value = parseNumber(text);
    const isOne = value >= min && value > above && value < Number.POSITIVE_INFINITY;
    if (!isOne || (integer && !Number.isSafeInteger(value))) throw new ValueError(`${expected} is expected.`);
    return value;
  };
  return {
    expected,
    parse,
    print: (value) => textFor(value, parse),
    schema: (z) => {
      let typed = integer ? z.int() : z.number();
      if (bounds.min !== undefined) typed = typed.min(bounds.min, abort);
      if (bounds.max !== undefined) typed = typed.max(bounds.max, abort);
      if (bounds.above !== undefined) typed = typed.gt(bounds.above, abort);
      return textOr(z, typed, { expected: `${expected} is`, parse });
    },
  };
}

/** The first way to write the value that reads back as it: plain, or as so many digits of a percentage as that takes. */
function textFor(value: number, parse: (text: string) => number): string {
  const percentages = Array.from({ length: 17 }, (_, digits) => `${Number((100 * value).toPrecision(digits + 1))}%`);
  const readsBack = (text: string): boolean => {
    try {
      return parse(text) === value;
    } catch (error) {
      if (error instanceof ValueError) return false;
      throw error;
    }
  };
  return [numberText(value), ...percentages].find(readsBack) ?? numberText(value);
}

/** As `String`, but for -0, of which that takes the sign. */
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** NaN for what is no finite number. */
function finiteNumberOf(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** NaN for what is not digits alone. */
function wholeNumberOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function partOf(text: string): number {
  const isPercent = text.endsWith('%');
  return finiteNumberOf(isPercent ? text.slice(0, -1) : text) / (isPercent ? 100 : 1);
}

import { resolve } from 'node:path';
import { splitNamedPath } from '../support/named-path.js';
import { type Kind, ValueError } from './kind.js';
import { requirePath } from './kinds.js';
import { textOr } from './text-or.js';

/** Kinds of values that only options of calibration data have. */

/** Paths of data: `-` is standard input, `name=path` has the data of one input. */
export const dataPaths: Kind<string | readonly string[]> = (() => {
  const expected = 'The path of samples';
  const listOf = (value: string | readonly string[]): readonly string[] =>
    typeof value === 'string' ? [value] : value;
  return {
    expected,
    parse: (text) => requirePath(text, expected),
    print: (value) => listOf(value).join(','),
    schema: (z) => {
      const error = `${expected} is expected.`;
      const path = z.string({ error }).min(1, { error });
      return z.union([path, z.array(path).min(1, { error })], { error });
    },
    files: 'file',
    join: (before, next) => [...listOf(before), ...listOf(next)],
    relocate: (value, folder) => {
      return typeof value === 'string' ? relocated(value, folder) : value.map((path) => relocated(path, folder));
    },
  };
})();

/** The path is what stands behind the name of an input; standard input is where it is. */
function relocated(text: string, folder: string): string {
  const { input, path } = splitNamedPath(text, { from: folder });
  const own = path === '-' ? path : resolve(folder, path);
  return input === undefined ? own : `${input}=${own}`;
}

/** A factor: a number, or a part such as `1/255`. */
export const factor: Kind<number> = (() => {
  const expected = 'A number other than 0, such as 1/255,';
  const parse = (text: string): number => {
    const [top = Number.NaN, bottom = 1, ...others] = text.split('/').map(numberOf);
    const value = top / bottom;
    if (others.length > 0 || !Number.isFinite(value) || value === 0) throw new ValueError(`${expected} is expected.`);
    return value;
  };
  return {
    expected,
    parse,
    print: String,
    schema: (z) => textOr(z, z.number(), { expected: `${expected} is`, parse }),
  };
})();

/** One number, or one for each channel: `0.485,0.456,0.406`. */
export const perChannel: Kind<readonly number[]> = (() => {
  const expected = 'A number, or one for each channel such as 0.485,0.456,0.406,';
  const parse = (text: string): readonly number[] => {
    const values = text.split(',').map(numberOf);
    if (![1, 3, 4].includes(values.length) || !values.every(Number.isFinite)) {
      throw new ValueError(`${expected} is expected.`);
    }
    return values;
  };
  return {
    expected,
    parse,
    print: (value) => value.join(','),
    schema: (z) => textOr(z, z.union([z.number(), z.array(z.number())]), { expected: `${expected} is`, parse }),
  };
})();

/** Height and width: `224x224`. */
export const imageSize: Kind<readonly [number, number]> = (() => {
  const expected = 'A height and a width, such as 224x224,';
  const parse = (text: string): readonly [number, number] => {
    const [, height, width] = /^([1-9]\d{0,4})[x,]([1-9]\d{0,4})$/.exec(text) ?? [];
    if (height === undefined || width === undefined) throw new ValueError(`${expected} is expected.`);
    return [Number(height), Number(width)];
  };
  return {
    expected,
    parse,
    print: ([height, width]) => `${height}x${width}`,
    schema: (z) => textOr(z, z.tuple([z.int().min(1), z.int().min(1)]), { expected: `${expected} is`, parse }),
  };
})();

/** 1, 3 or 4 channels. */
export const channels: Kind<1 | 3 | 4> = (() => {
  const expected = 'One of 1, 3, 4';
  const parse = (text: string): 1 | 3 | 4 => {
    const found = ([1, 3, 4] as const).find((count) => String(count) === text);
    if (found === undefined) throw new ValueError(`Allowed choices are 1, 3, 4.`);
    return found;
  };
  return {
    expected,
    parse,
    print: String,
    schema: (z) =>
      textOr(z, z.union([z.literal(1), z.literal(3), z.literal(4)]), { expected: `${expected} is`, parse }),
    choices: ['1', '3', '4'],
  };
})();

function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

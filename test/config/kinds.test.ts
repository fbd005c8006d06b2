import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { precisions } from '../../src/compiler/options.js';
import { type Kind, ValueError } from '../../src/config/kind.js';
import * as kinds from '../../src/config/kinds.js';
import { precision } from '../../src/config/precision.js';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const percents = fc.integer({ min: 0, max: 10 ** 6 }).map((value) => Number(`${value}e-4`) / 100);
const name = fc.stringMatching(/^[a-z][\w.-]{0,9}$/);

/** A kind with values of it. */
function having<T>(name: string, kind: Kind<T>, values: fc.Arbitrary<T>): { name: string; roundTrip: () => void } {
  return {
    name,
    roundTrip: () => {
      fc.assert(
        fc.property(values, (value) => {
          const text = kind.print(value);
          expect(kind.parse(text)).toStrictEqual(value);
          const schema = kind.schema(z);
          expect(schema.safeParse(text === 'true' || text === 'false' ? value : textForm(value, text))).toMatchObject({
            success: true,
            data: value,
          });
        }),
        { numRuns: 500 },
      );
    },
  };
}

/** Values whose text is not one of a config file are given as they are. */
function textForm(value: unknown, text: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text;
}

describe('kinds of values', () => {
  it.each([
    having('counts', kinds.count, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    having('whole numbers', kinds.wholeNumber, fc.maxSafeNat()),
    having(
      'positive numbers',
      kinds.positiveNumber,
      finite.filter((value) => value > 0),
    ),
    having('fractions', kinds.fraction, fc.oneof(finite.filter((value) => value >= 0).map(plusZero), percents)),
    having('points', kinds.points, fc.oneof(fc.double({ min: 0, max: 0.05, noNaN: true }).map(plusZero), percents)),
    having('sizes', kinds.byteSize, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    having(
      'ranges',
      kinds.numberRange,
      fc.tuple(finite, finite).map(([a, b]): readonly [number, number] => (a <= b ? [a, b] : [b, a])),
    ),
    having('switches', kinds.flag, fc.boolean()),
    having('choices', kinds.choice(['a', 'b']), fc.constantFrom('a', 'b')),
    having('lists of names', kinds.nameList(['a']), fc.uniqueArray(name, { minLength: 1, maxLength: 4 })),
    having(
      'paths',
      kinds.path('file'),
      fc.string({ minLength: 1 }).filter((text) => !text.includes('\0')),
    ),
    having('paths or false', kinds.orFalse(kinds.path('file')), fc.oneof(fc.constant<false>(false), name)),
    having(
      'precisions',
      precision,
      fc.oneof(
        fc.constantFrom(...precisions),
        fc.dictionary(name, fc.constantFrom(...precisions), { minKeys: 1, noNullPrototype: true }),
      ),
    ),
  ])('read what they print: $name', ({ roundTrip }) => roundTrip());

  it.each<{ kind: Kind<unknown>; text: string; value: unknown }>([
    { kind: kinds.fraction, text: '0.5%', value: 0.005 },
    { kind: kinds.points, text: '0.5%', value: 0.005 },
    { kind: kinds.points, text: '50%', value: 0.5 },
    { kind: kinds.points, text: ' 0.05', value: 0.05 },
    { kind: kinds.byteSize, text: '256K', value: 2 ** 18 },
    { kind: kinds.byteSize, text: '1.5 M'.replace(' ', ''), value: 1.5 * 2 ** 20 },
    { kind: kinds.byteSize, text: '2GiB', value: 2 ** 31 },
    { kind: kinds.numberRange, text: '-1, 1e3', value: [-1, 1000] },
    { kind: kinds.nameList([]), text: 'cpu, webgpu,cpu', value: ['cpu', 'webgpu'] },
    { kind: precision, text: 'webgpu=fp16, edge=int8', value: { webgpu: 'fp16', edge: 'int8' } },
  ])('$text is $value', ({ kind, text, value }) => expect(kind.parse(text)).toEqual(value));

  it.each<{ kind: Kind<unknown>; text: string; says: RegExp }>([
    ...['', '0', '-1', '1.5', '1e3', '0x10', '9007199254740993', ' 1', 'NaN'].map((text) => {
      return { kind: kinds.count, text, says: /A whole number from 1 is expected/ };
    }),
    { kind: kinds.points, text: '0.5', says: /That would be 50 points: write 0\.5% or 50%/ },
    ...['', '%', '-1%', 'Infinity', 'NaN', 'x'].map((text) => ({ kind: kinds.fraction, text, says: /from 0/ })),
    ...['', '12X', '0', '0.1', 'K', '-1', '1e99', `${'9'.repeat(400)}G`].map((text) => {
      return { kind: kinds.byteSize, text, says: /A number of bytes/ };
    }),
    ...['1', '1,0', '0,', ',1', '0,1,2', '0,Infinity', 'a,b'].map((text) => {
      return { kind: kinds.numberRange, text, says: /the lower first/ };
    }),
    ...['cpu,', '', ',', ' '].map((text) => ({ kind: kinds.nameList([]), text, says: /separated by commas/ })),
    ...['', 'a\0b'].map((text) => ({ kind: kinds.path('file'), text, says: /path of a file/ })),
    { kind: kinds.choice(['a']), text: 'toString', says: /Allowed choices are a/ },
    { kind: kinds.flag, text: 'yes', says: /true or false/ },
    { kind: precision, text: 'fp8', says: /Allowed choices are fp32/ },
    { kind: precision, text: 'cpu=', says: /Allowed choices are fp32/ },
    { kind: precision, text: '=fp16', says: /Pairs/ },
    { kind: precision, text: 'cpu=fp16=fp16', says: /Pairs/ },
    { kind: precision, text: 'cpu=fp16,cpu=fp32', says: /cpu is given twice/ },
  ])('refuse $text', ({ kind, text, says }) => {
    expect(() => kind.parse(text)).toThrow(ValueError);
    expect(() => kind.parse(text)).toThrow(says);
  });
});

/** Without the sign of zero, which numbers from 0 do not keep apart. */
function plusZero(value: number): number {
  return value === 0 ? 0 : value;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halfToNumber, numberToHalf } from '../../src/support/float16.js';

describe('float16', () => {
  it('knows the values of the standard', () => {
    const known: [number, number][] = [
      [0x0000, 0],
      [0x8000, -0],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
      [0x3555, 0.333251953125],
    ];
    for (const [bits, value] of known) {
      expect(halfToNumber(bits)).toBe(value);
      expect(numberToHalf(value)).toBe(bits);
    }
    expect(halfToNumber(0x7e00)).toBeNaN();
    expect(halfToNumber(numberToHalf(Number.NaN))).toBeNaN();
  });

  it('brings every bit pattern back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfToNumber(bits);
      if (!Number.isNaN(value)) expect(numberToHalf(value)).toBe(bits);
    }
  });

  it('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.double({ min: -65519, max: 65519, noNaN: true }), (value) => {
        const bits = numberToHalf(value);
        const error = Math.abs(halfToNumber(bits) - value);
        for (const near of [bits - 1, bits + 1]) {
          if ((near & 0x7c00) === 0x7c00 || near < 0 || near > 0xffff) continue;
          const other = Math.abs(halfToNumber(near) - value);
          expect(error < other || (error === other && bits % 2 === 0)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
    expect(numberToHalf(65519)).toBe(0x7bff);
    expect(numberToHalf(65520)).toBe(0x7c00);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, cutStart, displayWidth, padEnd, unbroken, wrapText } from '../../src/report/layout.js';
import { printable } from '../../src/report/text.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom('a', ' ', '層', '\u0301', '👩‍👩‍👧', '\u001b[31m', '\n', '\u202e', '\ud800', '한'),
  }),
);

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['conv1', 5],
    ['層', 2],
    ['한글', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['ｶ', 1],
    ['Ｗ', 2],
    ['\u001b[31mred\u001b[39m', 3],
    ['→ µs − …', 8],
  ])('of %j is %i', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('cut', () => {
  it('keeps the start or the end, in no more cells than there are', () => {
    expect(cut('convolution', 5)).toBe('conv…');
    expect(cut('層層層', 4)).toBe('層…');
    expect(cutStart('a/long/path.onnx', 8)).toBe('…th.onnx');
    fc.assert(
      fc.property(anyText, fc.nat(30), (text, width) => {
        const own = printable(text);
        expect(displayWidth(cut(own, width))).toBeLessThanOrEqual(width);
        expect(displayWidth(cutStart(own, width))).toBeLessThanOrEqual(width);
        expect(displayWidth(padEnd(cut(own, width), width))).toBe(width);
      }),
    );
  });
});

describe('wrapText', () => {
  it('breaks between words, and long words where they must', () => {
    expect(wrapText('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrapText('one two three', 11, 2)).toEqual(['one two', '  three']);
    expect(wrapText('abcdefghijkl m', 10, 2)).toEqual(['abcdefghij', '  kl m']);
    expect(wrapText(`a ${unbroken('b c')} d`, 8)).toEqual(['a b c d']);
    expect(wrapText(`aaaaaa ${unbroken('b c')}`, 8)).toEqual(['aaaaaa', 'b c']);
    expect(wrapText(unbroken('aaaaaa bbbbbb'), 8)).toEqual(['aaaaaa', 'bbbbbb']);
  });

  it('loses nothing and makes no line too wide', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 8, max: 40 }), fc.nat(6), (text, width, indent) => {
        const own = printable(text);
        const lines = wrapText(own, width, indent);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
        const letters = (value: string): string => value.replaceAll(/[ \u00a0]/g, '');
        expect(letters(lines.join(''))).toBe(letters(own));
      }),
    );
  });
});

describe('printable', () => {
  it('leaves nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be gone
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Cs}/u);
      }),
    );
    expect(printable('a\u001b]0;title\u0007b\nc')).toBe('ab�c');
    expect(printable(`e${'\u0301'.repeat(50)}`)).toHaveLength(5);
    expect(printable('a'.repeat(10_000_000)).length).toBeLessThan(5000);
    expect(printable('層 é 👩‍👩‍👧')).toBe('層 é 👩‍👩‍👧');
  });
});

import { stripVTControlCharacters } from 'node:util';

/** Text in the cells of a terminal: how wide it is, cut and wrapped to a width. */

/**
 * Blocks of characters that take two cells, of East_Asian_Width W and F (Unicode Standard Annex #11), as first and last code
 * point. What lies between them and is narrow in truth is counted too wide, which makes a line shorter, never too long.
 */
const wideBlocks: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Cells that a line takes. Escape sequences of colours take none. */
export function displayWidth(text: string): number {
  const shown = stripVTControlCharacters(text);
  // Nearly all text is, and is asked for often.
  if (/^[ -~]*$/.test(shown)) return shown.length;
  let width = 0;
  for (const { segment } of segmenter.segment(shown)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  // The characters of nearly all names.
  if (code < 0x300) return 1;
  if (/^[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]+$/u.test(grapheme)) return 0;
  if (/\p{Emoji_Presentation}|\ufe0f/u.test(grapheme)) return 2;
  return wideBlocks.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** Text without colours of at most `width` cells; of longer text the start and an ellipsis. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  return `${startOf(text, width - 1)}${width > 0 ? '…' : ''}`;
}

/** As {@link cut}, but the end is kept: the end of a path tells most. */
export function cutStart(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const graphemes = [...segmenter.segment(text)].map(({ segment }) => segment);
  let kept = '';
  let room = width - 1;
  for (const grapheme of graphemes.toReversed()) {
    room -= graphemeWidth(grapheme);
    if (room < 0) break;
    kept = `${grapheme}${kept}`;
  }
  return `${width > 0 ? '…' : ''}${kept}`;
}

/** As much of the start of a text as `width` cells hold. */
function startOf(text: string, width: number): string {
  let start = '';
  let room = width;
  for (const { segment } of segmenter.segment(text)) {
    room -= graphemeWidth(segment);
    if (room < 0) break;
    start += segment;
  }
  return start;
}

export function padEnd(text: string, width: number): string {
  return `${text}${' '.repeat(Math.max(0, width - displayWidth(text)))}`;
}

export function padStart(text: string, width: number): string {
  return `${' '.repeat(Math.max(0, width - displayWidth(text)))}${text}`;
}

const hardSpace = '\u00a0';

/** A least width to lay text out in: in narrower terminals lines break wherever the terminal breaks them. */
const narrowest = 8;

/**
 * Text in lines of at most `width` cells, broken between words, and in words that are longer. Lines after the first begin
 * with `indent` spaces. Words may be coloured where they fit a line each.
 */
export function wrapText(text: string, width: number, indent = 0): string[] {
  const room = Math.max(narrowest, width);
  const margin = ' '.repeat(Math.min(indent, room - narrowest));
  const lines: string[] = [];
  let line = '';
  let isEmpty = true;
  const words = text.split(' ');
  // What is to stay together and does not fit on any line is broken all the same.
  for (const word of words.flatMap((own) =>
    displayWidth(own) > room - margin.length ? own.split(hardSpace) : [own],
  )) {
    let rest = word;
    if (!isEmpty && displayWidth(line) + 1 + displayWidth(rest) <= room) {
      line += ` ${rest}`;
      continue;
    }
    if (!isEmpty) {
      lines.push(line);
      line = margin;
    }
    while (displayWidth(line) + displayWidth(rest) > room) {
      // At least one character, however wide, so that there is an end.
      const start = startOf(rest, room - displayWidth(line)) || rest.slice(0, 1);
      lines.push(`${line}${start}`);
      rest = rest.slice(start.length);
      line = margin;
    }
    line += rest;
    isEmpty = false;
  }
  return [...lines, line].map((own) => own.replaceAll(hardSpace, ' '));
}

/** Text that {@link wrapText} keeps on one line, such as a number and its unit. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', hardSpace);
}

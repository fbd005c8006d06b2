import { stripVTControlCharacters } from 'node:util';

/**
 * Text from a model or a file name, made safe to print: names in a model may hold anything, and a terminal obeys control
 * characters. Marks of direction, which would turn other words around, and heaps of accents go as well, and of what no
 * one reads only the start stays.
 */
export function printable(text: string): string {
  return (
    stripVTControlCharacters(text.length > longest ? `${text.slice(0, longest)}…` : text)
      .replace(hidden, '�')
      // More than a few stand above and below the line that they belong to.
      .replace(/(\p{M}{4})\p{M}+/gu, '$1')
  );
}

const longest = 4096;

/** Characters that are not seen, or that make others look otherwise. */
export const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  /[\p{Cs}\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

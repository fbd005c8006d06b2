import { stripVTControlCharacters } from 'node:util';

/**
 * Text from a model or a file name, made safe to print: names in a model may hold anything, and a terminal obeys control
 * characters.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '�');
}

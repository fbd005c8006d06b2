import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version of the installed package, from the nearest package.json above this file. */
export function swancVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const text = readOptional(join(folder, 'package.json'));
    const found = text === undefined ? undefined : /"version":\s*"([^"]+)"/.exec(text)?.[1];
    if (found !== undefined) return found;
    if (folder === dirname(folder)) throw new Error('internal error: no package.json above the installed files');
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

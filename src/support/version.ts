import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version of the installed package. */
export function swancVersion(): string {
  return installed().version;
}

/** The folder of the installed package, the same whether it is built or not. */
export function packageFolder(): string {
  return installed().folder;
}

/** From the nearest package.json with a version above this file. */
function installed(): { readonly folder: string; readonly version: string } {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const text = readOptional(join(folder, 'package.json'));
    const version = text === undefined ? undefined : /"version":\s*"([^"]+)"/.exec(text)?.[1];
    if (version !== undefined) return { folder, version };
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

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface SourceFile {
  /** From the package's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out. */
  readonly code: string;
}

export interface Import {
  readonly from: string;
  /** A file of this package by its path, or the name of a package or Node module. */
  readonly to: string;
  readonly isLocal: boolean;
  /** Only types are imported: nothing of it is there at run time. */
  readonly isType: boolean;
  readonly isDynamic: boolean;
}

/** All TypeScript files under folders of the package. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => {
        const absolute = join(entry.parentPath, entry.name);
        const text = readFileSync(absolute, 'utf8');
        return { path: relative(root, absolute).split('\\').join('/'), text, code: withoutComments(text) };
      }),
  );
}

/** Strings are kept; a comment begins where no string is open. */
function withoutComments(text: string): string {
  return text.replace(
    /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*/g,
    (_, literal?: string) => literal ?? ' ',
  );
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s*'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;

/** Everything that a file imports or re-exports. */
export function importsOf({ path, code }: SourceFile): Import[] {
  return [...code.matchAll(importPattern)].map((match) => {
    const [, typeKeyword, names = '', named, bare, dynamic] = match;
    const specifier = named ?? bare ?? dynamic ?? '';
    const isLocal = specifier.startsWith('.');
    const to = isLocal ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts') : packageOf(specifier);
    const isType = typeKeyword !== undefined || (named !== undefined && onlyTypes(names));
    return { from: path, to, isLocal, isType, isDynamic: dynamic !== undefined };
  });
}

/** `{ type A, type B }` */
function onlyTypes(names: string): boolean {
  const list = /^\{([^}]*)\}$/.exec(names.trim())?.[1];
  if (list === undefined) return false;
  const entries = list.split(',').map((name) => name.trim());
  return entries.every((name) => name === '' || name.startsWith('type '));
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

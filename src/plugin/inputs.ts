import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { CompileOptions } from '../compiler/options.js';
import { optionRows } from '../config/index.js';
import { modelFiles } from '../frontends/model-files.js';
import { splitNamedPath } from '../support/named-path.js';
import { swancVersion } from '../support/version.js';
import { walkFiles } from '../support/walk-files.js';
import type { FileDigests } from './file-digests.js';
import { modulesFrom } from './module-imports.js';

/** What the result of a compile depends on. */
export interface CompileInputs {
  /** Of the bytes of all files, the options, and the version of swanc: the same for the same result. */
  readonly key: string;
  /** Another one if a file was written in between, even with the same bytes. */
  readonly stamp: string;
  /** Every file that was read for it. An edit of one makes another key. */
  readonly files: readonly string[];
  /**
   * How long the key says all: always; in this process, where it rests on functions, of which no bytes can be told; or until
   * files change, where some of these are not known.
   */
  readonly lasts: 'always' | 'process' | 'build';
}

/** Raised when what is kept changes its form. */
const formatVersion = 2;

/** Hashes what a compile reads. What is not there gets a key, too: the compile says what is wrong. */
export async function inputsOf(options: CompileOptions, digests: FileDigests): Promise<CompileInputs> {
  const files = new Set<string>();
  const [hash, stamps] = [createHash('sha256'), createHash('sha256')];
  let [hasFunctions, isWhole] = [false, true];
  const add = (...parts: readonly unknown[]): void => {
    hash.update(`${JSON.stringify(parts)}\n`);
  };
  const addFile = async (path: string, ...names: readonly string[]): Promise<void> => {
    files.add(path);
    const { digest, stamp } = await digests.of(path);
    if (digest === null) isWhole = false;
    add(...names, digest);
    stamps.update(`${stamp}\n`);
  };
  add('swanc', swancVersion(), formatVersion);
  const parts = await modelFiles(options.model);
  const folder = dirname(parts[0] ?? options.model);
  for (const file of parts) await addFile(file, 'model', file.slice(folder.length));
  for (const { key, kind } of optionRows.toSorted((left, right) => (left.key < right.key ? -1 : 1))) {
    const value = options[key];
    if (value === undefined) continue;
    if (kind.files === undefined) {
      add(key, ordered(value));
      continue;
    }
    for (const entry of [value].flat()) {
      if (typeof entry === 'function') hasFunctions = true;
      if (typeof entry !== 'string') {
        add(key, typeof entry === 'function' ? entry.name : entry);
      } else if (key === 'plugins') {
        const modules = await modulesFrom(entry);
        if (!modules.areAll) isWhole = false;
        add(key, modules.files.length);
        for (const file of modules.files) await addFile(file, key);
      } else {
        const { input = '', path } = splitNamedPath(entry);
        const found = await filesAt(path);
        if (found === undefined) isWhole = false;
        // Names count: their endings are formats, and folders are classes.
        add(key, input, found?.length ?? null);
        for (const { path: file, name } of found ?? []) await addFile(file, name);
      }
    }
  }
  const lasts = isWhole ? (hasFunctions ? 'process' : 'always') : 'build';
  return { key: hash.digest('hex'), stamp: stamps.digest('hex'), files: [...files], lasts };
}

/** The file itself, or those in the folder and the folders in it, in order of their names; undefined if they cannot be told. */
async function filesAt(path: string): Promise<readonly { readonly path: string; readonly name: string }[] | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isDirectory()) return [{ path, name: basename(path) }];
  const files: { path: string; name: string }[] = [];
  try {
    for await (const found of walkFiles(path)) if (!found.isFolder) files.push(found);
  } catch {
    return undefined;
  }
  return files.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** Objects with their members in order: the same options have the same text. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return entries.map(([key, member]) => [key, ordered(member)]);
}

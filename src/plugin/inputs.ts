import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CompileOptions } from '../compiler/options.js';
import { optionRows } from '../config/index.js';
import { modelFiles } from '../frontends/model-files.js';
import { swancVersion } from '../support/version.js';
import { type FileDigests, filesAt } from './file-digests.js';

/** What the result of a compile depends on. */
export interface CompileInputs {
  /** Of the bytes of all files, the options, and the version of swanc: the same for the same result. */
  readonly key: string;
  /** Every file that was read for it. An edit of one makes another key. */
  readonly files: readonly string[];
  /** False where it rests on functions, of which no bytes can be told. */
  readonly isKeepable: boolean;
}

/** Raised when what is kept changes its form. */
const formatVersion = 1;

/** Hashes what a compile reads. What is not there gets a key, too: the compile says what is wrong. */
export async function inputsOf(options: CompileOptions, digests: FileDigests): Promise<CompileInputs> {
  const files = new Set<string>();
  const hash = createHash('sha256');
  const add = (...parts: readonly unknown[]): void => {
    hash.update(`${JSON.stringify(parts)}\n`);
  };
  add('swanc', swancVersion(), formatVersion);
  for (const file of await modelFiles(options.model)) {
    files.add(file);
    add('model', file.slice(dirname(options.model).length), await digests.ofFile(file));
  }
  let isKeepable = true;
  for (const { key, kind } of optionRows.toSorted((left, right) => (left.key < right.key ? -1 : 1))) {
    const value = options[key];
    if (value === undefined) continue;
    if (kind.files === undefined) {
      add(key, ordered(value));
      continue;
    }
    for (const entry of [value].flat()) {
      if (typeof entry === 'function') isKeepable = false;
      if (typeof entry !== 'string') {
        add(key, typeof entry === 'function' ? entry.name : entry);
        continue;
      }
      const { name, path } = namedPath(entry);
      const own = key === 'plugins' ? await modulesFrom(path) : await filesAt(path);
      for (const file of own) files.add(file);
      const hashed = key === 'plugins' ? own : [path];
      add(key, name, ...(await Promise.all(hashed.map((file) => digests.of(file)))));
    }
  }
  return { key: hash.digest('hex'), files: [...files], isKeepable };
}

/** Objects with their members in order: the same options have the same text. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return entries.map(([key, member]) => [key, ordered(member)]);
}

/** Data of one input of several have its name before the path: `x=data.npy`. */
function namedPath(text: string): { readonly name: string; readonly path: string } {
  const [, name = '', path = text] = /^([^=/\\]+)=(.+)$/s.exec(text) ?? [];
  return { name, path };
}

/** A module and those that it imports by relative paths, as far as their text says so. */
async function modulesFrom(path: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const pending = [path];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const [, specifier = ''] of text.matchAll(/\b(?:from|import|require)\s*\(?\s*['"](\.{1,2}\/[^'"\n]+)['"]/g)) {
      pending.push(resolve(dirname(file), specifier));
    }
  }
  return [...found];
}

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LoadedModel, LoadedPart } from '../formats/loader/loaded-model.js';
import { problem, SwancError } from '../support/errors.js';
import { fileErrorText } from '../support/file-errors.js';

/** What is told of a compiled model besides what loads it. */
export interface CompiledFacts {
  readonly loaded: LoadedModel;
  /** The form that was written. */
  readonly mode: string;
  readonly warnings: readonly string[];
}

/** A compiled model in the cache. */
export interface CachedModel extends CompiledFacts {
  /** Folder with the files of the target, named as in `loaded`. */
  readonly folder: string;
}

/** Compiles into a folder that is there and empty: the files of the target come to lie in it. */
export type CompileInto = (folder: string) => Promise<CompiledFacts>;

const partSchema = z.strictObject({ path: z.string(), bytes: z.int(), sha256: z.string() });
const valueSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  shape: z.array(z.union([z.number(), z.string()])),
});
const entrySchema = z.strictObject({
  key: z.string(),
  mode: z.string(),
  warnings: z.array(z.string()),
  loaded: z.strictObject({
    compiler: z.string(),
    target: z.string(),
    inputs: z.array(valueSchema),
    outputs: z.array(valueSchema),
    files: z.array(
      z.strictObject({
        precision: z.string(),
        devices: z.array(z.string()),
        feature: z.string().nullable(),
        graph: partSchema,
        data: partSchema.nullable(),
      }),
    ),
  }),
});

/** What an entry says of itself, beside the files of the model. */
const entryFile = 'entry.json';
/** Folders that are being written. */
const unfinished = /\.tmp$/;
const day = 24 * 3600 * 1000;

/**
 * Compiled models by the hash of all that they are made of, each in a folder that appears whole or not at all. Several
 * processes may share it: whoever is first is kept. What is damaged is made anew.
 */
export class CompileCache {
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #running = new Map<string, Promise<CachedModel>>();

  constructor(folder: string, mostBytes: number) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
  }

  /** The model of a key, compiled if it is not there: once, however often it is asked for meanwhile. */
  async get(key: string, compile: CompileInto): Promise<CachedModel> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const own = this.#find(key).then((found) => found ?? this.#make(key, compile));
    this.#running.set(key, own);
    try {
      return await own;
    } finally {
      this.#running.delete(key);
    }
  }

  /** The entry of a key if it is there and whole. */
  async #find(key: string): Promise<CachedModel | undefined> {
    const folder = join(this.#folder, key);
    const text = await readFile(join(folder, entryFile), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const facts = factsIn(text, key);
    const parts = facts?.loaded.files.flatMap(({ graph, data }) => (data === null ? [graph] : [graph, data])) ?? [];
    const intact = await Promise.all(parts.map((part) => isIntact(folder, part)));
    if (facts === undefined || intact.includes(false)) {
      await rm(folder, { recursive: true, force: true });
      return undefined;
    }
    const now = new Date();
    // That it was used is only told for the cleaning: a cache that cannot be written is read all the same.
    await utimes(join(folder, entryFile), now, now).catch(() => undefined);
    return { ...facts, folder };
  }

  async #make(key: string, compile: CompileInto): Promise<CachedModel> {
    const folder = join(this.#folder, key);
    const temporary = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
    await this.#attempt(temporary, () => mkdir(temporary, { recursive: true }));
    try {
      const facts = await compile(temporary);
      await this.#attempt(temporary, () => writeFile(join(temporary, entryFile), entryText(key, facts)));
      await this.#place(temporary, folder);
      await this.#clean(key);
      return { ...facts, folder };
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /** Where another process was faster, its files are as good: they have the same key. */
  async #place(temporary: string, folder: string): Promise<void> {
    try {
      await rename(temporary, folder);
    } catch (error) {
      const isThere = await stat(join(folder, entryFile)).catch(() => undefined);
      if (isThere === undefined) throw unwritable(folder, error);
    }
  }

  async #attempt(path: string, step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** Removes what was not used for longest while there is too much, and what processes that ended left unfinished. */
  async #clean(current: string): Promise<void> {
    const entries: { readonly path: string; readonly bytes: number; readonly used: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (unfinished.test(name)) {
        const { mtimeMs } = (await stat(path).catch(() => undefined)) ?? { mtimeMs: Date.now() };
        if (Date.now() - mtimeMs > day) await rm(path, { recursive: true, force: true });
      } else if (name !== current && /^[\da-f]{64}$/.test(name)) {
        const used = (await stat(join(path, entryFile)).catch(() => undefined))?.mtimeMs ?? 0;
        entries.push({ path, bytes: await bytesIn(path), used });
      }
    }
    let bytes = await bytesIn(join(this.#folder, current));
    for (const entry of entries.toSorted((left, right) => right.used - left.used)) {
      bytes += entry.bytes;
      if (bytes > this.#mostBytes) await rm(entry.path, { recursive: true, force: true });
    }
  }
}

function factsIn(text: string, key: string): CompiledFacts | undefined {
  try {
    const [checksum, json = ''] = text.split('\n');
    if (checksum !== sha256(json)) return undefined;
    const entry = entrySchema.parse(JSON.parse(json));
    if (entry.key !== key) return undefined;
    // The checksum says that it is what was written, and that was typed.
    return { loaded: entry.loaded as LoadedModel, mode: entry.mode, warnings: entry.warnings };
  } catch {
    return undefined;
  }
}

/** One line of JSON after its own hash: what is damaged is known by it. */
function entryText(key: string, { loaded, mode, warnings }: CompiledFacts): string {
  const json = JSON.stringify({ key, mode, warnings, loaded });
  return `${sha256(json)}\n${json}\n`;
}

async function isIntact(folder: string, part: LoadedPart): Promise<boolean> {
  const content = await readFile(join(folder, part.path)).catch(() => undefined);
  return content !== undefined && content.length === part.bytes && sha256(content) === part.sha256;
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const stats = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return stats.reduce((sum, found) => sum + (found?.size ?? 0), 0);
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function unwritable(path: string, error: unknown): SwancError {
  const advice = "name another folder by the plugin's option cacheFolder";
  return new SwancError('SWC2003', 'the cache cannot be written', [problem(path, fileErrorText(error), advice)], {
    cause: error,
  });
}

import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { CompileOptions } from '../compiler/options.js';
import type { Fields, LoadedConfig } from '../config/index.js';
import { problem, SwancError } from '../support/errors.js';
import { type CachedModel, CompileCache, type CompiledFacts } from './compile-cache.js';
import { compileModel } from './compile-model.js';
import { FileDigests } from './file-digests.js';
import { type CompileInputs, inputsOf } from './inputs.js';
import type { PluginOptions } from './options.js';
import type { ModelRequest } from './request.js';
import { checkPluginOptions, settingsOf } from './settings.js';

/** 1 GB */
const usualCacheBytes = 2 ** 30;

/** Tries to compile files that are written again and again. */
const mostRounds = 5;

/** The files of a model changed while it was compiled. */
class InputsChanged extends Error {}

/** The models of a project, each compiled when an import asks for it and nothing like it is in the cache. */
export class ModelBuilds {
  readonly #given: PluginOptions;
  readonly #digests = new FileDigests();
  readonly #caches = new Map<string, CompileCache>();
  readonly #process = randomUUID();
  readonly #compile: typeof compileModel;
  /** How often files may have changed. */
  #changes = 0;
  #options: Fields | undefined;
  #configs = new Map<string, Promise<LoadedConfig | undefined>>();
  /** The end of the compiles that were asked for: one at a time takes the memory of one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(given: PluginOptions, compile: typeof compileModel = compileModel) {
    this.#given = given;
    this.#compile = compile;
  }

  /** Says that files may have changed, the config file among them. */
  refresh(): void {
    this.#changes++;
    this.#configs = new Map();
  }

  /**
   * The compiled model of an import.
   * @param onFile is called once with every file that the result depends on, before what may fail.
   * @throws SwancError for options, models and data that cannot be used, and files that are written all the time.
   */
  async get(request: ModelRequest, root: string, onFile: (file: string) => void): Promise<CachedModel> {
    const watched = new Set<string>();
    const watch = (file: string): void => {
      if (!watched.has(file)) onFile(file);
      watched.add(file);
    };
    watch(request.path);
    this.#options ??= checkPluginOptions(this.#given);
    const config = await this.#config(root, watch);
    const { options, target } = settingsOf(request, this.#options, { root, config });
    for (let round = 0; round < mostRounds; round++) {
      const model = await this.#attempt(options, target, this.#cache(root), watch);
      if (model !== undefined) return model;
    }
    const advice = 'build again when they are whole';
    throw new SwancError('SWC2007', 'the import of a model cannot be used', [
      problem(request.path, `files that it is made of changed while it was compiled, ${mostRounds} times`, advice),
    ]);
  }

  /** The model as its files are now; undefined where they were written meanwhile: what was made of them then is not kept. */
  async #attempt(
    options: CompileOptions,
    target: string,
    cache: CompileCache,
    watch: (file: string) => void,
  ): Promise<CachedModel | undefined> {
    const inputsNow = async () => {
      const inputs = await inputsOf(options, this.#digests);
      for (const file of inputs.files) watch(file);
      return inputs;
    };
    const wanted = await inputsNow();
    const compile = async (folder: string): Promise<CompiledFacts> => {
      // Others may have taken minutes before it was its turn.
      const before = await inputsNow();
      if (before.key !== wanted.key) throw new InputsChanged();
      const outcome = await Promise.allSettled([this.#compile(options, target, folder)]);
      const after = await inputsNow();
      if (after.key !== before.key || after.stamp !== before.stamp) throw new InputsChanged();
      if (outcome[0].status === 'rejected') throw outcome[0].reason;
      return outcome[0].value;
    };
    try {
      return await cache.get(this.#keyOf(wanted), (folder) => this.#inTurn(() => compile(folder)));
    } catch (error) {
      if (error instanceof InputsChanged) return undefined;
      throw error;
    }
  }

  #keyOf({ key, lasts }: CompileInputs): string {
    if (lasts === 'always') return key;
    const own = lasts === 'process' ? this.#process : `${this.#process} ${this.#changes}`;
    return createHash('sha256').update(`${key} ${own}`).digest('hex');
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #config(root: string, watch: (file: string) => void): Promise<LoadedConfig | undefined> {
    const { config: given } = this.#given;
    if (given === false) return undefined;
    const place = given === undefined ? { folder: root } : { file: resolve(root, given) };
    if ('file' in place) watch(place.file);
    const key = JSON.stringify(place);
    const { findConfig, loadConfig } = await import('../config/index.js');
    if ('folder' in place) {
      const found = await findConfig(place.folder);
      if (found !== undefined) watch(found);
    }
    const loading = this.#configs.get(key) ?? loadConfig(place);
    this.#configs.set(key, loading);
    return loading;
  }

  #cache(root: string): CompileCache {
    const { cacheFolder, cacheBytes = usualCacheBytes } = this.#given;
    const folder =
      cacheFolder === undefined ? join(packageFolderOf(root), 'node_modules/.cache/swanc') : resolve(root, cacheFolder);
    const cache = this.#caches.get(folder) ?? new CompileCache(folder, cacheBytes);
    this.#caches.set(folder, cache);
    return cache;
  }
}

/** The nearest folder with a package.json, from `root` up; without any, `root`. */
function packageFolderOf(root: string): string {
  for (let folder = root; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return root;
  }
}

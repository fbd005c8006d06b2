import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Fields, LoadedConfig } from '../config/index.js';
import { type CachedModel, CompileCache } from './compile-cache.js';
import { compileModel } from './compile-model.js';
import { FileDigests } from './file-digests.js';
import { inputsOf } from './inputs.js';
import type { PluginOptions } from './options.js';
import type { ModelRequest } from './request.js';
import { checkPluginOptions, settingsOf } from './settings.js';

/** 1 GB */
const usualCacheBytes = 2 ** 30;

/** The models of a project, each compiled when an import asks for it and nothing like it is in the cache. */
export class ModelBuilds {
  readonly #given: PluginOptions;
  readonly #digests = new FileDigests();
  readonly #caches = new Map<string, CompileCache>();
  readonly #process = randomUUID();
  #options: Fields | undefined;
  #configs = new Map<string, Promise<LoadedConfig | undefined>>();
  /** The end of the compiles that were asked for: one at a time takes the memory of one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(given: PluginOptions) {
    this.#given = given;
  }

  /** Says that files may have changed, the config file among them. */
  refresh(): void {
    this.#configs = new Map();
  }

  /**
   * The compiled model of an import.
   * @param watch is called with every file that the result depends on, before what may fail.
   * @throws SwancError for options, models and data that cannot be used.
   */
  async get(request: ModelRequest, root: string, watch: (file: string) => void): Promise<CachedModel> {
    watch(request.path);
    this.#options ??= checkPluginOptions(this.#given);
    const config = await this.#config(root, watch);
    const { options, target } = settingsOf(request, this.#options, { root, config });
    const { key, files, isKeepable } = await inputsOf(options, this.#digests);
    for (const file of files) watch(file);
    const own = isKeepable ? key : createHash('sha256').update(`${key} ${this.#process}`).digest('hex');
    return this.#cache(root).get(own, (folder) => this.#inTurn(() => compileModel(options, target, folder)));
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

import type { Fields } from '../config/row.js';

/** Options of the plugin: those of a compile, for all imports that do not say otherwise, and its own. */
export interface PluginOptions extends Omit<Fields, 'out' | 'dumpIr'> {
  /** The config file; by default the swanc.config.* of the project. False reads none. */
  readonly config?: string | false | undefined;
  /** Where compiled models are kept; by default `node_modules/.cache/swanc` of the project. */
  readonly cacheFolder?: string | undefined;
  /** Most bytes of the cache, 1 GB by default: what was not used for longest goes. */
  readonly cacheBytes?: number | undefined;
  /** What the output runs on; by default what the bundler is set to. `node` runs models by onnxruntime-node. */
  readonly platform?: Platform | undefined;
  /**
   * `bundle`, the default: the output has onnxruntime-web with its .wasm files. `external` leaves the import as it is: for an
   * import map, or apps that always give `load` the option `ort`.
   */
  readonly onnxRuntime?: 'bundle' | 'external' | undefined;
  /** Writes exact types of the models that are imported: into `swanc-env.d.ts` of the project, or the file that is named. */
  readonly types?: boolean | string | undefined;
}

/** Where the built program runs. */
export type Platform = 'browser' | 'node';

/** What is the plugin's own among its options. */
export const ownOptions = ['config', 'cacheFolder', 'cacheBytes', 'platform', 'onnxRuntime', 'types'] as const;

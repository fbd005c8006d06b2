import type { CompileOptions } from '../compiler/options.js';
import type { Fields } from './row.js';

/** A value, or its text where that is natural: `'0.5%'`, `'256K'`, `'cpu,webgpu'`. Choices stay what they are. */
type OrText<T> = T extends number | readonly unknown[] ? T | string : T;

/** What a config file holds: options of `compile`, and the model that they are for. Relative paths start at the file. @useDeclaredType */
export type Config = {
  readonly [K in keyof Fields]?: OrText<Fields[K]>;
} & {
  /** Path of a model.json, of an .onnx file, or of a folder with one of them, for commands that are given none. */
  readonly model?: CompileOptions['model'] | undefined;
  /** The same as `targets`, as command lines and imports call it: one of the two. */
  readonly target?: OrText<Fields['targets']>;
};

/** What the default export of a config file may be. */
export type ConfigExport = Config | Promise<Config> | (() => Config | Promise<Config>);

/**
 * Gives the config back as it is: for the types, which editors complete and check by.
 *
 *     export default defineConfig({ model: 'model/model.json', targets: ['webgpu'], maxDrop: '0.5%' });
 */
export function defineConfig<const C extends ConfigExport>(config: C): C {
  return config;
}

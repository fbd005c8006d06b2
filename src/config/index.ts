/** Options as people write them: one table, and what reads them from texts and config files. */

export { nearest } from '../support/nearest.js';
export { type ConfigOptions, checkConfig } from './check.js';
export { type Config, type ConfigExport, defineConfig } from './define.js';
export { configNames, findConfig } from './find.js';
export { type LoadedConfig, loadConfig } from './load.js';
export { mergeOptions } from './merge.js';
export { type OptionTexts, parseOptions } from './parse-options.js';
export { relocate } from './relocate.js';
export type { Fields, OptionKey, OptionRow, OptionTable } from './row.js';
export { configJsonSchema, configSchema, optionsSchema } from './schema.js';
export { compileOptions, optionRows, targetNames } from './table.js';

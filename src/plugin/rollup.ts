import type { Plugin } from 'rollup';
import plugins from './index.js';
import type { PluginOptions } from './options.js';

export type { PluginOptions } from './options.js';

/** The plugin for Rollup. */
export default function swanc(options?: PluginOptions): Plugin {
  return plugins.rollup(options);
}

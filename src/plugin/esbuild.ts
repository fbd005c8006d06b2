import type { Plugin } from 'esbuild';
import plugins from './index.js';
import type { PluginOptions } from './options.js';

export type { PluginOptions } from './options.js';

/** The plugin for esbuild. */
export default function swanc(options?: PluginOptions): Plugin {
  return plugins.esbuild(options);
}

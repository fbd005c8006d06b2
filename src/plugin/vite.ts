import type { Plugin } from 'vite';
import plugins from './index.js';
import type { PluginOptions } from './options.js';

export type { PluginOptions } from './options.js';

/** The plugin for Vite. */
export default function swanc(options?: PluginOptions): Plugin {
  return plugins.vite(options);
}

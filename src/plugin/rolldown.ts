import type { Plugin } from 'rolldown';
import plugins from './index.js';
import type { PluginOptions } from './options.js';

export type { PluginOptions } from './options.js';

/** The plugin for Rolldown. */
export default function swanc(options?: PluginOptions): Plugin {
  return plugins.rolldown(options);
}

import type { RspackPluginInstance } from '@rspack/core';
import plugins from './index.js';
import type { PluginOptions } from './options.js';

export type { PluginOptions } from './options.js';

/** The plugin for Rspack. */
export default function swanc(options?: PluginOptions): RspackPluginInstance {
  return plugins.rspack(options);
}

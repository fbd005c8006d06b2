import type { WebpackPluginInstance } from 'webpack';
import plugins from './index.js';
import type { PluginOptions } from './options.js';

export type { PluginOptions } from './options.js';

/** The plugin for webpack. */
export default function swanc(options?: PluginOptions): WebpackPluginInstance {
  return plugins.webpack(options);
}

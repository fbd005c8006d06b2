/** The plugin for bundlers: `import model from './model.json?swanc&target=webgpu'` compiles the model as part of the build. */
import { createUnplugin, type UnpluginInstance } from 'unplugin';
import { factory } from './factory.js';
import type { PluginOptions } from './options.js';

export type { Platform, PluginOptions } from './options.js';

/** Has a plugin for each bundler: `swanc.vite(options)`. The paths `swanc/plugin/vite` and so on give one of them. */
const swanc: UnpluginInstance<PluginOptions | undefined, false> = createUnplugin(factory);
export default swanc;

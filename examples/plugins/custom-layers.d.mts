import type { Plugin } from '../../src/index.js';

declare const customLayers: Plugin;
export default customLayers;

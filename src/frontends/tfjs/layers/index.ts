import type { LayerDefinition } from '../layer.js';
import { activationLayers } from './activation-layers.js';
import { convolutionLayers } from './convolution.js';
import { coreLayers } from './core.js';
import { mergeLayers } from './merge.js';
import { normalizationLayers } from './normalization.js';
import { paddingLayers } from './padding.js';
import { poolingLayers } from './pooling.js';
import { resizeLayers } from './resize.js';
import { shapeLayers } from './shape.js';
import { swanLayers } from './swan.js';

/** Every layer class that can be imported; models and InputLayer are part of the topology itself. */
export const builtinLayers: readonly LayerDefinition[] = [
  ...activationLayers,
  ...convolutionLayers,
  ...coreLayers,
  ...mergeLayers,
  ...normalizationLayers,
  ...paddingLayers,
  ...poolingLayers,
  ...resizeLayers,
  ...shapeLayers,
  ...swanLayers,
];

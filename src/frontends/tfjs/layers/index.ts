import type { LayerDefinition } from '../layer.js';
import { activationLayers } from './activation-layers.js';
import { convolutionLayers } from './convolution.js';
import { coreLayers } from './core.js';
import { dotLayers } from './dot.js';
import { maskingLayers } from './masking.js';
import { mergeLayers } from './merge.js';
import { nlpLayers } from './nlp/index.js';
import { normalizationLayers } from './normalization.js';
import { paddingLayers } from './padding.js';
import { poolingLayers } from './pooling.js';
import { preprocessingLayers } from './preprocessing.js';
import { recurrentLayers } from './recurrent.js';
import { resizeLayers } from './resize.js';
import { shapeLayers } from './shape.js';
import { swanLayers } from './swan.js';
import { wrapperLayers } from './wrappers.js';

/** Every layer class that can be imported; models and InputLayer are part of the topology itself. */
export const builtinLayers: readonly LayerDefinition[] = [
  ...activationLayers,
  ...convolutionLayers,
  ...coreLayers,
  ...dotLayers,
  ...maskingLayers,
  ...mergeLayers,
  ...nlpLayers,
  ...normalizationLayers,
  ...paddingLayers,
  ...poolingLayers,
  ...preprocessingLayers,
  ...recurrentLayers,
  ...resizeLayers,
  ...shapeLayers,
  ...swanLayers,
  ...wrapperLayers,
];

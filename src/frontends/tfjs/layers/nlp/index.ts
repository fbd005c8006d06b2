import type { LayerDefinition } from '../../layer.js';
import { einsumLayers } from './einsum-dense.js';
import { attentionLayers } from './multi-head-attention.js';
import { embeddingLayers } from './position-embedding.js';
import { transformerLayers } from './transformer-decoder.js';

/** Layers of language models. */
export const nlpLayers: readonly LayerDefinition[] = [
  ...attentionLayers,
  ...einsumLayers,
  ...embeddingLayers,
  ...transformerLayers,
];

import type { KeptLayers } from './plan.js';
import type { Range } from './ranges.js';

/** What a graph is quantized by; it was found on calibration data. */
export interface Quantization {
  /** By the name of the value in the graph in floats. */
  readonly ranges: ReadonlyMap<string, Range>;
  readonly kept: KeptLayers;
}

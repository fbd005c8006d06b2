/**
 * @typedef {{ name: string, type: ElementType, shape: (number | string)[] }} Signature An input or output; open sizes are
 *   names
 * @typedef {{ path: string, bytes: number, sha256: string, url: () => URL }} Part A file beside the module
 * @typedef {{ precision: string, devices: string[], feature: string | null, graph: Part, data: Part | null }} ModelFile
 */
/** @import { ElementType } from './feeds.mjs' */

/**
 * What is known of the model.
 * @type {{ inputs: Signature[], outputs: Signature[], files: ModelFile[] }}
 */
export const model = {
  inputs: [{ name: 'x', type: 'float32', shape: [1, 4] }],
  outputs: [{ name: 'y', type: 'float32', shape: [1, 2] }],
  files: [],
};

/** @import { Runtime } from './model.mjs' */

/**
 * What the module takes from where it runs, in a browser. ONNX Runtime's build without WebGPU is half the size, and ran
 * convolutions on the processor twice as fast.
 */
export const surroundings = {
  /** @returns {Promise<unknown>} */
  wasm: () => import('onnxruntime-web/wasm').catch(() => import('onnxruntime-web/webgpu')),
  /** @returns {Promise<unknown>} */
  webgpu: () => import('onnxruntime-web/webgpu'),
  /** @type {(url: URL, options: { signal?: AbortSignal }) => Promise<Response>} */
  fetch: (url, options) => globalThis.fetch(url, options),
};

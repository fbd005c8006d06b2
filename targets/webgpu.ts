import type { Deployment } from '../src/formats/format.js';
import { onnx } from '../src/formats/onnx.js';
import { cpu } from './cpu.js';

/** ONNX Runtime's WebGPU execution provider in browsers, with WebAssembly where there is no device. */
export const webgpu = {
  ...cpu,
  name: 'webgpu',
  description: "ONNX Runtime's WebGPU provider in browsers: onnxruntime-web",
  provider: 'webgpu',
  batch: 'fixed',
  precisions: ['fp32'],
  formats: [onnx],
} satisfies Deployment;

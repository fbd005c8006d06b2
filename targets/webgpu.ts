import type { Deployment } from '../src/formats/format.js';
import { loader } from '../src/formats/loader.js';
import { onnx } from '../src/formats/onnx.js';
import { cpu } from './cpu.js';
import { channelsLast, hasKernel, placementOf } from './webgpu/kernels.js';

/**
 * ONNX Runtime's WebGPU execution provider in browsers, with WebAssembly where there is no device. The costs are estimates,
 * not measurements: `docs/planning.md` says what they rest on.
 */
export const webgpu = {
  ...cpu,
  name: 'webgpu',
  description: "ONNX Runtime's WebGPU provider in browsers: onnxruntime-web",
  provider: 'webgpu',
  batch: 'fixed',
  precisions: ['fp32', 'fp16'],
  placement: placementOf,
  formats: [onnx, loader],
  fewestKernels: true,
  hasKernel,
  channelsLast,
  readBack: 5000,
  costs: {
    operator: 30,
    flop: 1 / 500_000,
    runtimeWeights: 1,
    addedElement: 0.16e-3,
    element: 0.16e-3,
    weightByte: 20e-6,
    cacheBytes: 4e6,
    uncachedByte: 0,
    gatheredByte: 40e-6,
    gatheredRun: 0,
    branch: 10,
    select: 30,
    selectedElement: 0.16e-3,
  },
} satisfies Deployment;

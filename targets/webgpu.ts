import type { Deployment } from '../src/formats/format.js';
import { loader } from '../src/formats/loader.js';
import { onnx } from '../src/formats/onnx.js';
import { channelsLast, hasKernel, placementOf, selects } from './webgpu/kernels.js';

/**
 * ONNX Runtime's WebGPU execution provider in browsers, with WebAssembly where there is no device. The costs are estimates,
 * not measurements: `docs/planning.md` says what they rest on.
 */
export const webgpu = {
  name: 'webgpu',
  description: "ONNX Runtime's WebGPU provider in browsers: onnxruntime-web",
  defaultOpset: 18,
  provider: 'webgpu',
  batch: 'fixed',
  precisions: ['fp32', 'fp16'],
  runsOn: {
    fp32: { devices: ['webgpu', 'wasm'], feature: null },
    // The processor would convert half precision at every step.
    fp16: { devices: ['webgpu'], feature: 'shader-f16' },
  },
  formats: [onnx, loader],
  placement: placementOf,
  // What the device has no kernel for runs in WebAssembly beside it.
  supports: ({ domain }) => domain === '',
  selects,
  fallsBack: true,
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

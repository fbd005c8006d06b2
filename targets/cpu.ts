import type { Target } from '../src/passkit/target.js';

/**
 * ONNX Runtime's CPU execution provider. The costs were fitted with one thread on x86-64 with AVX-512: 213 GFLOP/s in
 * convolutions, 13 µs to read a megabyte of weights, 30 to 40 µs to gather one, 0.2 to 0.6 µs to start an operator.
 */
export const cpu: Target = {
  name: 'cpu',
  description: "ONNX Runtime's CPU provider: onnxruntime-node, Python, C++, wasm",
  opset: { default: 18, oldest: 13, newest: 20 },
  supports: ({ domain }) => ['', 'com.microsoft', 'ai.onnx.ml'].includes(domain),
  // Its blocked layout for convolutions wants 16 channels with AVX-512: 43 run slower than 48, but 33 not than 48.
  widths: { multiple: 16, growth: 1.3 },
  costs: {
    operator: 0.4,
    flop: 1 / 213_000,
    runtimeWeights: 1.41,
    weightByte: 13e-6,
    gatheredByte: 35e-6,
    gatheredRun: 1.8e-3,
  },
};

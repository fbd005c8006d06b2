import type { IntegerKernel, IntegerKernels } from '../src/passkit/quantization/kernels.js';

/**
 * What ONNX Runtime's CPU provider runs on 8-bit integers. Its optimizer makes QLinearConv, QGemm, QLinearAdd, … of float
 * operators between DequantizeLinear and QuantizeLinear (seen in `optimizedModelFilePath` of onnxruntime-node 1.30).
 */
const kernels: ReadonlyMap<string, IntegerKernel> = new Map([
  ['Conv', 'product'],
  ['Gemm', 'product'],
  ['MatMul', 'product'],
  ['Add', 'arithmetic'],
  ['AveragePool', 'arithmetic'],
  ['Concat', 'arithmetic'],
  ['GlobalAveragePool', 'arithmetic'],
  ['LeakyRelu', 'arithmetic'],
  ['Mul', 'arithmetic'],
  ['Sigmoid', 'arithmetic'],
  ['Flatten', 'direct'],
  ['Identity', 'direct'],
  ['MaxPool', 'direct'],
  ['Reshape', 'direct'],
  ['Slice', 'direct'],
  ['Squeeze', 'direct'],
  ['Transpose', 'direct'],
  ['Unsqueeze', 'direct'],
]);

/** Measured with one thread on x86-64 with AVX-512 VNNI: see `docs/quantization.md`. */
export const cpuIntegers: IntegerKernels = {
  kernel: ({ op, domain }) => (domain === '' ? kernels.get(op) : undefined),
  // A matrix product gives floats as fast.
  givesIntegers: ({ op }) => op === 'Conv',
  // "Parameter out of computation range": it multiplies with input step / output step / elements, which must be below 256.
  finestStep: ({ op }) => (op === 'GlobalAveragePool' ? 1 / 128 : 0),
  costs: {
    lookup: { operators: 1.5, element: 2.3e-3 },
    float: { operator: 0.5, element: 0.3e-3, conversion: 0.3e-3 },
  },
};

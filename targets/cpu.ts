import type { Deployment } from '../src/formats/format.js';
import { onnx } from '../src/formats/onnx.js';
import type { Value } from '../src/ir/graph.js';
import type { ElementType } from '../src/ir/types.js';
import { cpuIntegers } from './cpu-integers.js';

/** Operators that ONNX Runtime runs on its blocked layout, or makes part of the convolution before them. */
const keepLayout = new Set(['Add', 'Gelu', 'HardSigmoid', 'LeakyRelu', 'Mul', 'Relu', 'Sigmoid', 'Sum', 'Tanh']);
/** The same, with constants that say what they do. */
const keepAsSet = new Set(['Clip', 'Resize']);
/** Those that it does so only with where no block is left part empty, and what an operation takes less then. */
const keepBlocks = new Map([
  ['AveragePool', 1.2e-3],
  ['Concat', 0],
  ['GlobalAveragePool', 0],
  ['GlobalMaxPool', 0],
  ['MaxPool', 0.06e-3],
]);

/** Element types that ONNX Runtime has a kernel of Where for. */
const selected = new Set<ElementType>(['float32', 'float64', 'int32', 'int64', 'uint8']);

const isConstant = (value: Value | undefined): boolean => value?.constant !== undefined;

/**
 * ONNX Runtime's CPU execution provider. The costs were fitted with one thread on x86-64 with AVX-512: 213 GFLOP/s in
 * convolutions, 13 µs to read a megabyte of weights, 30 to 40 µs to gather one, 0.2 to 0.6 µs to start an operator.
 */
export const cpu = {
  name: 'cpu',
  description: "ONNX Runtime's CPU provider: onnxruntime-node, Python, C++, wasm",
  defaultOpset: 18,
  provider: 'cpu',
  batch: 'open',
  precisions: ['fp32', 'int8'],
  formats: [onnx],
  placement: () => 'device',
  hasKernel: () => true,
  supports: ({ domain }) => ['', 'com.microsoft', 'ai.onnx.ml'].includes(domain),
  selects: (type) => selected.has(type),
  integers: cpuIntegers,
  fewestKernels: false,
  widths: {
    multiple: 4,
    block: 16,
    isConvolution: (node) =>
      node.op === 'Conv' && node.domain === '' && node.input(0).shape?.length === 4 && isConstant(node.inputs[1]),
    keepsLayout: ({ op, domain, inputs }) =>
      domain === '' && (keepAsSet.has(op) || (keepLayout.has(op) && !inputs.some(isConstant))),
    savedByBlocks: ({ op, domain }) => (domain === '' ? keepBlocks.get(op) : undefined),
    blocked: { operator: 0.6, flop: 1 / 150_000, output: 0.025e-3 },
    direct: { flop: 1 / 107_000, windowElements: 2.45 },
    plain: { operator: 1.5, flop: 1 / 139_000, output: 0.17e-3, windowElement: 0.42e-3 },
    depthwise: { blockedFlop: 1 / 60_000, plainFlop: 1 / 7_300, plainChannel: 0.35 },
    conversion: { operator: 0.7, element: 0.17e-3 },
  },
  readBack: 0,
  costs: {
    operator: 0.4,
    flop: 1 / 213_000,
    runtimeWeights: 1.41,
    addedElement: 1.2e-3,
    element: 0.2e-3,
    weightByte: 13e-6,
    cacheBytes: 16e6,
    uncachedByte: 30e-6,
    gatheredByte: 35e-6,
    gatheredRun: 1.8e-3,
    branch: 0.8,
    select: 1.1,
    selectedElement: 0.3e-3,
  },
} satisfies Deployment;

import type { Node } from '../../src/ir/graph.js';
import type { ElementType } from '../../src/ir/types.js';
import type { Placement } from '../../src/passkit/target.js';

/**
 * Which operators ONNX Runtime's WebGPU provider has a kernel for, and for elements of which types: what sessions of
 * onnxruntime-web 1.30 say of graphs of one operator, at any opset from 13 on. `test/browser/webgpu-kernels.test.ts`
 * asks a browser about every operator of `src/ops` and fails where it says otherwise.
 *
 * An operator of int64 never runs on the device, unless it only reads indices; nor do Loop and Scan, though what is in
 * them does.
 */

const floats: readonly ElementType[] = ['float32', 'float16'];
const numbers: readonly ElementType[] = [...floats, 'int32'];

/** Operators by the element types that they take, of the input that {@link decidingInput} tells. */
const rows: readonly (readonly [types: readonly ElementType[], operators: string])[] = [
  [
    floats,
    `Abs AveragePool BatchNormalization Ceil Conv ConvTranspose Cos Einsum Elu Erf Exp Floor GatherElements Gelu
     GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish LayerNormalization LeakyRelu Log MatMul MaxPool Mish Neg
     Reciprocal Relu Sigmoid Sin Slice Softmax Softplus Sqrt Tanh ThresholdedRelu`,
  ],
  [['float32'], 'GRU LSTM'],
  [
    numbers,
    `Add ArgMax ArgMin Clip Concat CumSum Div Equal Gemm Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mul PRelu Pad
     Pow ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Resize ScatterElements ScatterND Shape Split
     Squeeze Sub Tile Transpose Trilu`,
  ],
  [[...numbers, 'bool'], 'Flatten Unsqueeze Where'],
  [[...numbers, 'bool', 'uint8'], 'Cast Expand Gather Reshape'],
  [['bool'], 'And If Not'],
  [['uint8', 'int8'], 'DequantizeLinear'],
];

/** The element types that each operator has a kernel for, of the input that {@link decidingInput} tells. */
export const kernels: ReadonlyMap<string, ReadonlySet<ElementType>> = new Map(
  rows.flatMap(([types, operators]) => operators.split(/\s+/).map((name) => [name, new Set(types)] as const)),
);

/** Casts may also make these of what they may read. */
const castTo = new Set<ElementType>([...numbers, 'bool', 'uint8', 'int64', 'uint32']);

/** Where the session puts a node. A node whose types are not known counts as one of the host: nothing else is sure. */
export const placementOf = (node: Node): Placement => {
  const { op, domain } = node;
  const read = domain === '' ? node.inputs[decidingInput(op)]?.elementType : undefined;
  if (read === undefined || kernels.get(op)?.has(read) !== true) return 'host';
  if (op !== 'Cast') return 'device';
  const written = node.outputs[0]?.elementType;
  return written !== undefined && castTo.has(written) ? 'device' : 'host';
};

/** True for an operator of ONNX that the provider has a kernel for, if only for some element types. */
export function hasKernel(op: string): boolean {
  return kernels.has(op);
}

/** True where the provider has a kernel of Where that chooses among elements of this type. */
export function selects(type: ElementType): boolean {
  return kernels.get('Where')?.has(type) === true;
}

/** The input whose element type tells whether there is a kernel. */
export function decidingInput(op: string): number {
  return op === 'Where' ? 1 : 0;
}

/** Operators of images that the provider runs with channels last. */
const imageOperators = new Set(
  'AveragePool BatchNormalization Conv ConvTranspose GlobalAveragePool GlobalMaxPool MaxPool'.split(' '),
);

/** True for a node whose images the session transposes. */
export function channelsLast({ op, domain, inputs }: Node): boolean {
  return domain === '' && imageOperators.has(op) && inputs[0]?.shape?.length === 4;
}

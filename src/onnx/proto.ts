import onnxProto from 'onnx-proto';

/**
 * The protobuf messages of ONNX. The package is CommonJS: only its default import exists when Node runs it. Its schema
 * is that of ONNX 1.10; fields that came later are absent, numbers of element types that came later pass through.
 */
export const { onnx: proto } = onnxProto;
export type { onnx } from 'onnx-proto';

/** AttributeProto.AttributeType. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

/** Numbers of the fields that are framed by hand, by message. */
export const fieldNumbers = {
  model: { graph: 7, functions: 25 },
  graph: { node: 1, initializer: 5 },
  node: { attribute: 5 },
  attribute: { tensor: 5, graph: 6 },
  function: { node: 7 },
  tensor: { rawData: 9 },
} as const;

import type { Attribute } from '../ir/attribute.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { bytesOf, type Tensor } from '../ir/tensor.js';
import { elementTypes, type ValueType } from '../ir/types.js';
import { attributeTypes, fieldNumbers, type onnx, proto } from './proto.js';
import { field, type Rope, rope } from './rope.js';

/** Where the bytes of a constant are kept outside the model file. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** What the encoding of a graph asks of its surroundings. */
export interface EncodeContext {
  /** The operator name to write, which for swanc's own operators is that of a model-local function. */
  readonly operatorName: (node: Node) => string;
  readonly nodeName: (node: Node) => string;
  /** Whether types of values between nodes are written; if not said, they are. */
  readonly hasValueInfo?: boolean;
  /** Undefined: the data goes into the model file. */
  readonly externalPlace: (value: Value) => ExternalPlace | undefined;
}

/** GraphProto. Constants are views of the tensors: no copy is made. */
export function encodeGraph(graph: Graph, context: EncodeContext): Rope {
  const outputs = new Set(graph.outputs);
  const described = context.hasValueInfo === false ? [] : graph.nodes;
  const intermediates = described
    .flatMap((node) => node.outputs)
    .filter((value) => value.type !== undefined && !outputs.has(value));
  const small = proto.GraphProto.encode({
    name: graph.name,
    input: graph.inputs.map(valueInfo),
    output: graph.outputs.map(valueInfo),
    valueInfo: intermediates.map(valueInfo),
  }).finish();
  return rope([
    ...graph.nodes.map((node) => field(fieldNumbers.graph.node, encodeNode(node, context))),
    ...[...graph.constants].map((value) => field(fieldNumbers.graph.initializer, encodeInitializer(value, context))),
    small,
  ]);
}

/** NodeProto. */
export function encodeNode(node: Node, context: EncodeContext): Rope {
  const name = context.nodeName(node);
  const small = proto.NodeProto.encode({
    input: trimmed(node.inputs).map((value) => value?.name ?? ''),
    output: node.outputs.map((value) => value.name),
    ...(name === '' ? {} : { name }),
    opType: context.operatorName(node),
    ...(node.domain === '' ? {} : { domain: node.domain }),
  }).finish();
  const attributes = Object.entries(node.attributes).map(([name, attribute]) =>
    field(fieldNumbers.node.attribute, encodeAttribute(name, attribute, context)),
  );
  return rope([small, ...attributes]);
}

/** Inputs without the omitted ones at the end, which ONNX leaves out. */
function trimmed(inputs: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  const last = inputs.findLastIndex((value) => value !== undefined);
  return inputs.slice(0, last + 1);
}

function encodeAttribute(name: string, attribute: Attribute, context: EncodeContext): Rope {
  const small = proto.AttributeProto.encode({
    name,
    type: attributeTypes[attribute.kind],
    ...attributeFields(attribute),
  }).finish();
  if (attribute.kind === 'tensor') {
    return rope([small, field(fieldNumbers.attribute.tensor, encodeTensor(attribute.value))]);
  }
  if (attribute.kind === 'graph') {
    return rope([small, field(fieldNumbers.attribute.graph, encodeGraph(attribute.value, context))]);
  }
  return rope([small]);
}

/** Whole numbers are passed as doubles, exact up to 2^53: the library writes a BigInt as 0. */
function attributeFields(attribute: Attribute): onnx.IAttributeProto {
  switch (attribute.kind) {
    case 'int':
      return { i: attribute.value };
    case 'float':
      return { f: attribute.value };
    case 'string':
      return { s: Buffer.from(attribute.value) };
    case 'ints':
      return { ints: [...attribute.value] };
    case 'floats':
      return { floats: [...attribute.value] };
    case 'strings':
      return { strings: attribute.value.map((text) => Buffer.from(text)) };
    case 'tensor':
    case 'graph':
      return {};
  }
}

function encodeInitializer(value: Value, context: EncodeContext): Rope {
  const { constant } = value;
  if (constant === undefined) throw new Error(`internal error: constant '${value.name}' has no data`);
  const place = context.externalPlace(value);
  if (place === undefined) return encodeTensor(constant, value.name);
  const externalData = Object.entries(place).map(([key, entry]) => ({ key, value: String(entry) }));
  const small = proto.TensorProto.encode({
    ...tensorHeader(constant),
    name: value.name,
    externalData,
    dataLocation: proto.TensorProto.DataLocation.EXTERNAL,
  }).finish();
  return rope([small]);
}

/** TensorProto with its elements as raw little-endian bytes. */
export function encodeTensor(tensor: Tensor, name?: string): Rope {
  const header = proto.TensorProto.encode({ ...tensorHeader(tensor), ...(name === undefined ? {} : { name }) });
  return rope([header.finish(), field(fieldNumbers.tensor.rawData, bytesOf(tensor))]);
}

function tensorHeader(tensor: Tensor): onnx.ITensorProto {
  return { dims: [...tensor.dims], dataType: elementTypes[tensor.type].onnx };
}

export function valueInfo(value: Value): onnx.IValueInfoProto {
  return value.type === undefined ? { name: value.name } : { name: value.name, type: typeProto(value.type) };
}

function typeProto({ type, shape }: ValueType): onnx.ITypeProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { tensorType: { elemType: elementTypes[type].onnx, shape: { dim } } };
}

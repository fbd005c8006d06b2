import { readFileSync } from 'node:fs';
import { type onnx, proto } from './proto.js';
import { scanModel } from './scan.js';

/**
 * The locations of external data that an .onnx file names, each once, as it names them: they are not trusted.
 * @throws SwancError 'invalid' for what is no ONNX model.
 */
export function externalLocations(path: string): readonly string[] {
  const bytes = readFileSync(path);
  scanModel(bytes, path);
  const found = new Set<string>();
  const model = proto.ModelProto.decode(bytes);
  if (model.graph) collectGraph(model.graph, found);
  for (const { node } of model.functions ?? []) for (const one of node ?? []) collectNode(one, found);
  return [...found];
}

function collectGraph(graph: onnx.IGraphProto, found: Set<string>): void {
  for (const tensor of graph.initializer ?? []) collectTensor(tensor, found);
  for (const { values, indices } of graph.sparseInitializer ?? []) {
    for (const tensor of [values, indices]) if (tensor) collectTensor(tensor, found);
  }
  for (const node of graph.node ?? []) collectNode(node, found);
}

function collectNode(node: onnx.INodeProto, found: Set<string>): void {
  for (const { t, g, tensors, graphs } of node.attribute ?? []) {
    for (const tensor of [t, ...(tensors ?? [])]) if (tensor) collectTensor(tensor, found);
    for (const graph of [g, ...(graphs ?? [])]) if (graph) collectGraph(graph, found);
  }
}

function collectTensor(tensor: onnx.ITensorProto, found: Set<string>): void {
  for (const { key, value } of tensor.externalData ?? []) if (key === 'location' && value) found.add(value);
}

import { dirname } from 'node:path';
import { bytesOf } from '../ir/tensor.js';
import { problem, SwancError } from '../support/errors.js';
import { externalDataIn } from './external.js';
import { type onnx, proto } from './proto.js';
import { maxMessageBytes } from './rope.js';
import { type ExternalReader, isExternal, readTensor, TensorError } from './tensors.js';

/**
 * The bytes of the .onnx file at `path` with the weights in it that lie in a file beside it, for engines that load models
 * from memory; `bytes` themselves where none do.
 * @throws SwancError 'invalid' where the file beside it is missing or does not fit, 'unsupported' where both are too much for one.
 */
export function embedExternalData(path: string, bytes: Uint8Array): Uint8Array {
  const model = proto.ModelProto.decode(bytes);
  const outside = initializersOf(model.graph ?? {}).filter(isExternal);
  if (outside.length === 0) return bytes;
  const read = externalDataIn(dirname(path));
  for (const tensor of outside) embed(tensor, read, path);
  const length = outside.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), bytes.length);
  if (length > maxMessageBytes) {
    const what = `with its weights it has ${length} bytes, more than one ONNX file can have`;
    throw new SwancError('SWC3009', 'the model is too large', [problem(path, what)]);
  }
  return proto.ModelProto.encode(model).finish();
}

function embed(tensor: onnx.ITensorProto, read: ExternalReader, path: string): void {
  try {
    tensor.rawData = bytesOf(readTensor(tensor, read));
    tensor.externalData = [];
    tensor.dataLocation = proto.TensorProto.DataLocation.DEFAULT;
  } catch (error) {
    if (error instanceof TensorError) {
      const found = problem(path, `weights '${tensor.name ?? ''}': ${error.message}`);
      throw new SwancError(error.code ?? 'SWC3006', 'this ONNX model is damaged', [found]);
    }
    throw error;
  }
}

/** The constants of a graph and of the graphs nested in it. */
function initializersOf(graph: onnx.IGraphProto): onnx.ITensorProto[] {
  const nested = (graph.node ?? []).flatMap((node) => (node.attribute ?? []).flatMap(({ g }) => g ?? []));
  return [...(graph.initializer ?? []), ...nested.flatMap(initializersOf)];
}

import type { Graph } from '../ir/graph.js';
import { dataFile, modelFiles, type WriteFileOptions } from '../onnx/write-file.js';
import { type Precision, precisions } from '../passkit/target.js';
import { type Format, type FormatFile, stemOf } from './format.js';

/** `model.onnx`, with its weights in `model.onnx.data` where that is asked for or there is no other way. */
export const onnx: Format = {
  name: 'onnx',
  files: ({ target, models, externalData }) =>
    models.flatMap(({ precision, graph, writing }) =>
      filesOf(onnxPath(stemOf(target.name, precision)), precision, graph, { ...writing, externalData }),
    ),
  paths: (target) =>
    precisions.map((precision) => onnxPath(stemOf(target, precision))).flatMap((path) => [dataFile(path), path]),
};

function filesOf(path: string, precision: Precision, graph: Graph, options: WriteFileOptions): FormatFile[] {
  return modelFiles(path, graph, options).map((file) => {
    return { ...file, role: file.path === path ? 'model' : 'weights', precision };
  });
}

/** The .onnx file of a stem. */
export const onnxPath = (stem: string): string => `${stem}.onnx`;

import { dataFile, modelFiles } from '../onnx/write-file.js';
import { precisions } from '../passkit/target.js';
import { type Format, stemOf } from './format.js';

/** `model.onnx`, with its weights in `model.onnx.data` where that is asked for or there is no other way. */
export const onnx: Format = {
  name: 'onnx',
  files: ({ target, models, externalData }) =>
    models.flatMap(({ precision, graph, writing }) =>
      modelFiles(onnxPath(stemOf(target.name, precision)), graph, { ...writing, externalData }),
    ),
  paths: (target) =>
    precisions.map((precision) => onnxPath(stemOf(target, precision))).flatMap((path) => [dataFile(path), path]),
};

/** The .onnx file of a stem. */
export const onnxPath = (stem: string): string => `${stem}.onnx`;

import { modelBytes } from '../onnx/write.js';
import { precisions } from '../passkit/target.js';
import { problem } from '../support/errors.js';
import { type Format, stemOf } from './format.js';
import { canonicalOrtFile } from './ort/canonical.js';

/**
 * `model.ort`: ORT format, which reduced builds of ONNX Runtime load, and others without parsing. It holds the graph as
 * ONNX Runtime has it after optimisations for any processor: a full build does no more of them when it loads the file.
 */
export const ort: Format = {
  name: 'ort',
  problem: ({ target, runtime }) =>
    runtime.writesOrtFormat
      ? undefined
      : problem(`target ${target.name}`, `${runtime.name} cannot write .ort files`, 'install onnxruntime-node'),
  files: async ({ target, models, runtime }) => {
    const files = [];
    for (const { precision, graph, writing } of models) {
      const bytes = canonicalOrtFile(await runtime.toOrtFormat(modelBytes(graph, writing), portable));
      files.push({ path: ortPath(stemOf(target.name, precision)), bytes: bytes.length, content: [bytes] });
    }
    return files;
  },
  paths: (target) => precisions.map((precision) => ortPath(stemOf(target, precision))),
};

/** The highest that lays nothing out as this machine's processor likes it. */
const portable = 'extended';

/** The .ort file of a stem. */
export const ortPath = (stem: string): string => `${stem}.ort`;

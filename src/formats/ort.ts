import { modelBytes } from '../onnx/write.js';
import { precisions } from '../passkit/target.js';
import { assert } from '../support/assert.js';
import { problem } from '../support/errors.js';
import { installEngine } from '../support/install.js';
import { type CompiledModel, type Format, type FormatInput, stemOf } from './format.js';
import { canonicalOrtFile } from './ort/canonical.js';
import { departureOf } from './ort/compare-files.js';
import { FlatBufferError } from './ort/flatbuffer.js';

/**
 * `model.ort`: ORT format, which reduced builds of ONNX Runtime load, and others without parsing. It holds the graph as
 * ONNX Runtime has it after optimisations for any processor: a full build does no more of them when it loads the file.
 */
export const ort: Format = {
  name: 'ort',
  problem: ({ target, runtime }) =>
    runtime.writesOrtFormat
      ? undefined
      : problem(`target ${target.name}`, `${runtime.name} cannot write .ort files`, installEngine),
  files: async (input) => {
    const files = [];
    for (const model of input.models) {
      const { precision } = model;
      const path = ortPath(stemOf(input.target.name, precision));
      const bytes = await bytesOf(model, path, input);
      files.push({ path, bytes: bytes.length, content: [bytes], role: 'model' as const, precision });
    }
    return files;
  },
  // The files are put into another order here: only running them tells that they are still what they were.
  check: async ({ models, files, feeds, runtime }) => {
    const problems = [];
    for (const { precision, graph, writing } of models) {
      const file = files.find((own) => own.role === 'model' && own.precision === precision);
      assert(file !== undefined, `a file in ${precision}`);
      const expected = { model: modelBytes(graph, writing), optimize: portable } as const;
      const actual = { model: new Uint8Array(Buffer.concat([...file.content])) };
      const what = await departureOf(actual, expected, feeds, runtime);
      const advice = 'report it as a defect of swanc; a target without .ort files can be compiled';
      if (what !== undefined) problems.push(problem(file.path, what, advice));
    }
    return problems;
  },
  paths: (target) => precisions.map((precision) => ortPath(stemOf(target, precision))),
};

/** The highest that lays nothing out as this machine's processor likes it. */
const portable = 'extended';

async function bytesOf({ graph, writing }: CompiledModel, path: string, input: FormatInput): Promise<Uint8Array> {
  const { runtime, warn } = input;
  const bytes = await runtime.toOrtFormat(modelBytes(graph, writing), portable);
  try {
    return canonicalOrtFile(bytes);
  } catch (error) {
    if (!(error instanceof FlatBufferError)) throw error;
    const why = `${runtime.name} ${runtime.version} writes a form of the ORT format that swanc does not know`;
    warn(`${path}: ${why} (${error.message}): it is as it was written, in an order that differs from run to run`);
    return bytes;
  }
}

/** The .ort file of a stem. */
const ortPath = (stem: string): string => `${stem}.ort`;

import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Graph, Value } from '../ir/graph.js';
import { formatType, type ValueType } from '../ir/types.js';
import { dataFile, type ModelFileContent } from '../onnx/write-file.js';
import { at, defined } from '../support/assert.js';
import { swancVersion } from '../support/version.js';
import { type CompiledModel, type Format, type FormatFile, type FormatInput, stemOf } from './format.js';
import type { LoadedFile, LoadedModel, LoadedPart, LoadedValue } from './loader/loaded-model.js';
import { moduleText } from './loader/module-text.js';
import { typesText } from './loader/types-text.js';
import { onnxPath } from './onnx.js';

/**
 * `model.mjs`, an ES module that loads the model in a browser or in Node, and its types `model.d.mts`. It knows the files by
 * their hashes, so it comes after the format that writes them.
 */
export const loader: Format = {
  name: 'loader',
  files: (input) => {
    const { target, models } = input;
    const { graph } = at(models, 0);
    for (const model of models) requireSameInterface(graph, model);
    const loaded: LoadedModel = {
      compiler: `swanc ${swancVersion()}`,
      target: target.name,
      inputs: graph.inputs.map(signatureOf),
      outputs: graph.outputs.map(signatureOf),
      // The file that is best where it runs comes first: those below fp32 are smaller and faster.
      files: models.map((model) => fileOf(model, input)).toReversed(),
    };
    const [module, types] = loaderPaths(target.name);
    return [textFile(types, typesText(loaded)), textFile(module, moduleText(loaded))];
  },
  paths: (target) => [...loaderPaths(target)],
};

function loaderPaths(target: string): readonly [module: string, types: string] {
  const stem = stemOf(target, 'fp32');
  return [`${stem}.mjs`, `${stem}.d.mts`];
}

function textFile(path: string, text: string): FormatFile {
  const content = Buffer.from(text);
  return { path, bytes: content.length, content: [content], role: 'code' };
}

function fileOf({ precision }: CompiledModel, { target, files }: FormatInput): LoadedFile {
  const path = onnxPath(stemOf(target.name, precision));
  const find = (wanted: string) => files.find((file) => file.path === wanted);
  const data = find(dataFile(path));
  return {
    precision,
    ...defined(target.runsOn?.[precision], `what '${target.name}' runs a file in ${precision} on`),
    graph: partOf(defined(find(path), `the file '${path}', which an earlier format of '${target.name}' writes`)),
    data: data === undefined ? null : partOf(data),
  };
}

function partOf({ path, bytes, content }: ModelFileContent): LoadedPart {
  const hash = createHash('sha256');
  for (const chunk of content) hash.update(chunk);
  return { path: posix.basename(path), bytes, sha256: hash.digest('hex') };
}

function signatureOf(value: Value): LoadedValue {
  return { name: value.name, ...typeOf(value) };
}

function typeOf(value: Value): ValueType {
  const { type, shape } = defined(value.type, `the type of '${value.name}'`);
  return { type, shape };
}

/** One module is for all precisions, so what is fed and given does not depend on the file. */
function requireSameInterface(graph: Graph, { graph: other, precision }: CompiledModel): void {
  const signature = ({ inputs, outputs }: Graph): string =>
    [...inputs, ...outputs].map((value) => `${value.name} ${formatType(typeOf(value))}`).join('; ');
  const [wanted, found] = [signature(graph), signature(other)];
  if (wanted === found) return;
  throw new Error(`internal error: the model in ${precision} takes and gives ${found}, that in fp32 ${wanted}`);
}

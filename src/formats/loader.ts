import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Graph, Value } from '../ir/graph.js';
import { formatType, type ValueType } from '../ir/types.js';
import { readModel } from '../onnx/read.js';
import { dataFile, type ModelFileContent } from '../onnx/write-file.js';
import { type BrowserDevices, type Precision, precisions, type Target } from '../passkit/target.js';
import { at, defined } from '../support/assert.js';
import { swancVersion } from '../support/version.js';
import { type CompiledModel, type Format, type FormatFile, type FormatInput, stemOf } from './format.js';
import type { LoadedFile, LoadedModel, LoadedPart, LoadedValue } from './loader/loaded-model.js';
import { moduleText } from './loader/module-text.js';
import { typesText } from './loader/types-text.js';
import { onnxPath } from './onnx.js';

export type { LoadedFile, LoadedModel, LoadedPart, LoadedValue } from './loader/loaded-model.js';
export { type ModuleSurroundings, moduleText } from './loader/module-text.js';
export { typesText } from './loader/types-text.js';

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
      files: bestFirst(models.map((model) => fileOf(model, input))),
    };
    const [module, types] = loaderPaths(target.name);
    return [textFile(types, typesText(loaded)), textFile(module, moduleText(loaded))];
  },
  paths: (target) => [...loaderPaths(target)],
};

/**
 * What a module has to know of a model that was compiled into `folder`, for any target: bundlers load them all. Paths are
 * relative to the folder of the target. Files that are not for devices of browsers run on the processor.
 */
export function loadedModelIn(folder: string, target: Pick<Target, 'name' | 'runsOn'>): LoadedModel {
  const find = (path: string): ModelFileContent | undefined => {
    if (!existsSync(join(folder, path))) return undefined;
    const content = readFileSync(join(folder, path));
    return { path, bytes: content.length, content: [content] };
  };
  const onProcessor: BrowserDevices = { devices: ['wasm'], feature: null };
  const files = precisions.flatMap((precision): LoadedFile[] => {
    const path = onnxPath(stemOf(target.name, precision));
    const graph = find(path);
    if (graph === undefined) return [];
    const data = find(dataFile(path));
    return [
      {
        precision,
        ...(target.runsOn?.[precision] ?? onProcessor),
        graph: partOf(graph),
        data: data === undefined ? null : partOf(data),
      },
    ];
  });
  const { inputs, outputs } = readModel(join(folder, onnxPath(stemOf(target.name, 'fp32'))));
  return {
    compiler: `swanc ${swancVersion()}`,
    target: target.name,
    inputs: inputs.map(signatureOf),
    outputs: outputs.map(signatureOf),
    files: bestFirst(files),
  };
}

/** The file that is best where it runs comes first: those below fp32 are smaller and faster. */
function bestFirst(files: readonly LoadedFile[]): readonly LoadedFile[] {
  const isFull = ({ precision }: LoadedFile): boolean => precision === fullPrecision;
  return [...files.filter((file) => !isFull(file)), ...files.filter(isFull)];
}

const fullPrecision: Precision = 'fp32';

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

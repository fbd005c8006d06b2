import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CompiledModel, FormatFile } from '../../src/formats/format.js';
import { loader } from '../../src/formats/loader.js';
import { onnx } from '../../src/formats/onnx.js';
import { parseGraph } from '../../src/ir/text.js';
import type { ModelFileContent } from '../../src/onnx/write-file.js';
import { inferTypes } from '../../src/ops/index.js';
import type { Precision, Target } from '../../src/passkit/target.js';
import { openRuntime } from '../../src/runtime/session.js';
import { webgpu } from '../../targets/webgpu.js';

/** Models with their loaders, written to a folder and imported in Node. */

/** A module as tests see it: `model.d.mts` is another one for each model. */
export interface LoaderModule {
  load(options?: Readonly<Record<string, unknown>> | string | null): Promise<LoadedModule>;
  readonly inputs: readonly unknown[];
  readonly outputs: readonly unknown[];
  readonly ModelError: new (code: string, message: string) => Error;
}

export interface LoadedModule {
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  readonly warnings: readonly string[];
  run(feeds: unknown): Promise<Readonly<Record<string, { type: string; dims: number[]; data: ArrayLike<number> }>>>;
  release(): Promise<void>;
}

/** With quantized operators too, which have kernels on the processor alone: the module takes files in any precision. */
const quantizing: Target = { ...webgpu, runsOn: { ...webgpu.runsOn, int8: { devices: ['wasm'], feature: null } } };

/** A graph in each of some precisions, by the text of the graph. */
export type Sources = Readonly<Partial<Record<Precision, string>>>;

/** The files of the formats `onnx` and `loader`, as a compile makes them. */
export async function filesOf(
  sources: Sources,
  externalData?: boolean,
  target: Target = quantizing,
): Promise<readonly ModelFileContent[]> {
  const models: CompiledModel[] = [];
  for (const precision of ['fp32', 'fp16', 'int8'] as const) {
    const source = sources[precision];
    if (source === undefined) continue;
    const graph = parseGraph(source);
    inferTypes(graph);
    models.push({ precision, graph, writing: {} });
  }
  const input = { target, models, externalData, runtime: await openRuntime(), warn };
  const files: FormatFile[] = [];
  for (const format of [onnx, loader]) files.push(...(await format.files({ ...input, files })));
  return files;
}

const warn = (message: string): void => {
  throw new Error(message);
};

/** Writes the files into `folder`, without that of the target. */
export function writeAll(folder: string, files: readonly ModelFileContent[]): void {
  for (const { path, content } of files)
    writeFileSync(join(folder, path.slice('webgpu/'.length)), Buffer.concat([...content]));
}

export async function importLoader(folder: string): Promise<LoaderModule> {
  const url = pathToFileURL(join(folder, 'model.mjs')).href;
  const module: LoaderModule = await import(/* @vite-ignore */ url);
  return module;
}

/** Reads file: addresses, as Node's own does not. */
export async function fetchFile(url: URL): Promise<Response> {
  return new Response(await readFile(url));
}

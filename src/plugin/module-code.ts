import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { LoadedFile, LoadedPart } from '../formats/loader/loaded-model.js';
import { moduleText } from '../formats/loader/module-text.js';
import { defined } from '../support/assert.js';
import { problem, SwancError } from '../support/errors.js';
import type { FileAddresses } from './bundlers/bundler.js';
import type { CachedModel } from './compile-cache.js';
import type { Platform } from './options.js';

/** Files of ONNX Runtime that its builds for browsers read: they are found by their names beside the code. */
const wasmFiles = {
  wasm: 'ort-wasm-simd-threaded.wasm',
  webgpu: 'ort-wasm-simd-threaded.asyncify.wasm',
} as const;
type Build = keyof typeof wasmFiles;

/** What the module of a model is made for. */
export interface ModuleInput {
  readonly model: CachedModel;
  readonly platform: Platform;
  /** Folders to look for onnxruntime-web from; none where the bundler finds its .wasm files by itself, or shall not. */
  readonly wasmFrom: readonly string[];
  addFiles(files: readonly string[]): Promise<FileAddresses>;
}

/** The module that an import of a model gives: the loader of the model, with addresses of files that the bundler puts out. */
export async function moduleCode({ model, platform, wasmFrom, addFiles }: ModuleInput): Promise<string> {
  const { loaded, folder } = model;
  const parts = loaded.files.flatMap(partsOf);
  const builds = platform === 'node' || wasmFrom.length === 0 ? [] : buildsFor(loaded.files);
  const wasm = builds.map((build) => wasmPath(build, wasmFrom));
  const { head, urls, publicUrls } = await addFiles([...parts.map(({ path }) => join(folder, path)), ...wasm]);
  const urlOf = new Map(parts.map(({ path }, index) => [path, urls[index]]));
  const publicUrlOf = new Map(parts.map(({ path }, index) => [path, publicUrls[index]]));
  const wasmUrls = new Map(builds.map((build, index) => [build, urls[parts.length + index]]));
  const text = moduleText(loaded, {
    addressOf: (path) => defined(urlOf.get(path), `the address of ${path}`),
    surroundings: platform === 'node' ? onNode : inBrowser(loaded.files, wasmUrls),
  });
  const imports = platform === 'node' ? ["import { readFile as readModelFile } from 'node:fs/promises';"] : [];
  return [...imports, ...head, text, factsText(model, (path) => publicUrlOf.get(path) ?? 'undefined')].join('\n');
}

const partsOf = ({ graph, data }: LoadedFile): readonly LoadedPart[] => (data === null ? [graph] : [graph, data]);

function buildsFor(files: readonly LoadedFile[]): readonly Build[] {
  return usesGraphics(files) ? ['wasm', 'webgpu'] : ['wasm'];
}

const usesGraphics = (files: readonly LoadedFile[]): boolean => files.some(({ devices }) => devices.includes('webgpu'));

/** From the model's folder, or else the project's: where the app has its packages. */
function wasmPath(build: Build, from: readonly string[]): string {
  const name = `onnxruntime-web/${wasmFiles[build]}`;
  for (const folder of from) {
    try {
      return createRequire(join(folder, 'package.json')).resolve(name);
    } catch {
      // It may be found from the next one.
    }
  }
  const what = `'${name}' is not found from ${from.join(' or ')}`;
  const advice =
    "npm install onnxruntime-web, or bring ONNX Runtime yourself: the plugin's option onnxRuntime: 'external'";
  throw new SwancError('SWC3010', 'ONNX Runtime is missing', [problem('onnxruntime-web', what, advice)]);
}

/** ONNX Runtime for browsers; one that no device of the model needs is not even imported. */
function inBrowser(files: readonly LoadedFile[], wasmUrls: ReadonlyMap<Build, string | undefined>): string {
  const imported = (build: Build): string => {
    const url = wasmUrls.get(build);
    const module = `import('onnxruntime-web/${build}')`;
    return url === undefined ? module : `${module}.then((ort) => withWasm(ort, ${url}))`;
  };
  return `/** Its own file, where nobody has said another place. */
function withWasm(ort, url) {
  ort.env.wasm.wasmPaths ??= { wasm: url.href };
  return ort;
}

const surroundings = {
  wasm: () => ${imported('wasm')},
  webgpu: () => ${imported(usesGraphics(files) ? 'webgpu' : 'wasm')},
  fetch: (url, options) => globalThis.fetch(url, options),
};
`;
}

/** ONNX Runtime for Node, and files that are read from the disk. */
const onNode = `const surroundings = {
  wasm: () => import('onnxruntime-node'),
  webgpu: () => import('onnxruntime-node'),
  fetch: async (url, options) =>
    url.protocol === 'file:' ? new Response(await readModelFile(url, options)) : globalThis.fetch(url, options),
};
`;

/** What is told of the model, and the default export. */
function factsText({ loaded, mode, warnings }: CachedModel, publicUrlOf: (path: string) => string): string {
  const full = defined(
    loaded.files.find(({ precision }) => precision === 'fp32'),
    'the file in fp32',
  );
  const filesText = loaded.files.map(({ precision, graph, data }) => {
    const { bytes, sha256, path } = graph;
    const facts = JSON.stringify({ precision, bytes: bytes + (data?.bytes ?? 0), hash: sha256 });
    return `\n    { ...${facts}, get url() { return ${publicUrlOf(path)}; } },`;
  });
  const best = defined(loaded.files[0], 'a file');
  const facts = {
    target: loaded.target,
    mode,
    precision: best.precision,
    hash: best.graph.sha256,
    size: best.graph.bytes + (best.data?.bytes ?? 0),
    compiler: loaded.compiler,
    warnings,
  };
  return `export default {
  /** Of the file in fp32, which runs everywhere. */
  get url() { return ${publicUrlOf(full.graph.path)}; },
  ...${JSON.stringify(facts)},
  inputs,
  outputs,
  files: [${filesText.join('')}
  ],
  load,
  ModelError,
};
`;
}

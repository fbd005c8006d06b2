import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BuildOptions, PluginBuild } from 'esbuild';
import type { Bundler, FileAddresses } from './bundler.js';

const namespace = 'swanc-file';

/** esbuild, and what its plugin sets up. */
export function esbuildBundler(): { readonly bundler: Bundler; setup(build: PluginBuild): void } {
  let build: PluginBuild | undefined;
  const options = (): BuildOptions => build?.initialOptions ?? {};
  const bundler: Bundler = {
    root: () => options().absWorkingDir ?? process.cwd(),
    platform: () => (options().platform === 'node' ? 'node' : 'browser'),
    // Modules of plugins have a namespace here, and look for packages from the folder of their path.
    prefix: '',
    findsWasm: false,
    resolve: async (_, path, importer) => {
      const resolveDir = importer === undefined || importer === '' ? bundler.root() : dirname(importer);
      const found = await build?.resolve(path, { resolveDir, kind: 'import-statement' });
      return found === undefined || found.errors.length > 0 || found.external ? undefined : found.path;
    },
    addFiles: async (_, files) => importedFiles(files, options()),
    fail: (context, { message, file }) => {
      context.error({ message, id: file, loc: { file, line: 1, column: 0 } });
      return 'export default undefined; export const load = undefined, inputs = undefined, outputs = undefined, ModelError = undefined;';
    },
  };
  return {
    bundler,
    setup: (own) => {
      build = own;
      own.initialOptions.loader = { ...nativeLoaders, ...own.initialOptions.loader };
      own.onResolve({ filter: new RegExp(`^${namespace}:`) }, ({ path }) => ({
        path: path.slice(namespace.length + 1),
        namespace: readsItself(path, own.initialOptions) ? 'file' : namespace,
      }));
      own.onLoad({ filter: /.*/, namespace }, async ({ path }) => ({ contents: await readFile(path), loader: 'file' }));
    },
  };
}

/** Large files that esbuild reads itself need not go through a pipe: that took seconds for those of ONNX Runtime. */
const nativeLoaders: NonNullable<BuildOptions['loader']> = { '.onnx': 'file', '.onnx.data': 'file', '.wasm': 'file' };

function readsItself(path: string, { loader = {} }: BuildOptions): boolean {
  const ending = Object.keys(nativeLoaders).find((own) => path.endsWith(own));
  return ending !== undefined && loader[ending] === 'file';
}

/** Imports of files, which give their places beside the output. */
function importedFiles(files: readonly string[], options: BuildOptions): FileAddresses {
  const names = files.map((_, index) => `swancFile${index}`);
  const urls = names.map((name) => `new URL(${name}, swancBase)`);
  return {
    head: [
      ...files.map((file, index) => `import ${names[index]} from ${JSON.stringify(`${namespace}:${file}`)};`),
      `const swancBase = ${baseOf(options)};`,
    ],
    urls,
    publicUrls: urls.map((url) => `${url}.href`),
  };
}

/** An expression for the address of the output, which only modules are told. */
function baseOf({ format, platform, splitting }: BuildOptions): string {
  const usual = splitting === true ? 'esm' : platform === 'node' ? 'cjs' : platform === 'neutral' ? 'esm' : 'iife';
  switch (format ?? usual) {
    case 'esm':
      return 'import.meta.url';
    case 'cjs':
      return 'require("node:url").pathToFileURL(__filename).href';
    default:
      return 'globalThis.document?.currentScript?.src ?? globalThis.location.href';
  }
}

import { dirname } from 'node:path';
import type { Compiler as RspackCompiler } from '@rspack/core';
import type { Compiler as WebpackCompiler } from 'webpack';
import type { Platform, PluginOptions } from '../options.js';
import { idPrefix, importerFile } from '../request.js';
import type { Bundler, Failure } from './bundler.js';

/** What a compiler of webpack and one of Rspack have in common, as far as it is needed. */
interface Compiler {
  readonly context: string;
  readonly options: { readonly externalsPresets: { readonly node?: boolean } };
  readonly resolverFactory: {
    get(
      type: 'normal',
      options: { readonly dependencyType: 'esm' },
    ): {
      resolve(
        context: object,
        folder: string,
        path: string,
        more: object,
        done: (error: Error | null, found?: string | false) => void,
      ): void;
    };
  };
}

/** webpack and Rspack, which take along files whose addresses are written as `new URL('…', import.meta.url)`. */
export function webpackLike(compiler: WebpackCompiler | RspackCompiler): Bundler {
  // Their types differ where nothing is used of them.
  const own = compiler as unknown as Compiler;
  // Set only after plugins were applied.
  const platform = (): Platform => (own.options.externalsPresets.node === true ? 'node' : 'browser');
  return {
    root: () => own.context,
    platform,
    prefix: idPrefix,
    findsWasm: true,
    resolve: async (_, path, importer) => {
      const folder = importer === undefined ? own.context : dirname(importerFile(importer));
      const resolver = own.resolverFactory.get('normal', { dependencyType: 'esm' });
      return new Promise((resolve) => {
        resolver.resolve({ issuer: importer ?? '' }, folder, path, {}, (_error, found) => {
          resolve(typeof found === 'string' ? found : undefined);
        });
      });
    },
    addFiles: async (_, files) => {
      const urls = files.map((file) => `new URL(${JSON.stringify(file)}, import.meta.url)`);
      return { head: [], urls, publicUrls: urls.map((url) => `${url}.href`) };
    },
    fail: (_, failure) => {
      throw buildError(failure);
    },
  };
}

/** Both show the stack of what a loader throws, which says nothing here. */
function buildError({ message, cause }: Failure): Error {
  const error = new Error(message, { cause });
  error.stack = message;
  return error;
}

/**
 * Packages that stay out of the bundle: ONNX Runtime for Node, which has native parts, and the one for browsers where that is
 * asked for.
 */
export function addExternals(
  compiler: WebpackCompiler | RspackCompiler,
  isExternal: (request: string, onnxRuntime: PluginOptions['onnxRuntime']) => boolean,
  onnxRuntime: PluginOptions['onnxRuntime'],
): void {
  // The two compilers type their options otherwise, but take the same here.
  const options = compiler.options as unknown as {
    externals: unknown;
    output: { environment?: { dynamicImport?: boolean } };
  };
  const external = async ({ request = '' }: { readonly request?: string }): Promise<string | undefined> => {
    if (!isExternal(request, onnxRuntime)) return undefined;
    return request === 'onnxruntime-node' ? `node-commonjs ${request}` : `import ${request}`;
  };
  const before = options.externals;
  options.externals = [...(Array.isArray(before) ? before : before === undefined ? [] : [before]), external];
  // What runs the models imports modules, too, though browsers that are not named more closely might not.
  if (onnxRuntime === 'external') options.output.environment = { dynamicImport: true, ...options.output.environment };
}

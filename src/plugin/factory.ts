import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { UnpluginFactory, UnpluginOptions } from 'unplugin';
import { SwancError } from '../support/errors.js';
import type { Bundler, HookContext } from './bundlers/bundler.js';
import { esbuildBundler } from './bundlers/esbuild.js';
import { rollupLike } from './bundlers/rollup.js';
import { viteBundler } from './bundlers/vite.js';
import { addExternals, webpackLike } from './bundlers/webpack.js';
import type { CachedModel } from './compile-cache.js';
import { ModelBuilds } from './model-builds.js';
import { moduleCode } from './module-code.js';
import type { PluginOptions } from './options.js';
import { importerFile, type ModelRequest, moduleId, parseRequest, pathFrom, requestOf } from './request.js';
import { TypesFile } from './types-file.js';

/**
 * The plugin for all bundlers: makes a module of every import with `?swanc`. What bundlers do each in a way of their own is in
 * the files of `bundlers`.
 */
export const factory: UnpluginFactory<PluginOptions | undefined, false> = (given, meta) => {
  const options = given ?? {};
  switch (meta.framework) {
    case 'vite': {
      const { bundler, hooks } = viteBundler();
      return { ...pluginOf(bundler, options), vite: hooks };
    }
    case 'rollup':
    case 'rolldown':
      return pluginOf(rollupLike(), options);
    case 'esbuild': {
      const { bundler, setup } = esbuildBundler();
      const filters = { onResolveFilter: /[?&]swanc(&|$)|^onnxruntime-(web|node)(\/|$)/, onLoadFilter: /\.mjs$/ };
      return { ...pluginOf(bundler, options), esbuild: { ...filters, setup, loader: 'js' } };
    }
    case 'webpack': {
      const { compiler } = meta.webpack;
      return forCompiler(webpackLike(compiler), options, () => addExternals(compiler, isExternal, options.onnxRuntime));
    }
    case 'rspack': {
      const { compiler } = meta.rspack;
      return forCompiler(webpackLike(compiler), options, () => addExternals(compiler, isExternal, options.onnxRuntime));
    }
    default:
      throw new SwancError('SWC2007', `the plugin does not know the bundler '${meta.framework}'`);
  }
};

function forCompiler(bundler: Bundler, options: PluginOptions, apply: () => void): UnpluginOptions {
  return { ...pluginOf(bundler, options), webpack: apply, rspack: apply };
}

/** Packages that are not to be bundled with the modules of models. */
function isExternal(request: string, onnxRuntime: PluginOptions['onnxRuntime']): boolean {
  if (request === 'onnxruntime-node') return true;
  return onnxRuntime === 'external' && /^onnxruntime-web(\/|$)/.test(request);
}

function pluginOf(bundler: Bundler, options: PluginOptions): UnpluginOptions {
  const builds = new ModelBuilds(options);
  const imports = new Map<string, Set<string>>();
  const warned = new Set<string>();
  let typesFile: TypesFile | undefined;
  return {
    name: 'swanc',
    enforce: 'pre',
    buildStart() {
      builds.refresh();
    },
    watchChange() {
      builds.refresh();
    },
    async resolveId(source, importer) {
      const request = parseRequest(source);
      if (request !== undefined) {
        const path = await locate(bundler, this, request.path, importer);
        const id = moduleId(path, request.texts, bundler.prefix);
        imports.set(id, (imports.get(id) ?? new Set()).add(source));
        return id;
      }
      if (importer === undefined || requestOf(importer, bundler.prefix) === undefined) return null;
      return isExternal(source, options.onnxRuntime) ? { id: source, external: true } : null;
    },
    loadInclude: (id) => requestOf(id, bundler.prefix) !== undefined,
    async load(id) {
      const request = requestOf(id, bundler.prefix);
      if (request === undefined) return null;
      try {
        const model = await builds.get(request, bundler.root(), (file) => this.addWatchFile(file));
        for (const warning of model.warnings) {
          const text = `${request.path}: ${warning}`;
          // Not again after every edit.
          if (!warned.has(text)) this.warn(text);
          warned.add(text);
        }
        if (options.types !== undefined && options.types !== false) {
          typesFile ??= new TypesFile(bundler.root(), options.types);
          for (const source of imports.get(id) ?? []) await typesFile.add(source, model.loaded);
        }
        return { code: await codeOf(bundler, this, options, request, model), map: null };
      } catch (error) {
        if (!(error instanceof SwancError)) throw error;
        const { code, message } = error;
        return bundler.fail(this, { message: `${code}: ${message}`, code, file: request.path, cause: error });
      }
    },
  };
}

/** The file that an import means; where there is none, a path that says so later, in `load`, as all errors are told. */
async function locate(
  bundler: Bundler,
  context: HookContext,
  path: string,
  importer: string | undefined,
): Promise<string> {
  const direct = pathFrom(importer, path);
  if (direct !== undefined && existsSync(direct)) return direct;
  const found = await bundler.resolve(context, path, importer);
  if (found !== undefined) return importerFile(found);
  // Servers of pages have the project's folder as their root.
  const inRoot = join(bundler.root(), path);
  return path.startsWith('/') && existsSync(inRoot) ? inRoot : (direct ?? resolve(bundler.root(), path));
}

function codeOf(
  bundler: Bundler,
  context: HookContext,
  { platform: given, onnxRuntime = 'bundle' }: PluginOptions,
  request: ModelRequest,
  model: CachedModel,
): Promise<string> {
  const platform = given ?? bundler.platform(context);
  return moduleCode({
    model,
    platform,
    wasmFrom: onnxRuntime === 'external' || bundler.findsWasm ? [] : [dirname(request.path), bundler.root()],
    addFiles: (files) => bundler.addFiles(context, files, platform),
  });
}

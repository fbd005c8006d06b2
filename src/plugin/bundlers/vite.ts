import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin, ResolvedConfig } from 'vite';
import { idPrefix } from '../request.js';
import type { Bundler, FileAddresses, HookContext } from './bundler.js';
import { emitFiles, failInRollup, resolveByRollup } from './rollup.js';

/** The part of a context that tells of Vite's environment. */
interface ViteContext {
  readonly environment?: { readonly config: { readonly consumer: 'client' | 'server' } };
}

/** Vite, and what its plugin has beyond those of other bundlers. */
export function viteBundler(): { readonly bundler: Bundler; readonly hooks: Partial<Plugin> } {
  let config: Pick<ResolvedConfig, 'root' | 'command'> = { root: process.cwd(), command: 'build' };
  const kept = new Map<string, ReadonlyMap<string, string | Uint8Array>>();
  const bundler: Bundler = {
    root: () => config.root,
    platform: (context) => (isServer(context) ? 'node' : 'browser'),
    prefix: idPrefix,
    findsWasm: true,
    resolve: resolveByRollup,
    addFiles: async (context, files, platform) => {
      const imported = importedFiles(files);
      if (platform === 'browser') return imported;
      if (config.command === 'build') {
        const { urls } = await emitFiles(context, files, 'server');
        return { ...imported, urls };
      }
      const urls = files.map((file) => `new URL(${JSON.stringify(pathToFileURL(file).href)})`);
      return { ...imported, urls };
    },
    fail: failInRollup,
  };
  const hooks: Partial<Plugin> = {
    // Bundled in advance, it would look for its .wasm files where they are not.
    config: () => ({ optimizeDeps: { exclude: ['onnxruntime-web'] } }),
    configResolved: (resolved) => {
      config = resolved;
    },
    // Vite would put in the public address of what a server reads from its disk.
    resolveFileUrl({ relativePath, format, urlId }) {
      if (urlId !== 'server') return null;
      const path = JSON.stringify(relativePath);
      return format === 'cjs'
        ? `new URL(${path}, require('node:url').pathToFileURL(__filename)).href`
        : `new URL(${path}, import.meta.url).href`;
    },
    generateBundle: {
      order: 'pre',
      handler(_, bundle) {
        kept.set(this.environment.name, modelsIn(bundle));
      },
    },
    async writeBundle({ dir }, bundle) {
      // Vite leaves out the assets of builds for servers: pages have theirs from the client's. Models are read here, too.
      for (const [name, source] of kept.get(this.environment.name) ?? []) {
        if (dir === undefined || bundle[name] !== undefined) continue;
        const path = join(dir, name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, source);
      }
      kept.delete(this.environment.name);
    },
  };
  return { bundler, hooks };
}

/** The assets among the files of a bundle that are of compiled models. */
function modelsIn(
  bundle: Readonly<Record<string, { readonly type: string; readonly source?: string | Uint8Array }>>,
): ReadonlyMap<string, string | Uint8Array> {
  const entries = Object.entries(bundle).flatMap(([name, { source }]) =>
    source !== undefined && /\.onnx(\.data)?$/.test(name) ? [[name, source] as const] : [],
  );
  return new Map(entries);
}

/** Hooks are called on contexts of Vite. */
function isServer(context: HookContext): boolean {
  return (context as unknown as ViteContext).environment?.config.consumer === 'server';
}

/** Imports of addresses, which Vite knows in all of its ways: with `base`, in development, on servers. */
function importedFiles(files: readonly string[]): FileAddresses {
  const names = files.map((_, index) => `swancFile${index}`);
  return {
    head: files.map((file, index) => `import ${names[index]} from ${JSON.stringify(`${file}?url&no-inline`)};`),
    urls: names.map((name) => `new URL(${name}, import.meta.url)`),
    publicUrls: names,
  };
}

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PluginOptions } from '../../src/plugin/options.js';
import { root } from '../repository/sources.js';

/** An app with a model, in a folder of its own with a space in its name, and how each bundler builds it. */

export const model = 'gate-before-activation-dense';

/** Writes the app. Packages are those of this repository. */
export function writeApp(folder: string, from = 'app'): string {
  const app = join(folder, 'my app');
  mkdirSync(app, { recursive: true });
  cpSync(fileURLToPath(new URL(from, import.meta.url)), app, { recursive: true });
  cpSync(join(root, 'fixtures', 'traps', model), join(app, 'a model'), { recursive: true });
  mkdirSync(join(app, 'node_modules'), { recursive: true });
  for (const name of ['onnxruntime-web', 'onnxruntime-node', 'onnxruntime-common']) {
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  return app;
}

export interface BuildInput {
  readonly app: string;
  readonly out: string;
  readonly options: PluginOptions;
  /** Where the output lies on the server: `/x/`. */
  readonly base: string;
}

/** Where packages are that a bundler has to be told how to find. */
const packages = {
  name: 'packages',
  resolveId: (id: string): string | null =>
    /^onnxruntime-web(\/|$)/.test(id) ? fileURLToPath(import.meta.resolve(id)) : null,
};

async function plugins() {
  const { default: swanc } = await import('../../src/plugin/index.js');
  return swanc;
}

/** Builds the app for browsers. The output has an index.html, or a main.js for one. */
export const builders: Readonly<Record<string, (input: BuildInput) => Promise<void>>> = {
  async vite({ app, out, options, base }) {
    const { build } = await import('vite');
    await build({
      configFile: false,
      root: app,
      base,
      logLevel: 'warn',
      build: { outDir: out, emptyOutDir: true, target: 'es2022' },
      plugins: [(await plugins()).vite(options)],
    });
  },

  async rollup({ app, out, options }) {
    const { rollup } = await import('rollup');
    const build = await rollup({
      input: join(app, 'main.js'),
      plugins: [packages, (await plugins()).rollup(options)],
    });
    await build.write({ dir: out, format: 'es', sourcemap: true });
    await build.close();
    writePage(out, 'module');
  },

  async rolldown({ app, out, options }) {
    const { rolldown } = await import('rolldown');
    const build = await rolldown({
      input: join(app, 'main.js'),
      platform: 'browser',
      plugins: [(await plugins()).rolldown(options)],
    });
    await build.write({ dir: out, format: 'es', sourcemap: true });
    await build.close();
    writePage(out, 'module');
  },

  async esbuild({ app, out, options }) {
    const { build } = await import('esbuild');
    await build({
      absWorkingDir: app,
      entryPoints: ['main.js'],
      bundle: true,
      format: 'esm',
      splitting: true,
      sourcemap: true,
      outdir: out,
      logLevel: 'silent',
      plugins: [(await plugins()).esbuild(options)],
    });
    writePage(out, 'module');
  },

  async 'esbuild-iife'({ app, out, options }) {
    const { build } = await import('esbuild');
    await build({
      absWorkingDir: app,
      entryPoints: ['main.js'],
      bundle: true,
      outdir: out,
      logLevel: 'silent',
      plugins: [(await plugins()).esbuild(options)],
    });
    writePage(out, 'classic');
  },

  async webpack({ app, out, options }) {
    const { default: webpack } = await import('webpack');
    const compiler = webpack({
      context: app,
      mode: 'production',
      entry: './main.js',
      output: { path: out, filename: 'main.js' },
      devtool: 'source-map',
      performance: false,
      plugins: [(await plugins()).webpack(options)],
    });
    await runCompiler(compiler);
    writePage(out, 'classic');
  },

  async rspack({ app, out, options }) {
    const { rspack } = await import('@rspack/core');
    const compiler = rspack({
      context: app,
      mode: 'production',
      entry: './main.js',
      output: { path: out, filename: 'main.js' },
      devtool: 'source-map',
      performance: false,
      plugins: [(await plugins()).rspack(options)],
    });
    await runCompiler(compiler);
    writePage(out, 'classic');
  },
};

/** What webpack's compiler and Rspack's have in common. */
interface RunnableCompiler {
  run(done: (error: Error | null, stats?: CompilerStats) => void): void;
  close(done: (error?: Error | null) => void): void;
}
interface CompilerStats {
  hasErrors(): boolean;
  toString(options: { readonly colors: false; readonly all: false; readonly errors: true }): string;
}

export async function runCompiler(compiler: RunnableCompiler | null): Promise<void> {
  if (compiler === null) throw new Error('there is no compiler');
  await new Promise<void>((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close(() => {
        if (error !== null) reject(error);
        else if (stats?.hasErrors()) reject(new Error(stats.toString({ colors: false, all: false, errors: true })));
        else resolve();
      });
    });
  });
}

function writePage(out: string, kind: 'module' | 'classic'): void {
  const script =
    kind === 'module' ? '<script type="module" src="main.js"></script>' : '<script src="main.js" defer></script>';
  writeFileSync(
    join(out, 'index.html'),
    `<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,">${script}</html>\n`,
  );
}

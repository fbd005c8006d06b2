import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import swanc from '../../src/plugin/index.js';
import { writeSamples } from '../cli/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCompiler, writeApp } from './apps.js';
import { expectedOutput, sample } from './browser-page.js';

/** The same program by every bundler, run by Node with onnxruntime-node. */

const folder = temporaryFolder();

/** Builds server.js for Node; returns the path of the program. */
const builders: Readonly<Record<string, (app: string, out: string) => Promise<string>>> = {
  async vite(app, out) {
    const { build } = await import('vite');
    await build({
      configFile: false,
      root: app,
      base: '/x/',
      logLevel: 'error',
      build: { ssr: 'server.js', outDir: out, emptyOutDir: true, target: 'es2022' },
      plugins: [swanc.vite()],
    });
    return join(out, 'server.js');
  },

  async rollup(app, out) {
    const { rollup } = await import('rollup');
    const input = join(app, 'server.js');
    const build = await rollup({ input, plugins: [swanc.rollup({ platform: 'node' })], onwarn: () => undefined });
    await build.write({ dir: out, format: 'es' });
    return join(out, 'server.js');
  },

  async rolldown(app, out) {
    const { rolldown } = await import('rolldown');
    const build = await rolldown({
      input: join(app, 'server.js'),
      platform: 'node',
      onLog: () => undefined,
      plugins: [swanc.rolldown({ platform: 'node' })],
    });
    await build.write({ dir: out, format: 'es' });
    return join(out, 'server.js');
  },

  async esbuild(app, out) {
    const { build } = await import('esbuild');
    await build({
      absWorkingDir: app,
      entryPoints: ['server.js'],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outdir: out,
      logLevel: 'silent',
      plugins: [swanc.esbuild()],
    });
    return join(out, 'server.js');
  },

  async webpack(app, out) {
    const { default: webpack } = await import('webpack');
    const compiler = webpack({
      context: app,
      mode: 'production',
      target: 'node20',
      entry: './server.js',
      output: { path: out, filename: 'server.mjs', module: true, chunkFormat: 'module' },
      experiments: { outputModule: true },
      plugins: [swanc.webpack()],
    });
    await runCompiler(compiler);
    return join(out, 'server.mjs');
  },

  async rspack(app, out) {
    const { rspack } = await import('@rspack/core');
    const compiler = rspack({
      context: app,
      mode: 'production',
      target: 'node',
      entry: './server.js',
      output: { path: out, filename: 'server.cjs' },
      plugins: [swanc.rspack()],
    });
    await runCompiler(compiler);
    return join(out, 'server.cjs');
  },
};

interface Printed {
  readonly url: string;
  readonly outputs: readonly (readonly number[])[];
}

describe('a program for Node with a model', () => {
  let app: string;
  let expected: readonly number[];

  beforeAll(async () => {
    app = writeApp(folder, 'server-app');
    writeSamples(join(app, 'samples.npy'), 64, [sample.length]);
    expected = await expectedOutput();
  });

  test.each(Object.keys(builders))('built by %s', async (name) => {
    const out = join(app, 'out', name);
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
    const program = (await builders[name]?.(app, out)) ?? '';
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, JSON.stringify(sample)], {
      cwd: '/',
    });
    const { outputs, url, ...facts }: Printed = JSON.parse(stdout);
    expect(facts).toEqual({
      device: 'wasm',
      reason: 'the model is for the processor',
      files: ['int8', 'fp32'],
      warnings: [],
    });
    expect(stderr).toBe('');
    expect(outputs).toHaveLength(1);
    for (const [index, value] of (outputs[0] ?? []).entries())
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
    // Of a page that Vite renders, the address is that of the client's build.
    expect(url).toMatch(name === 'vite' ? /^\/x\/assets\/model-.+\.onnx$/ : /^file:.*\.onnx$/);
  });

  test("by Vite's server, from its sources", async () => {
    const { createServer } = await import('vite');
    const server = await createServer({
      configFile: false,
      root: app,
      logLevel: 'silent',
      server: { middlewareMode: true },
      appType: 'custom',
      plugins: [swanc.vite()],
    });
    try {
      const module = await server.ssrLoadModule('/model.js');
      expect(await module.run(sample)).toEqual(expected.map((value) => expect.closeTo(value, 5)));
    } finally {
      await server.close();
    }
  });
});

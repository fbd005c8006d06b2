import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { viteBundler } from '../../src/plugin/bundlers/vite.js';
import { factory } from '../../src/plugin/factory.js';
import { moduleCode } from '../../src/plugin/module-code.js';
import type { PluginOptions } from '../../src/plugin/options.js';
import { writeSamples } from '../cli/support.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';
import { model } from './apps.js';

/** What the plugin makes of an import, without a bundler. */

const folder = temporaryFolder();
const app = join(folder, 'app');

beforeAll(() => {
  cpSync(join(root, 'fixtures', 'traps', model), app, { recursive: true });
  mkdirSync(join(app, 'node_modules'));
  symlinkSync(join(root, 'node_modules', 'onnxruntime-web'), join(app, 'node_modules', 'onnxruntime-web'));
  writeSamples(join(app, 'samples.npy'), 64, [5]);
});

interface Made {
  readonly code: string;
  readonly assets: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  readonly watched: readonly string[];
}

/** Imports `model.json` as Rollup does. */
async function made(query: string, options: PluginOptions = {}): Promise<Made> {
  const assets = new Map<string, string>();
  const warnings: string[] = [];
  const watched: string[] = [];
  const context = {
    emitFile: ({ name, source }: { name: string; source: Buffer }) => {
      // Its hash: files of ONNX Runtime are large.
      assets.set(name, createHash('sha256').update(source).digest('hex'));
      return name.replaceAll(/\W/g, '_');
    },
    addWatchFile: (file: string) => watched.push(file),
    warn: (text: string) => warnings.push(text),
    resolve: async () => null,
    error: (error: { message: string }) => {
      throw new Error(error.message);
    },
  };
  const plugin = factory(
    { cacheFolder: join(folder, 'cache'), config: false, ...options },
    { framework: 'rollup', versions: {} },
  );
  const call = (hook: unknown, ...values: readonly unknown[]): Promise<unknown> => {
    if (typeof hook !== 'function') throw new Error('the plugin has no such hook');
    return hook.apply(context, values);
  };
  const id = await call(plugin.resolveId, `./model.json?swanc&${query}`, join(app, 'main.js'));
  const loaded = await call(plugin.load, id);
  if (typeof loaded !== 'object' || loaded === null || !('code' in loaded)) throw new Error('nothing was loaded');
  return { code: String(loaded.code), assets, warnings, watched };
}

describe('the module of a model', () => {
  test('is the same when all is done again, and so are its files', async () => {
    const query = 'target=webgpu&mode=dynamic&calibration=samples.npy';
    const first = await made(query, { cacheFolder: join(folder, 'one') });
    const again = await made(query, { cacheFolder: join(folder, 'other') });
    const kept = await made(query, { cacheFolder: join(folder, 'other') });
    expect(again).toEqual(first);
    expect(kept).toEqual(first);
    expect(readdirSync(join(folder, 'other'))).toHaveLength(1);
  });

  test('has a file for devices with half precision, and one for all', async () => {
    const { assets, code, watched } = await made('target=webgpu&precision=fp16');
    const wasm = ['ort-wasm-simd-threaded.wasm', 'ort-wasm-simd-threaded.asyncify.wasm'];
    expect([...assets.keys()]).toEqual(['model.fp16.onnx', 'model.onnx', ...wasm]);
    expect(code).toContain('import.meta.ROLLUP_FILE_URL_model_fp16_onnx');
    expect(watched.toSorted()).toEqual([join(app, 'model.json'), join(app, 'weights.bin')]);
  });

  test('for the processor has no use for WebGPU', async () => {
    const { assets, code } = await made('target=cpu');
    expect([...assets.keys()]).toEqual(['model.onnx', 'ort-wasm-simd-threaded.wasm']);
    expect(code).not.toContain("import('onnxruntime-web/webgpu')");
    expect(code).not.toContain("import('onnxruntime-node')");
  });

  test('for Node reads files, and imports nothing for browsers', async () => {
    const { assets, code } = await made('target=webgpu', { platform: 'node' });
    expect([...assets.keys()]).toEqual(['model.onnx']);
    expect(code).not.toContain("import('onnxruntime-web");
    expect(code).toContain("import('onnxruntime-node')");
  });

  test('leaves ONNX Runtime out where the app brings it', async () => {
    const { assets } = await made('target=webgpu', { onnxRuntime: 'external' });
    expect([...assets.keys()]).toEqual(['model.onnx']);
  });

  const graph = { path: 'model.onnx', bytes: 1, sha256: 'ab' };
  const data = { path: 'model.onnx.data', bytes: 2, sha256: 'cd' };
  const files = [{ precision: 'fp32' as const, devices: ['wasm' as const], feature: null, graph, data }];
  const loaded = { compiler: 'swanc', target: 'cpu', inputs: [], outputs: [], files };
  const compiled = { folder: '/cache/key', loaded, mode: 'dense', warnings: [] };

  test('takes weights along that are in a file of their own', async () => {
    const asked: string[] = [];
    const code = await moduleCode({
      model: compiled,
      platform: 'browser',
      wasmFrom: [],
      addFiles: async (paths) => {
        asked.push(...paths);
        const urls = paths.map((_, index) => `url${index}`);
        return { head: [], urls, publicUrls: urls };
      },
    });
    expect(asked).toEqual(['/cache/key/model.onnx', '/cache/key/model.onnx.data']);
    for (const text of ['url: () => url0', 'url: () => url1', '"size":3', '"hash":"ab"']) expect(code).toContain(text);
  });

  test('cannot be made where ONNX Runtime is missing', async () => {
    const addFiles = async () => ({ head: [], urls: [], publicUrls: [] });
    const code = moduleCode({ model: compiled, platform: 'browser', wasmFrom: [folder], addFiles });
    await expect(code).rejects.toMatchObject({
      code: 'SWC3010',
      problems: [{ advice: expect.stringContaining('npm install onnxruntime-web') }],
    });
  });

  test('tells what the compiler warns of, also when nothing is compiled', async () => {
    const first = await made('target=edge');
    const second = await made('target=edge');
    expect(first.warnings[0]).toContain(`${join(app, 'model.json')}: no calibration data`);
    expect(second.warnings).toEqual(first.warnings);
  });

  test('with rules that are functions is compiled by each process, and once by it', async () => {
    const cacheFolder = join(folder, 'functions');
    const options = { cacheFolder, plugins: [() => undefined] };
    await made('target=cpu', options);
    await made('target=cpu', options);
    expect(readdirSync(cacheFolder)).toHaveLength(2);
  });
});

test('imports without the marker are left to others', async () => {
  const plugin = factory({}, { framework: 'rollup', versions: {} });
  for (const source of ['./model.json', './model.json?url', 'onnxruntime-web/wasm', 'onnxruntime-node']) {
    if (typeof plugin.resolveId !== 'function') throw new Error('the plugin resolves nothing');
    const context = { error: () => undefined, warn: () => undefined };
    expect(await Reflect.apply(plugin.resolveId, context, [source, '/app/main.js', { isEntry: false }])).toBeNull();
  }
});

test('a bundler that the plugin does not know is told so', () => {
  expect(() => factory({}, { framework: 'rsbuild', versions: {} })).toThrow("'rsbuild'");
});

test('Vite does not part ONNX Runtime from its files', () => {
  const { hooks } = viteBundler();
  const config = typeof hooks.config === 'function' ? Reflect.apply(hooks.config, {}, [{}, {}]) : undefined;
  expect(config).toEqual({ optimizeDeps: { exclude: ['onnxruntime-web'] } });
});

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as nodeOrt from 'onnxruntime-node';
import * as webOrt from 'onnxruntime-web';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type CompileOptions, compile } from '../../src/index.js';
import type { Target } from '../../src/passkit/target.js';
import { webgpu } from '../../targets/webgpu.js';
import { temporaryFolder, trap } from '../cli/support.js';
import {
  fetchFile,
  filesOf,
  importLoader,
  type LoadedModule,
  type LoaderModule,
  type Sources,
  writeAll,
} from './loader-support.js';

/** The module that is written beside a model, in Node; `test/browser/loader.test.ts` has it in a browser. */

const scaled = (factor: number) => `
  agraph (float[1, 3] x, float[1, 3] "second one") => (float[1, 3] y) {
    k = Constant<value = float {${factor}}>()
    s = Mul(x, k)
    y = Add(s, "second one")
  }`;
const plain = `
  agraph (float[1, 3] x) => (float[1, 3] y)
  <float[1] k = {2}>
  { y = Mul(x, k) }`;
const half = plain.replace('{2}', '{3}');
const open = `
  agraph (float[n, 2] x, float[n, m] z) => (float[n, 2] y, float[n, m] w)
  <float[1] k = {2}>
  { y = Mul(x, k)
    w = Mul(z, k) }`;
const weighty = `
  agraph (float[1, 512] x) => (float[1, 512] y)
  <float[512] k = {${Array.from({ length: 512 }, (_, index) => index).join(', ')}}>
  { y = Mul(x, k) }`;

webOrt.env.wasm.numThreads = 1;
const folder = temporaryFolder();
let folders = 0;

async function written(sources: Sources, externalData?: boolean): Promise<{ module: LoaderModule; path: string }> {
  const path = join(folder, `${folders++}`);
  mkdirSync(path);
  writeAll(path, await filesOf(sources, externalData));
  return { module: await importLoader(path), path };
}

const quiet = { ort: webOrt, fetch: fetchFile, onWarning: () => undefined };
const feeds = { x: Float32Array.of(1, 2, 3) };

async function numbers(loaded: LoadedModule, given: unknown = feeds, output = 'y'): Promise<number[]> {
  const results = await loaded.run(given);
  return Array.from(results[output]?.data ?? []);
}

/** A page with a graphics adapter, and an ONNX Runtime that runs what is meant for it on the processor. */
function withGpu(
  features: readonly string[],
  refuses?: string,
): { ort: object; asked: { providers: unknown; bytes: number }[] } {
  const adapter = { features: new Set(features) };
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } });
  const asked: { providers: unknown; bytes: number }[] = [];
  const create = async (bytes: Uint8Array, options: { executionProviders: string[] }) => {
    asked.push({ providers: options.executionProviders, bytes: bytes.length });
    if (refuses !== undefined && options.executionProviders[0] === 'webgpu') throw new Error(refuses);
    return webOrt.InferenceSession.create(bytes, { ...options, executionProviders: ['wasm'] });
  };
  return { ort: { ...webOrt, InferenceSession: { create } }, asked };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the files', () => {
  it('are the same for the same model', async () => {
    const texts = async () =>
      (await filesOf({ fp32: plain, fp16: half })).map(({ path, content }) => [
        path,
        Buffer.concat([...content]).toString(),
      ]);
    expect(await texts()).toEqual(await texts());
    expect((await texts()).map(([path]) => path)).toEqual([
      'webgpu/model.onnx',
      'webgpu/model.fp16.onnx',
      'webgpu/model.d.mts',
      'webgpu/model.mjs',
    ]);
  });

  it('tell the bytes that they have', async () => {
    for (const { bytes, content } of await filesOf({ fp32: plain }))
      expect(Buffer.concat([...content]).length).toBe(bytes);
  });

  it('have one interface in all precisions', async () => {
    await expect(filesOf({ fp32: plain, fp16: plain.replaceAll('x', 'z') })).rejects.toThrow(/internal error.*fp16/);
  });
});

describe('load', () => {
  it.each([
    { name: 'onnxruntime-web', ort: webOrt },
    { name: 'onnxruntime-node', ort: nodeOrt },
  ])('runs in $name', async ({ ort }) => {
    const { module } = await written({ fp32: plain });
    const loaded = await module.load({ ...quiet, ort });
    expect(loaded).toMatchObject({ device: 'wasm', precision: 'fp32', warnings: [] });
    expect(module.inputs).toEqual([{ name: 'x', type: 'float32', shape: [1, 3] }]);
    expect(await loaded.run(feeds)).toEqual({ y: { type: 'float32', dims: [1, 3], data: Float32Array.of(2, 4, 6) } });
    await loaded.release();
  });

  it('reads weights that are beside the graph', async () => {
    const { module, path } = await written({ fp32: weighty }, true);
    const loaded = await module.load(quiet);
    const result = await numbers(loaded, { x: new Float32Array(512).fill(2) });
    expect(result).toEqual(Array.from({ length: 512 }, (_, index) => 2 * index));
    await loaded.release();
    writeFileSync(join(path, 'model.onnx.data'), new Uint8Array(2048));
    await expect(module.load(quiet)).rejects.toMatchObject({
      code: 'hash',
      message: expect.stringMatching(/model\.onnx\.data has the SHA-256/),
    });
  });

  it('refuses a file of which two bytes changed places', async () => {
    const { module, path } = await written({ fp32: plain });
    const file = join(path, 'model.onnx');
    const bytes = readFileSync(file);
    const at = bytes.findIndex((byte, index) => byte !== bytes[index + 1]);
    bytes.set([bytes[at + 1] ?? 0, bytes[at] ?? 0], at);
    writeFileSync(file, bytes);
    await expect(module.load(quiet)).rejects.toMatchObject({
      name: 'ModelError',
      code: 'hash',
      message: expect.stringMatching(
        /model\.onnx has the SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}; .*deploy them anew/,
      ),
    });
  });

  it('refuses a file of another size, also where hashes cannot be made', async () => {
    const { module, path } = await written({ fp32: plain });
    const file = join(path, 'model.onnx');
    vi.stubGlobal('crypto', {});
    const warnings: string[] = [];
    const loaded = await module.load({ ...quiet, onWarning: (text: string) => warnings.push(text) });
    expect(warnings).toEqual([expect.stringMatching(/model\.onnx is only compared in size: .*secure origin/)]);
    expect(loaded.warnings).toEqual(warnings);
    await loaded.release();
    writeFileSync(file, readFileSync(file).subarray(1));
    await expect(module.load(quiet)).rejects.toMatchObject({
      code: 'hash',
      message: expect.stringMatching(/bytes instead of/),
    });
  });

  it('says which file is missing', async () => {
    const { module } = await written({ fp32: plain });
    const fetch = async () => new Response('', { status: 404 });
    await expect(module.load({ ...quiet, fetch })).rejects.toMatchObject({
      code: 'fetch',
      message: expect.stringMatching(/model\.onnx cannot be fetched: status 404/),
    });
  });

  it('takes files from another folder', async () => {
    const { module } = await written({ fp32: plain });
    const urls: string[] = [];
    const fetch = async (url: URL) => {
      urls.push(url.href);
      return new Response('', { status: 404 });
    };
    for (const baseUrl of [
      'https://example.org/models/',
      'https://example.org/models',
      new URL('https://a.test/b?c=/'),
    ])
      await module.load({ ...quiet, fetch, baseUrl }).catch(() => undefined);
    const wanted = 'https://example.org/models/model.onnx';
    expect(urls).toEqual([wanted, wanted, 'https://a.test/b/model.onnx']);
  });

  it('refuses values that it does not know, all at once', async () => {
    const { module } = await written({ fp32: plain });
    await expect(module.load({ ...quiet, device: 'cuda', precision: 'fp16', threads: 0 })).rejects.toMatchObject({
      code: 'options',
      message:
        "device 'cuda' is none of 'auto', 'webgpu', 'wasm'; precision 'fp16' is none of 'auto', 'fp32'; threads are 0, not a whole number above 0",
    });
  });

  it('refuses options that there are not, and what is no object', async () => {
    const { module } = await written({ fp32: plain });
    await expect(module.load({ ...quiet, Device: 'wasm', threads: 0 })).rejects.toMatchObject({
      code: 'options',
      message: expect.stringMatching(/^there is no option 'Device', only 'device', 'precision', .*; threads are 0/),
    });
    for (const given of [null, 'wasm']) {
      await expect(module.load(given)).rejects.toMatchObject({
        name: 'ModelError',
        code: 'options',
        message: `load takes an object with options, not ${given}`,
      });
    }
  });

  it('knows the options that its types declare', async () => {
    const { module, path } = await written({ fp32: plain });
    const [, declared = ''] = readFileSync(join(path, 'model.d.mts'), 'utf8').split('interface LoadOptions {');
    const names = [...(declared.split('\n}')[0] ?? '').matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
    expect(names).toContain('device');
    await expect(module.load({ none: 1 })).rejects.toMatchObject({
      message: `there is no option 'none', only ${names.map((name) => `'${name}'`).join(', ')}`,
    });
  });

  it('ends where the signal says so', async () => {
    const { module } = await written({ fp32: plain });
    const controller = new AbortController();
    const fetch = (url: URL) => {
      controller.abort(new Error('enough'));
      return fetchFile(url);
    };
    await expect(module.load({ ...quiet, fetch, signal: controller.signal })).rejects.toThrow('enough');
    await expect(module.load({ ...quiet, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  it('ends so, too, where what fetches does not heed it, or throws at once', async () => {
    const { module } = await written({ fp32: plain });
    const controller = new AbortController();
    const never = () => {
      setTimeout(() => controller.abort(new Error('enough')));
      return new Promise(() => undefined);
    };
    await expect(module.load({ ...quiet, fetch: never, signal: controller.signal })).rejects.toThrow('enough');
    const fetch = () => {
      throw new Error('offline');
    };
    await expect(module.load({ ...quiet, fetch })).rejects.toMatchObject({ code: 'fetch' });
  });

  it('says what ONNX Runtime does not load', async () => {
    const { module } = await written({ fp32: plain });
    const ort = { ...webOrt, InferenceSession: { create: () => Promise.reject(new Error('no kernel')) } };
    await expect(module.load({ ...quiet, ort })).rejects.toMatchObject({
      code: 'runtime',
      message: 'ONNX Runtime does not load model.onnx: no kernel',
    });
  });

  it('says what to do where onnxruntime-web is not found', async () => {
    const { path } = await written({ fp32: plain });
    const fetch = "async (url) => new Response(await (await import('node:fs/promises')).readFile(url))";
    const code = `import('./model.mjs').then(({ load }) => load({ fetch: ${fetch} })).catch((error) => console.log(error.message))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], { cwd: path });
    expect(stdout).toMatch(/onnxruntime-web cannot be imported: .*give it as the option 'ort'.*import map/s);
  });
});

describe('devices', () => {
  it('WebGPU is taken if there is an adapter', async () => {
    const { module } = await written({ fp32: plain });
    const { ort, asked } = withGpu([]);
    const loaded = await module.load({ ...quiet, ort });
    const deviceReason = 'there is an adapter for WebGPU';
    expect(loaded).toMatchObject({ device: 'webgpu', deviceReason, warnings: [] });
    expect(asked).toMatchObject([{ providers: ['webgpu'] }]);
    const other = await module.load({ ...quiet, ort, device: 'wasm' });
    expect(other).toMatchObject({ device: 'wasm', deviceReason: "'wasm' was asked for" });
    await Promise.all([loaded.release(), other.release()]);
  });

  it('is an error where WebGPU was asked for and there is none', async () => {
    const { module } = await written({ fp32: plain });
    vi.stubGlobal('navigator', {});
    await expect(module.load({ ...quiet, device: 'webgpu' })).rejects.toMatchObject({
      code: 'device',
      message: expect.stringMatching(/no WebGPU/),
    });
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    await expect(module.load({ ...quiet, device: 'webgpu' })).rejects.toMatchObject({
      message: expect.stringMatching(/there is no adapter/),
    });
    vi.stubGlobal('navigator', { gpu: { requestAdapter: () => Promise.reject(new Error('blocked')) } });
    await expect(module.load({ ...quiet, device: 'webgpu' })).rejects.toMatchObject({
      message: expect.stringMatching(/blocked/),
    });
    const loaded = await module.load(quiet);
    expect(loaded).toMatchObject({ device: 'wasm', deviceReason: 'no WebGPU: blocked', warnings: [] });
    await loaded.release();
  });

  it.each([
    { why: 'there is no adapter', navigator: { gpu: { requestAdapter: async () => null } }, isSecureContext: true },
    { why: 'there is none here', navigator: {}, isSecureContext: true },
    { why: 'the page has no secure origin (https or localhost)', navigator: {}, isSecureContext: false },
  ])('says why it takes WebAssembly: $why', async ({ why, navigator, isSecureContext }) => {
    vi.stubGlobal('navigator', navigator);
    vi.stubGlobal('isSecureContext', isSecureContext);
    const { module } = await written({ fp32: plain });
    const loaded = await module.load(quiet);
    expect(loaded).toMatchObject({ device: 'wasm', deviceReason: `no WebGPU: ${why}` });
    await loaded.release();
  });

  it('falls back to WebAssembly with a warning, and fetches no file twice', async () => {
    const { module } = await written({ fp32: plain });
    const { ort, asked } = withGpu([], 'device lost');
    let fetched = 0;
    const fetch = (url: URL) => {
      fetched++;
      return fetchFile(url);
    };
    const loaded = await module.load({ ...quiet, ort, fetch });
    expect(loaded).toMatchObject({
      device: 'wasm',
      deviceReason: expect.stringMatching(/^WebGPU failed: .*device lost/),
      warnings: [expect.stringMatching(/WebGPU failed.*device lost/)],
    });
    expect(asked.map(({ providers }) => providers)).toEqual([['webgpu'], ['wasm']]);
    expect(fetched).toBe(1);
    expect(await numbers(loaded)).toEqual([2, 4, 6]);
    await loaded.release();
    await expect(module.load({ ...quiet, ort, device: 'webgpu' })).rejects.toMatchObject({ code: 'runtime' });
  });

  it('are those that the target says', async () => {
    const path = join(folder, `${folders++}`);
    mkdirSync(path);
    const target: Target = { ...webgpu, runsOn: { fp32: { devices: ['wasm'], feature: null } } };
    writeAll(path, await filesOf({ fp32: plain }, undefined, target));
    const module = await importLoader(path);
    expect(await module.load(quiet)).toMatchObject({ device: 'wasm' });
    const { ort } = withGpu([]);
    await expect(module.load({ ...quiet, ort, device: 'webgpu' })).rejects.toThrow(
      'no file of this model runs on webgpu',
    );
    await expect(filesOf({ fp32: plain, fp16: half }, undefined, target)).rejects.toThrow(
      "what 'webgpu' runs a file in fp16 on",
    );
  });

  it('tries no other device where the file is wrong', async () => {
    const { module } = await written({ fp32: plain });
    const { ort, asked } = withGpu([]);
    const fetch = async () => new Response('something else');
    await expect(module.load({ ...quiet, ort, fetch })).rejects.toMatchObject({ code: 'hash' });
    expect(asked).toEqual([]);
  });
});

describe('precisions', () => {
  it('half precision is taken where the adapter has it', async () => {
    const { module } = await written({ fp32: plain, fp16: half });
    const { ort } = withGpu(['shader-f16']);
    const loaded = await module.load({ ...quiet, ort });
    expect(loaded).toMatchObject({ device: 'webgpu', precision: 'fp16', warnings: [] });
    expect(await numbers(loaded)).toEqual([3, 6, 9]);
    const full = await module.load({ ...quiet, ort, precision: 'fp32' });
    expect(full).toMatchObject({ precision: 'fp32', warnings: [] });
    expect(await numbers(full)).toEqual([2, 4, 6]);
    await Promise.all([loaded.release(), full.release()]);
  });

  it('full precision is taken with a warning where it has not', async () => {
    const { module } = await written({ fp32: plain, fp16: half });
    const { ort } = withGpu(['timestamp-query']);
    for (const precision of ['auto', 'fp16']) {
      const loaded = await module.load({ ...quiet, ort, precision });
      expect(loaded).toMatchObject({
        device: 'webgpu',
        precision: 'fp32',
        warnings: ["the fp16 file is left out: this adapter lacks 'shader-f16'"],
      });
      expect(await numbers(loaded)).toEqual([2, 4, 6]);
      await loaded.release();
    }
  });

  it('half precision is not for WebAssembly: told where it was asked for', async () => {
    const { module } = await written({ fp32: plain, fp16: half });
    const loaded = await module.load({ ...quiet, device: 'wasm' });
    expect(loaded).toMatchObject({ precision: 'fp32', warnings: [] });
    const asked = await module.load({ ...quiet, device: 'wasm', precision: 'fp16' });
    expect(asked).toMatchObject({
      precision: 'fp32',
      warnings: ['the fp32 file is used: the fp16 one does not run on wasm'],
    });
    await Promise.all([loaded.release(), asked.release()]);
  });

  it('int8 is for WebAssembly', async () => {
    const { module } = await written({ fp32: plain, int8: half });
    const loaded = await module.load(quiet);
    expect(loaded).toMatchObject({ device: 'wasm', precision: 'int8' });
    await loaded.release();
  });
});

describe('run', () => {
  it('says all that is wrong with what it is given', async () => {
    const { module } = await written({ fp32: scaled(2) });
    const loaded = await module.load(quiet);
    const refused = async (given: unknown, message: string) =>
      expect(loaded.run(given)).rejects.toMatchObject({ name: 'ModelError', code: 'feeds', message });
    await refused(
      { x: new Float64Array(3), other: 1 },
      "there is no input 'other', only 'x', 'second one'; input 'x' is float32: give a Float32Array, not Float64Array; input 'second one' has no data",
    );
    const second = { 'second one': new Float32Array(3) };
    await refused({ x: new Float32Array(4), ...second }, "input 'x' is [1, 3], and 4 elements were given");
    await refused({ x: [1, 2, 3], ...second }, "input 'x' is float32: give a Float32Array, not Array");
    const data = new Float32Array(3);
    await refused({ x: { data, dims: [3, 1] }, ...second }, "input 'x' is [1, 3], not [3, 1]");
    await refused({ x: { data, dims: '1, 3' }, ...second }, "input 'x' has dims that are no list of sizes");
    await refused(
      { x: { data: new Float32Array(2), dims: [1, 3] }, ...second },
      "input 'x' has 2 elements, and [1, 3] takes 3",
    );
    await refused(undefined, "input 'x' has no data; input 'second one' has no data");
    expect(await numbers(loaded, { x: data.fill(1), 'second one': { data: data.slice(), dims: [1, 3] } })).toEqual([
      3, 3, 3,
    ]);
    await loaded.release();
  });

  it('finds sizes that are open', async () => {
    const { module } = await written({ fp32: open });
    const loaded = await module.load(quiet);
    const x = Float32Array.of(1, 2, 3, 4);
    const result = await loaded.run({ x, z: { data: Float32Array.of(5, 6), dims: [2, 1] } });
    expect(result).toMatchObject({ y: { dims: [2, 2], data: Float32Array.of(2, 4, 6, 8) }, w: { dims: [2, 1] } });
    await expect(loaded.run({ x: x.subarray(1), z: x })).rejects.toMatchObject({
      message:
        "input 'x' is [n, 2], and 3 elements were given; input 'z' is [n, m], which 4 elements do not tell: give { data, dims }",
    });
    await expect(loaded.run({ x, z: { data: x, dims: [1, 4] } })).rejects.toMatchObject({
      message: "input 'z' has 1 as 'n', and another input 2",
    });
    await loaded.release();
  });

  it('takes runs one after the other, and none after the release', async () => {
    const { module } = await written({ fp32: plain });
    let running = 0;
    const create = async (bytes: Uint8Array) => {
      const session = await webOrt.InferenceSession.create(bytes);
      const run = async (given: Record<string, webOrt.Tensor>) => {
        running++;
        await new Promise((resolve) => setImmediate(resolve));
        expect(running).toBe(1);
        running--;
        return session.run(given);
      };
      return { run, release: () => session.release() };
    };
    const loaded = await module.load({ ...quiet, ort: { ...webOrt, InferenceSession: { create } } });
    const runs = [1, 2, 3].map((value) => numbers(loaded, { x: Float32Array.of(value, 0, 0) }));
    const released = loaded.release();
    expect(await Promise.all(runs)).toEqual([
      [2, 0, 0],
      [4, 0, 0],
      [6, 0, 0],
    ]);
    await released;
    await loaded.release();
    await expect(loaded.run(feeds)).rejects.toMatchObject({ code: 'released' });
  });

  it('reads arrays when it is called', async () => {
    const { module } = await written({ fp32: plain });
    const loaded = await module.load({ ...quiet, ort: webOrt });
    const x = Float32Array.of(1, 0, 0);
    const runs = [1, 2].map((value) => {
      x[0] = value;
      return numbers(loaded, { x });
    });
    x.fill(9);
    expect(await Promise.all(runs)).toEqual([
      [2, 0, 0],
      [4, 0, 0],
    ]);
    await loaded.release();
  });

  it('tells of failures of ONNX Runtime in its own class of errors', async () => {
    const { module } = await written({ fp32: plain });
    const create = async (bytes: Uint8Array) => {
      const session = await webOrt.InferenceSession.create(bytes);
      return { run: () => Promise.reject(new Error('no kernel')), release: () => session.release() };
    };
    const loaded = await module.load({ ...quiet, warmUp: false, ort: { ...webOrt, InferenceSession: { create } } });
    await expect(loaded.run(feeds)).rejects.toMatchObject({
      code: 'runtime',
      message: expect.stringMatching(/no kernel/),
    });
    await loaded.release();
  });
});

describe('a compile', () => {
  it('writes the loader beside the model, and takes away what it does not write again', async () => {
    const out = join(folder, 'compiled');
    const compiled = async (options: Partial<CompileOptions>) => {
      await compile({ model: trap('dead-block'), out, targets: ['webgpu'], mode: 'dense', ...options });
      return readdirSync(join(out, 'webgpu')).toSorted();
    };
    const modules = ['model.d.mts', 'model.mjs', 'model.onnx'];
    expect(await compiled({ precision: 'fp16' })).toEqual([
      'model.d.mts',
      'model.fp16.onnx',
      'model.mjs',
      'model.onnx',
    ]);
    expect(readFileSync(join(out, 'webgpu', 'model.d.mts'), 'utf8')).toContain('Precision = "fp16" | "fp32";');
    // Of less than a kilobyte no tensor lies outside.
    expect(await compiled({ model: trap('flatten'), externalData: true })).toEqual([...modules, 'model.onnx.data']);
    expect(await compiled({})).toEqual(modules);

    const module = await importLoader(join(out, 'webgpu'));
    const loaded = await module.load(quiet);
    const input = Float32Array.from({ length: 72 }, (_, index) => Math.sin(index));
    const session = await nodeOrt.InferenceSession.create(join(out, 'webgpu', 'model.onnx'));
    const expected = await session.run({ input: new nodeOrt.Tensor('float32', input, [1, 6, 6, 2]) });
    const results = await loaded.run({ input });
    expect(Object.keys(results)).toEqual(Object.keys(expected));
    for (const [index, value] of Array.from(results.out?.data ?? []).entries()) {
      expect(value).toBeCloseTo(Number(expected.out?.data[index]), 5);
    }
    await Promise.all([loaded.release(), session.release()]);
  });
});

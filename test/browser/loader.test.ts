import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tensor } from '../../src/ir/tensor.js';
import { filesOf, type Sources, writeAll } from '../formats/loader-support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hasChromium } from './chromium.js';
import { insecureHost, LoaderBrowser, type LoaderPage, type PageSession } from './loader-page.js';

/** The module beside a model, in Chromium: what it loads, on which device. */

const double = `
  agraph (float[1, 3] x) => (float[1, 3] y)
  <float[1] k = {2}>
  { y = Mul(x, k) }`;
const triple = double.replace('{2}', '{3}');

const folder = temporaryFolder();
let browser: LoaderBrowser;

async function write(name: string, sources: Sources): Promise<void> {
  mkdirSync(join(folder, name));
  writeAll(join(folder, name), await filesOf(sources));
}

async function numbers(session: PageSession, ...values: readonly number[]): Promise<number[]> {
  const { y } = await session.run({ x: Tensor.floats([1, 3], values) });
  return [...(y?.floats() ?? [])];
}

/** Opens a page, and closes it whatever happens. */
async function onPage(
  options: Parameters<LoaderBrowser['open']>[0],
  step: (page: LoaderPage) => Promise<void>,
): Promise<void> {
  const page = await browser.open(options);
  try {
    await step(page);
  } finally {
    await page.close();
  }
}

describe.skipIf(!hasChromium())('the loader in the browser', () => {
  beforeAll(async () => {
    await write('plain', { fp32: double });
    await write('half', { fp32: double, fp16: triple });
    browser = await LoaderBrowser.launch(folder);
  });

  afterAll(async () => {
    await browser?.close();
  });

  it('takes WebGPU, for several models at a time', async () => {
    await onPage({}, async (page) => {
      const session = await page.load('plain');
      expect(session.facts).toMatchObject({ device: 'webgpu', precision: 'fp32', threads: 1, warnings: [] });
      const [other, third] = await Promise.all([
        page.load('plain', { device: 'webgpu', warmUp: false }),
        page.load('half', { device: 'webgpu', precision: 'fp32' }),
      ]);
      await third.close();
      const runs = [1, 2, 3, 4].map((value) => numbers(value % 2 === 0 ? session : other, value, 0, -value));
      expect(await Promise.all(runs)).toEqual([1, 2, 3, 4].map((value) => [2 * value, 0, -2 * value]));
      await session.close();
      expect(await numbers(other, 1, 2, 3)).toEqual([2, 4, 6]);
      await other.close();
      const again = await page.load('plain');
      expect(await numbers(again, 5, 5, 5)).toEqual([10, 10, 10]);
      await again.close();
    });
  });

  it('takes full precision where shaders have no half', async () => {
    await onPage({}, async (page) => {
      const features = await page.page.evaluate(
        `navigator.gpu.requestAdapter().then(({ features }) => features.has('shader-f16'))`,
      );
      const session = await page.load('half');
      const warning = "the fp16 file is left out: this adapter lacks 'shader-f16'";
      const expected =
        features === true ? { precision: 'fp16', warnings: [] } : { precision: 'fp32', warnings: [warning] };
      expect(session.facts).toMatchObject({ device: 'webgpu', ...expected });
      await session.close();
    });
  });

  it('takes WebAssembly where there is no WebGPU', async () => {
    const script = `Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined })`;
    await onPage({ script }, async (page) => {
      const session = await page.load('half');
      const deviceReason = 'no WebGPU: there is none here';
      expect(session.facts).toEqual({ device: 'wasm', deviceReason, precision: 'fp32', threads: 1, warnings: [] });
      expect(await numbers(session, 1, 2, 3)).toEqual([2, 4, 6]);
      await session.close();
      await expect(page.load('half', { device: 'webgpu' })).rejects.toThrow('device: no WebGPU: there is none here');
    });
  });

  it('finds the files of ONNX Runtime where it is told', async () => {
    await onPage({}, async (page) => {
      const wasm = '/ort/ort-wasm-simd-threaded.asyncify.wasm';
      const session = await page.load('plain', { device: 'wasm', wasmPaths: { wasm } });
      expect(await numbers(session, 1, 2, 3)).toEqual([2, 4, 6]);
      await session.close();
    });
    await onPage({}, async (page) => {
      const session = await page.load('plain', { device: 'wasm', wasmPaths: '/nowhere/' }).catch(String);
      expect(session).toMatch(/runtime: ONNX Runtime does not load model\.onnx/);
    });
  });

  it('falls back to WebAssembly where WebGPU fails', async () => {
    const script = `GPUAdapter.prototype.requestDevice = () => Promise.reject(new Error('no device today'))`;
    await onPage({ script }, async (page) => {
      const session = await page.load('plain');
      expect(session.facts.device).toBe('wasm');
      expect(session.facts.warnings).toEqual([
        expect.stringMatching(/WebGPU failed, so the model runs in WebAssembly/),
      ]);
      expect(await numbers(session, 1, 2, 3)).toEqual([2, 4, 6]);
      await session.close();
    });
  });

  it('has threads where the page is cross-origin isolated', async () => {
    await onPage({ isolated: true }, async (page) => {
      const session = await page.load('plain', { device: 'wasm', threads: 2 });
      expect(session.facts).toMatchObject({ device: 'wasm', threads: 2, warnings: [] });
      expect(page.page.workers().length).toBeGreaterThan(0);
      expect(await numbers(session, 1, 2, 3)).toEqual([2, 4, 6]);
      await session.close();
    });
  });

  it('says that there are none where it is not', async () => {
    await onPage({}, async (page) => {
      const session = await page.load('plain', { device: 'wasm', threads: 2 });
      const warnings = ['one thread is used: the page is not cross-origin isolated'];
      expect(session.facts).toMatchObject({ threads: 1, warnings });
      expect(page.page.workers()).toEqual([]);
      expect(await numbers(session, 1, 2, 3)).toEqual([2, 4, 6]);
      await session.close();
    });
  });

  it('says that hashes are not checked where the origin is not secure', async () => {
    await onPage({ host: insecureHost }, async (page) => {
      const session = await page.load('plain');
      const warnings = [expect.stringMatching(/model\.onnx is only compared in size: .*secure origin/)];
      const deviceReason = 'no WebGPU: the page has no secure origin (https or localhost)';
      expect(session.facts).toMatchObject({ device: 'wasm', deviceReason, warnings });
      expect(await numbers(session, 1, 2, 3)).toEqual([2, 4, 6]);
      await session.close();
      await expect(page.load('plain', { device: 'webgpu' })).rejects.toThrow('the page has no secure origin');
    });
  });
});

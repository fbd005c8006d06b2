import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { seededRandom } from '../../src/support/random.js';
import { writeSamples } from '../cli/support.js';
import { root } from '../repository/sources.js';
import { findChromium, flags, hasChromium } from './chromium.js';
import { serve } from './server.js';

/** Compiled models in a real browser: onnxruntime-web there gives what onnxruntime-node gives here. */

const fixtures: { name: string; path: string; mode: 'dense' | 'dynamic'; dims: readonly number[] }[] = [
  { name: 'dead-block', path: 'traps/dead-block', mode: 'dense', dims: [4, 6, 6, 2] },
  { name: 'concat', path: 'traps/concat', mode: 'dynamic', dims: [4, 6, 6, 2] },
  { name: 'mnist-cnn', path: 'mnist-cnn', mode: 'dense', dims: [4, 28, 28, 1] },
  { name: 'mnist-cnn', path: 'mnist-cnn', mode: 'dynamic', dims: [1, 28, 28, 1] },
];

const folder = mkdtempSync(join(tmpdir(), 'swanc-browser-'));
let server: Server;
let browser: Browser;
let page: Page;
let origin: string;

describe.skipIf(!hasChromium())('in the browser', () => {
  beforeAll(async () => {
    const ort = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')));
    const served = await serve({ '/ort/': ort, '/models/': folder });
    server = served.server;
    origin = served.url;
    // Playwright gives every launch a profile folder of its own.
    browser = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: flags });
    page = await browser.newPage();
    await page.goto(origin);
    await page.waitForFunction('globalThis.runModel !== undefined');
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server?.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { name, path, mode, dims } of fixtures) {
    const model = join(root, 'fixtures', path, 'model.json');
    it.runIf(existsSync(model))(`${name}, ${mode}: as in onnxruntime-node`, { timeout: 60_000 }, async () => {
      const calibration = writeSamples(join(folder, `${name}.npy`), 32, dims.slice(1));
      const out = join(folder, `${name}-${mode}`);
      await compile({ model, out, mode, calibration });
      const bytes = readFileSync(join(out, 'cpu', 'model.onnx'));
      const random = seededRandom(7);
      const data = Float32Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () =>
        random.normal(),
      );

      const session = await (await openRuntime({ prefer: 'node' })).load(bytes);
      const [input = ''] = session.inputs;
      const expected = await session.run({ [input]: new Tensor('float32', dims, data) });
      await session.close();
      const call = JSON.stringify([`${origin}/models/${name}-${mode}/cpu/model.onnx`, dims, [...data]]);
      const actual: Record<string, number[]> = await page.evaluate(`globalThis.runModel(...${call})`);

      expect(Object.keys(actual)).toEqual(Object.keys(expected));
      for (const [output, tensor] of Object.entries(expected)) {
        expect(largestDifference(tensor.floats(), actual[output] ?? []), output).toBeLessThanOrEqual(1e-4);
      }
    });
  }
});

/** In parts of the larger of 1 and the largest expected value. */
function largestDifference(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  if (expected.length === 0 || expected.length !== actual.length) return Number.POSITIVE_INFINITY;
  const scale = Math.max(1, ...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (value, index) => Math.abs(value - (actual[index] ?? Number.NaN)))) / scale;
}

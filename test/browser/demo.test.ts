import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build } from '../../examples/web/build.mjs';
import { serve } from '../../examples/web/serve.mjs';
import { readMnist, writeImages } from '../../fixtures/mnist.js';
import { packageRoot } from '../../fixtures/root.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { temporaryFolder } from '../temporary-folder.js';
import { findChromium, flags, hasChromium } from './chromium.js';
import { webgpuFlags } from './webgpu-page.js';

/** The demo page in a real browser, as people use it: by keyboard, by pointer, on a phone. */

const networks = ['mnist-mlp', 'mnist-wide-modal'] as const;
const pixels = 28 * 28;
const samplesPerDigit = 12;
const folder = temporaryFolder();
let server: Server;
let url: string;

const demoSchema = z.looseObject({
  networks: z.array(
    z.looseObject({
      id: z.string(),
      gates: z.array(
        z.looseObject({ output: z.string(), units: z.array(z.object({ density: z.number(), column: z.number() })) }),
      ),
    }),
  ),
});

test('a network that the demo has not is told plainly, with those that it has', async () => {
  const script = join(packageRoot(), 'examples', 'web', 'build.mjs');
  const failed: unknown = await promisify(execFile)(process.execPath, [script, folder, 'mnist-cnn']).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({
    code: 2,
    stderr:
      'no networks of the demo: mnist-cnn; there are mnist-resnet, mnist-mlp, mnist-wide-coherent, mnist-wide-modal\n',
  });
});

describe.skipIf(!hasChromium())('the demo page', () => {
  let browser: Browser;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    await build({ compile, readMnist, writeImages, out: folder, only: networks, images: 300 });
    ({ url, server } = await serve(folder));
    browser = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: flags });
    ({ page, problems } = await openPage(browser));
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server?.close(resolve));
  });

  test('a sample digit: its class, the gates that fire as in onnxruntime-node, latencies', async () => {
    await page.keyboard.press('7');
    await timed(page);
    expect(await page.textContent('#digit')).toBe('7');
    expect(await page.textContent('#classes .best')).toContain('7');
    expect(await shownGates(page)).toEqual(await expectedGates('mnist-mlp', 7));
    expect(await page.locator('.cell.gone').count()).toBeGreaterThan(100);
    expect(await page.locator('.settle').count()).toBe(2);
    const times = await latencies(page);
    expect(times).toHaveLength(3);
    // No plan need pay for these gates; masks and dense are timed in any case.
    for (const time of times.slice(0, 2)) expect(time).toMatch(/^[\d.]+ (µs|ms)$/);
    expect(await page.textContent('#spoken')).toMatch(/^Latency: mask .+, dense .+/);
    expect(problems).toEqual([]);
  }, 60_000);

  test('units in order of how often they fire', () => {
    const demo = demoSchema.parse(JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')));
    for (const { units } of demo.networks.flatMap(({ gates }) => gates)) {
      const densities = units.map(({ density }) => density);
      expect(densities).toEqual(densities.toSorted((left, right) => right - left));
      const columns = units.map(({ column }) => column).filter((column) => column >= 0);
      expect(columns.toSorted((left, right) => left - right)).toEqual(columns.map((_, index) => index));
    }
  });

  test('a digit drawn by keyboard, and cleared', async () => {
    await page.focus('#board');
    await page.keyboard.press('Delete');
    await classIs(page, '');
    for (let step = 0; step < 8; step++) await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Space');
    await page.waitForFunction(() => document.getElementById('spoken')?.textContent === 'pen down');
    for (let step = 0; step < 18; step++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await classIs(page, '1');
    await page.keyboard.press('Delete');
    await classIs(page, '');
    expect(await page.locator('.cell.on').count()).toBe(1);
    expect(problems).toEqual([]);
  }, 60_000);

  test('a digit drawn by pointer', async () => {
    const box = await page.locator('#pad').boundingBox();
    const at = (x: number, y: number): [number, number] => [(box?.x ?? 0) + x, (box?.y ?? 0) + y];
    await page.mouse.move(...at(90, 70));
    await page.mouse.down();
    await page.mouse.move(...at(190, 70), { steps: 10 });
    await page.mouse.move(...at(130, 220), { steps: 15 });
    await page.mouse.up();
    await classIs(page, '7');
    expect(await page.locator('.cell.on').count()).toBeGreaterThan(50);
  }, 60_000);

  test('another network, with the digit that is drawn', async () => {
    await page.locator(`input[value="mnist-wide-modal"]`).check({ force: true });
    await page.waitForFunction(() => document.querySelectorAll('.layer').length === 1);
    await page.keyboard.press('4');
    await timed(page);
    expect(await page.textContent('#digit')).toBe('4');
    const times = await latencies(page);
    expect(times).toHaveLength(3);
    for (const time of times) expect(time).toMatch(/^[\d.]+ (µs|ms)$/);
    expect(await page.textContent('#spoken')).toMatch(/^Latency: mask .+, dense .+, dynamic .+/);
    expect(await shownGates(page)).toEqual(await expectedGates('mnist-wide-modal', 4));
    expect(problems).toEqual([]);
  }, 60_000);

  test('everything by Tab, with names, and focus to be seen', async () => {
    const names = await page.evaluate(() =>
      [...document.querySelectorAll('button, select, input, [tabindex]')].map((one) => {
        const label = one instanceof HTMLInputElement || one instanceof HTMLSelectElement ? one.labels?.[0] : one;
        return one.getAttribute('aria-label') ?? label?.textContent?.trim() ?? '';
      }),
    );
    expect(names.length).toBeGreaterThan(12);
    expect(names.filter((name) => name === '')).toEqual([]);
    await page.focus('#device');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('board');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineWidth);
    expect(outline).toBe('3px');
  });

  test('on a phone: nothing beyond 360 pixels, targets for fingers, no motion where none is wanted', async () => {
    const viewport = { width: 360, height: 740 };
    const phone = await openPage(browser, { viewport, hasTouch: true, isMobile: true, reducedMotion: 'reduce' });
    await phone.page.getByRole('button', { name: 'Sample of a 5' }).tap();
    await classIs(phone.page, '5');
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    const heights = await phone.page.evaluate(() =>
      [...document.querySelectorAll('button, select')].map((one) => one.getBoundingClientRect().height),
    );
    for (const height of heights) expect(height).toBeGreaterThanOrEqual(44);
    const animation = await phone.page
      .locator('.cell.on')
      .first()
      .evaluate((cell) => getComputedStyle(cell).animationName);
    expect(animation).toBe('none');
    expect(phone.problems).toEqual([]);
    await phone.page.close();
  }, 60_000);

  test('while models load: said beside the pad and in place of the class, which follows', async () => {
    const own = await browser.newPage({ viewport: { width: 360, height: 740 } });
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await own.route('**/model.onnx', async (route) => {
      await held;
      await route.continue();
    });
    await own.goto(`${url}?device=tpu`);
    // Keys are heard from then on.
    await saysInPlaceOfClass(own, 'loading…');
    await own.keyboard.press('7');
    await own.waitForFunction(() => document.body.classList.contains('drawn'));
    await saysInPlaceOfClass(own, 'loading…');
    expect(await own.textContent('#status')).toMatch(/^Loading/);
    await isBesidePad(own, '#status');
    goOn();
    await classIs(own, '7');
    expect(await own.textContent('#status')).toBe(
      'There is no device “tpu”, only auto, webgpu, wasm: the best there is was taken.',
    );
    expect(await own.textContent('#where')).toMatch(/WebAssembly, one thread \(no WebGPU: .+\)$/);
    await own.close();
  }, 60_000);

  test.each([
    { what: 'models', files: '**/model.onnx', message: /^The models cannot be loaded: .*model\.onnx/ },
    { what: 'the page', files: '**/demo.json', message: /^The page is not complete: / },
  ])(
    'where $what cannot be had: said beside the pad, which is marked',
    async ({ files, message }) => {
      const own = await browser.newPage({ viewport: { width: 360, height: 740 } });
      await own.route(files, (route) => route.abort());
      await own.goto(url);
      await saysInPlaceOfClass(own, 'not loaded');
      expect(await own.textContent('#status')).toMatch(message);
      await isBesidePad(own, '#status');
      expect(await own.locator('.pad').evaluate((pad) => getComputedStyle(pad).boxShadow)).not.toBe('none');
      await own.close();
    },
    60_000,
  );

  test('threads are allowed by the policy of the server', async () => {
    const own = await browser.newPage();
    await own.goto(url);
    const load = `import('${url}models/mnist-mlp/dense/webgpu/model.mjs').then(({ load }) => load({ device: 'wasm', threads: 2 }))`;
    expect(await own.evaluate(`${load}.then(({ threads, warnings }) => ({ threads, warnings }))`)).toEqual({
      threads: 2,
      warnings: [],
    });
    await own.close();
  }, 60_000);

  test('on WebGPU: the same class and the same gates', async () => {
    const gpu = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: webgpuFlags });
    try {
      const { page: own } = await openPage(gpu);
      expect(await own.textContent('#where')).toBe('in this browser: WebGPU');
      await own.keyboard.press('7');
      await classIs(own, '7');
      expect(await shownGates(own)).toEqual(await expectedGates('mnist-mlp', 7));
    } finally {
      await gpu.close();
    }
  }, 120_000);
});

/** The page with its first network loaded, and what goes wrong in it: errors of scripts, requests that go elsewhere. */
async function openPage(browser: Browser, options: Parameters<Browser['newPage']>[0] = {}) {
  const page = await browser.newPage(options);
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) problems.push(request.url());
  });
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById('where')?.textContent !== '', undefined, {
    timeout: 60_000,
  });
  return { page, problems };
}

async function classIs(page: Page, digit: string): Promise<void> {
  await page.waitForFunction((wanted) => document.getElementById('digit')?.textContent === wanted, digit);
}

async function saysInPlaceOfClass(page: Page, text: string): Promise<void> {
  await page.waitForFunction((wanted) => document.getElementById('sure')?.textContent === wanted, text);
  expect(await page.textContent('#digit')).toBe('');
}

/** Directly under the drawing area, so that who draws sees it. */
async function isBesidePad(page: Page, selector: string): Promise<void> {
  const [pad, own] = [await page.locator('#board').boundingBox(), await page.locator(selector).boundingBox()];
  const distance = (own?.y ?? Number.POSITIVE_INFINITY) - ((pad?.y ?? 0) + (pad?.height ?? 0));
  expect(distance).toBeGreaterThanOrEqual(0);
  expect(distance).toBeLessThan(20);
}

async function timed(page: Page): Promise<void> {
  await page.waitForFunction(() => document.getElementById('measured')?.textContent.startsWith('Medians'));
}

function latencies(page: Page): Promise<string[]> {
  return page.locator('.form .time').allTextContents();
}

/** For each layer that the page shows which of its units fire. */
async function shownGates(page: Page): Promise<boolean[][]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('.cells')].map((grid) =>
      [...grid.children].map((cell) => cell.classList.contains('on')),
    ),
  );
}

/** The same of the first sample of a digit, by the model itself. */
async function expectedGates(id: string, digit: number): Promise<boolean[][]> {
  const bytes = readFileSync(join(folder, 'samples.bin'));
  const start = digit * samplesPerDigit * pixels;
  const image = Float32Array.from(bytes.subarray(start, start + pixels), (value) => value / 255);
  const runtime = await openRuntime();
  const session = await runtime.load(readFileSync(join(folder, 'models', id, 'gates', 'webgpu', 'model.onnx')));
  try {
    const dims = id === 'mnist-mlp' ? [1, pixels] : [1, 28, 28, 1];
    const results = await session.run({ [session.inputs[0] ?? '']: new Tensor('float32', dims, image) });
    const demo = demoSchema.parse(JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')));
    const network = demo.networks.find((one) => one.id === id);
    return (network?.gates ?? []).map(({ output, units }) => {
      const fires = results[output]?.numbers() ?? [];
      return units.map(({ column }) => fires[column] === 1);
    });
  } finally {
    await session.close();
  }
}

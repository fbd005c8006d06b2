import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { createLogger, createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import swanc from '../../src/plugin/vite.js';
import { hasChromium } from '../browser/chromium.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';
import { writeApp } from './apps.js';
import { expectedOutput, launch, problemsOf, runIn } from './browser-page.js';

/** Vite's server, while its user edits the model. */

const folder = temporaryFolder();

describe.skipIf(!hasChromium())('the dev server', () => {
  const app = writeApp(folder);
  const file = (name: string): string => join(app, 'a model', name);
  const warnings: string[] = [];
  let browser: Browser;
  let server: ViteDevServer;
  let page: Page;
  let problems: readonly string[];

  beforeAll(async () => {
    writeFileSync(join(app, 'swanc.config.json'), '{ "mode": "dense" }');
    const customLogger = createLogger('warn');
    customLogger.warn = (text) => warnings.push(text);
    customLogger.error = () => undefined;
    server = await createServer({
      configFile: false,
      root: app,
      base: '/x/',
      customLogger,
      // The app's packages are links to those of this repository.
      server: { host: '127.0.0.1', port: 0, fs: { allow: [app, root] } },
      plugins: [swanc()],
    });
    await server.listen();
    browser = await launch();
    page = await browser.newPage();
    problems = problemsOf(page);
    await page.goto(`${server.resolvedUrls?.local[0]}index.html`);
    await ready();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const ready = () => page.waitForFunction('globalThis.run !== undefined');

  async function expectRuns(): Promise<void> {
    const expected = await expectedOutput(undefined, file('model.json'));
    const { outputs } = await runIn(page);
    for (const [index, value] of (outputs[0] ?? []).entries())
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
  }

  /** Makes an edit and waits until the page has been loaded anew. */
  async function reloadedBy(edit: () => void): Promise<void> {
    await page.evaluate('globalThis.isOld = true');
    edit();
    await page.waitForFunction('globalThis.isOld === undefined && globalThis.run !== undefined');
  }

  test('runs the model, and tells what the compiler warns of', async () => {
    await expectRuns();
    expect(problems).toEqual([]);
    expect(warnings.join('\n')).toContain(`${file('model.json')}: no calibration data`);
    expect(await page.evaluate('facts().url')).toContain('/x/');
  });

  test('reloads the page when weights are edited', async () => {
    const weights = readFileSync(file('weights.bin'));
    // The last number is one of the biases of the last layer.
    weights.writeFloatLE(weights.readFloatLE(weights.length - 4) + 1, weights.length - 4);
    const before = await runIn(page);
    await reloadedBy(() => writeFileSync(file('weights.bin'), weights));
    await expectRuns();
    expect(await runIn(page)).not.toEqual(before);
    expect(problems).toEqual([]);
  });

  test('shows what is wrong with a model over the page, and goes on when it is right again', async () => {
    const text = readFileSync(file('model.json'), 'utf8');
    writeFileSync(file('model.json'), text.replaceAll('"SGBlend"', '"Unheard"'));
    const overlay = page.locator('vite-error-overlay');
    await overlay.waitFor();
    const shown = await overlay.evaluate((element) => {
      const parts = element.shadowRoot?.querySelectorAll('.message, .file, .frame') ?? [];
      return [...parts].map(({ textContent }) => textContent).join('\n');
    });
    expect(shown).toMatch(/SWC3\d{3}: /);
    expect(shown).toContain('Unheard');
    expect(shown).toContain('plugin:swanc');
    expect(shown).toContain(file('model.json'));
    await reloadedBy(() => writeFileSync(file('model.json'), text));
    expect(await overlay.count()).toBe(0);
    await expectRuns();
  });

  test('reloads the page when the config file is edited', async () => {
    expect(await page.evaluate('facts().files.length')).toBe(1);
    await reloadedBy(() => writeFileSync(join(app, 'swanc.config.json'), '{ "precision": "fp16" }'));
    expect(await page.evaluate('facts().files.length')).toBe(2);
    await expectRuns();
  });
});

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../browser/chromium.js';
import { temporaryFolder } from '../temporary-folder.js';
import { builders, writeApp } from './apps.js';
import { expectedOutput, launch, onApp, runIn } from './browser-page.js';

/** The same app by every bundler, run in Chromium. The model is compiled by the first of them, and found by the others. */

const folder = temporaryFolder();

describe.skipIf(!hasChromium())('an app with a model', () => {
  let browser: Browser;
  let app: string;
  let expected: readonly number[];

  beforeAll(async () => {
    app = writeApp(folder);
    [browser, expected] = [await launch(), await expectedOutput()];
  });

  afterAll(async () => {
    await browser?.close();
  });

  test.each(Object.keys(builders))('built by %s', async (name) => {
    const out = join(folder, 'out', name);
    mkdirSync(out, { recursive: true });
    await builders[name]?.({ app, out, options: {}, base: '/x/' });
    await onApp(browser, out, '/x/', async (page, problems) => {
      const { outputs, ...facts } = await runIn(page);
      expect(problems).toEqual([]);
      expect(facts).toEqual({ device: 'wasm', precision: 'fp32' });
      expect(outputs).toHaveLength(1);
      for (const [index, value] of (outputs[0] ?? []).entries())
        expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
      const told: { url: string } = await page.evaluate('facts()');
      expect(told).toMatchObject({ target: 'webgpu', precision: 'fp32', warnings: expect.any(Array) });
      expect(await page.evaluate(`fetch(facts().url).then(({ status }) => status)`)).toBe(200);
    });
    expect(readdirSync(out, { recursive: true }).filter((file) => String(file).endsWith('.onnx'))).toHaveLength(1);
  });
});

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../browser/chromium.js';
import { serve } from '../browser/server.js';
import { example } from '../examples/support.js';
import { root } from '../repository/sources.js';
import { launch, problemsOf } from './browser-page.js';

/** The Vite app among the examples, with the package as it is published, in Chromium. */

const require = createRequire(import.meta.url);
const run = promisify(execFile);

describe.skipIf(!hasChromium())('vite-app', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
  });

  test('is built, typed, and shows the arms of the spiral where they are', async () => {
    const { folder, read } = await example('vite-app');
    const vite = join(dirname(require.resolve('vite/package.json')), 'bin', 'vite.js');
    await run(process.execPath, [vite, 'build'], { cwd: folder });
    expect(read('src/models.d.ts')).toContain('float32[1024, 3]');
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [tsc, '-p', '.'], { cwd: folder });

    const { url, server } = await serve({ '/app/': `${join(folder, 'dist')}/` });
    const page = await browser.newPage({ viewport: { width: 400, height: 760 } });
    const problems = problemsOf(page);
    try {
      await page.goto(`${url}/app/index.html`);
      await page.waitForFunction(`document.getElementById('answer').value.startsWith('Move')`);
      // On the first arm, half of the way out: at an angle of 2.5.
      const box = await page.locator('canvas').boundingBox();
      if (box === null) throw new Error('there is no picture');
      const place = (part: number, low: number, size: number): number => low + ((part + 1) / 2) * size;
      await page.mouse.move(
        place(0.5 * Math.cos(2.5), box.x, box.width),
        place(0.5 * Math.sin(2.5), box.y, box.height),
      );
      expect(await page.locator('#answer').textContent()).toMatch(/^red (9\d|100) %/);
      expect(await page.locator('#facts').textContent()).toContain('4096 points');
      expect(problems).toEqual([]);
      if (process.env.SWANC_SCREENSHOTS !== undefined)
        await page.screenshot({ path: join(process.env.SWANC_SCREENSHOTS, 'vite-app.png') });
    } finally {
      await page.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    expect(existsSync(join(folder, 'node_modules/.cache/swanc'))).toBe(true);
  });
});

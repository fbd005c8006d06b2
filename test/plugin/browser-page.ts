import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { fileHandler } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { findChromium, flags } from '../browser/chromium.js';
import { serve } from '../browser/server.js';
import { root } from '../repository/sources.js';
import { model } from './apps.js';

/** What the app tells of a run. */
export interface AppRun {
  readonly device: string;
  readonly precision: string;
  readonly outputs: readonly (readonly number[])[];
}

/** One sample for the model of the apps. */
export const sample: readonly number[] = [0.5, -1, 0.25, 2, -0.75];

export function launch(args: readonly string[] = flags): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: [...args] });
}

/** What TensorFlow.js gives for the sample. */
export async function expectedOutput(
  values: readonly number[] = sample,
  file = join(root, 'fixtures', 'traps', model, 'model.json'),
): Promise<readonly number[]> {
  const { tf } = await loadTfjs('cpu');
  const loaded = await tf.loadLayersModel(fileHandler(file));
  const output = loaded.predict(tf.tensor2d([...values], [1, values.length]));
  if (Array.isArray(output)) throw new Error('the model has one output');
  return [...(await output.data())];
}

/** Opens a built app at `base`, and closes the page and its server whatever happens. `problems` are errors of the page. */
export async function onApp<T>(
  browser: Browser,
  out: string,
  base: string,
  step: (page: Page, problems: readonly string[]) => Promise<T>,
): Promise<T> {
  const { url, server } = await serve({ [base]: `${out}/` });
  const page = await browser.newPage();
  const problems = problemsOf(page);
  try {
    await page.goto(`${url}${base}index.html`);
    await page.waitForFunction('globalThis.run !== undefined');
    return await step(page, problems);
  } finally {
    await page.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** What a page reports as errors from now on. */
export function problemsOf(page: Page): readonly string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
  });
  return problems;
}

export function runIn(page: Page, values: readonly number[] = sample, options: object = {}): Promise<AppRun> {
  return page.evaluate(`run(${JSON.stringify(values)}, ${JSON.stringify(options)})`);
}

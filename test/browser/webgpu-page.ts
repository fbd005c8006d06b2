import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Tensor, tensorFromBytes } from '../../src/ir/tensor.js';
import { isElementType } from '../../src/ir/types.js';
import { findChromium, flags } from './chromium.js';
import { serve } from './server.js';
import { hasPlacements, type Placements, type Program, placementsOf, programsOf } from './webgpu-log.js';

/**
 * Models in onnxruntime-web's WebGPU provider, in Chromium on SwiftShader, with what the engine's log says of them:
 *
 *     const gpu = await openWebgpu();
 *     const { outputs, placements, programs } = await gpu.run(bytes, { x: tensor });
 *     await gpu.close();
 *
 * One page runs any number of models, one after the other. See `webgpu-log.ts` for what is read from the log.
 */
export interface Webgpu {
  /**
   * Sessions that are made and freed: where nodes are placed. Failures of single models do not end the others; those behind
   * the placement, such as of weights in fp16 that SwiftShader has no arithmetic for, are none.
   */
  place(
    models: readonly Uint8Array[],
    session?: WebgpuOptions['session'],
  ): Promise<(Placements | { readonly error: string })[]>;
  /**
   * Runs a model. The programs are those of the last run: in the first, weights are brought into layouts of their own.
   * @throws Error with the engine's message.
   */
  run(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>, options?: WebgpuOptions): Promise<WebgpuRun>;
  /** Pixels, features and other things that a test may want: the page itself. */
  readonly page: Page;
  readonly url: string;
  close(): Promise<void>;
}

export interface WebgpuOptions {
  /** 2 by default. */
  readonly runs?: number;
  /**
   * Inputs and outputs are buffers on the device; with `capture`, what a run starts is recorded and replayed. Then
   * placements tell what was recorded, and a replay starts no programs.
   */
  readonly device?: 'buffers' | 'capture';
  /** Added to the session's options. */
  readonly session?: Readonly<Record<string, unknown>>;
}

export interface WebgpuRun {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly placements: Placements;
  /** What each run started, in order. */
  readonly programs: readonly Program[];
  /** Every line of the log that is kept, for looking at failures. */
  readonly log: readonly string[];
}

interface PageResult {
  readonly error?: string;
  readonly outputs: Readonly<Record<string, { type: string; dims: number[]; data: string }>>;
  readonly sessionLog: string[];
  readonly runLog: string[];
}

/** @throws Error where there is no Chromium, or its WebGPU has no adapter. */
export async function openWebgpu(): Promise<Webgpu> {
  const ort = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')));
  const { url, server } = await serve({ '/ort/': ort, '/test/': dirname(fileURLToPath(import.meta.url)) });
  const browser = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: webgpuFlags });
  const page = await browser.newPage();
  await page.goto(url);
  await page.addScriptTag({ type: 'module', url: '/test/webgpu-page.mjs' });
  await page.waitForFunction('globalThis.webgpu !== undefined');
  return new ChromiumWebgpu(page, url, browser, server);
}

/** Software rendering in place of no graphics at all. */
export const webgpuFlags = [
  ...flags.filter((flag) => flag !== '--disable-gpu'),
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

class ChromiumWebgpu implements Webgpu {
  readonly page: Page;
  readonly url: string;
  readonly #browser: Browser;
  readonly #server: Server;

  constructor(page: Page, url: string, browser: Browser, server: Server) {
    this.page = page;
    this.url = url;
    this.#browser = browser;
    this.#server = server;
  }

  async place(
    models: readonly Uint8Array[],
    session: WebgpuOptions['session'] = {},
  ): Promise<(Placements | { readonly error: string })[]> {
    const results = await this.#call(models.map((model) => ({ model: base64(model), feeds: {}, runs: 0, session })));
    return results.map(({ error, sessionLog }) =>
      error === undefined || hasPlacements(sessionLog) ? placementsOf(sessionLog) : { error },
    );
  }

  async run(
    model: Uint8Array,
    feeds: Readonly<Record<string, Tensor>>,
    { runs = 2, device, session = {} }: WebgpuOptions = {},
  ): Promise<WebgpuRun> {
    const given = Object.entries(feeds).map(([name, { type, dims, data }]) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, { type, dims, data: base64(bytes) }] as const;
    });
    const call = { model: base64(model), feeds: Object.fromEntries(given), runs, device: device ?? 'none', session };
    const [result] = await this.#call([call]);
    if (result === undefined) throw new Error('the page gave no result');
    if (result.error !== undefined) throw new Error(`${result.error}\n${result.sessionLog.join('\n')}`);
    const outputs = Object.entries(result.outputs).map(([name, { type, dims, data }]) => {
      if (!isElementType(type)) throw new Error(`output '${name}' is of type ${type}`);
      return [name, tensorFromBytes(type, dims, Buffer.from(data, 'base64'))] as const;
    });
    return {
      outputs: Object.fromEntries(outputs),
      placements: placementsOf(result.sessionLog),
      programs: programsOf(result.runLog),
      log: [...result.sessionLog, ...result.runLog],
    };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #call(calls: readonly object[]): Promise<PageResult[]> {
    const results: PageResult[] = [];
    for (const call of calls) {
      results.push(await this.page.evaluate(`globalThis.webgpu(${JSON.stringify(call)})`));
    }
    return results;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

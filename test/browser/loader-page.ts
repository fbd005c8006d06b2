import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { Tensor } from '../../src/ir/tensor.js';
import type { Session } from '../../src/runtime/types.js';
import { findChromium } from './chromium.js';
import { type ServeOptions, serve } from './server.js';
import { webgpuFlags } from './webgpu-page.js';

/** Compiled models in Chromium, loaded by the modules beside them, with onnxruntime-web from an import map. */

/** A model in the page, as an engine's session. What it runs on stands in `facts`. */
export interface PageSession extends Session {
  readonly facts: PageFacts;
}

export interface PageFacts {
  readonly device: string;
  readonly deviceReason: string;
  readonly precision: string;
  readonly threads: number;
  readonly warnings: readonly string[];
}

interface PageError {
  readonly error?: { readonly name: string; readonly code?: string; readonly message: string };
}

interface PageModel extends PageFacts, PageError {
  readonly number: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

interface PageResults extends PageError {
  readonly results: Readonly<Record<string, { type: string; dims: readonly number[]; data: readonly number[] }>>;
}

/** An address that is no secure origin, though it leads to this machine. */
export const insecureHost = 'insecure.test';

export class LoaderPage {
  readonly page: Page;
  readonly #url: string;
  readonly #close: () => Promise<void>;

  constructor(page: Page, url: string, close: () => Promise<void>) {
    this.page = page;
    this.#url = url;
    this.#close = close;
  }

  /**
   * Loads `/models/<path>/model.mjs`. Options are those of the module that JSON can hold.
   * @throws Error with what the module threw, its code before the message.
   */
  async load(path: string, options: Readonly<Record<string, unknown>> = {}): Promise<PageSession> {
    const call = [`${this.#url}/models/${path}/model.mjs`, options];
    const { number, inputs, outputs, ...facts } = await this.#call<PageModel>('loadModel', call);
    return {
      facts,
      inputs,
      outputs,
      run: async (feeds) => {
        const given = Object.entries(feeds).map(([name, tensor]) => [name, [...tensor.floats()]]);
        const { results } = await this.#call<PageResults>('runModel', [number, Object.fromEntries(given)]);
        const tensors = Object.entries(results).map(([name, { type, dims, data }]) => {
          if (type !== 'float32') throw new Error(`output '${name}' is ${type}`);
          return [name, Tensor.floats(dims, data)] as const;
        });
        return Object.fromEntries(tensors);
      },
      close: async () => {
        await this.#call('releaseModel', [number]);
      },
    };
  }

  async close(): Promise<void> {
    await this.#close();
  }

  async #call<T extends PageError>(name: string, values: readonly unknown[]): Promise<T> {
    const result: T = await this.page.evaluate(`${name}(...${JSON.stringify(values)})`);
    if (result.error === undefined) return result;
    throw new Error(`${result.error.code ?? result.error.name}: ${result.error.message}`);
  }
}

/** A browser with a graphics adapter in software, and a server of the models in a folder. */
export class LoaderBrowser {
  readonly #browser: Browser;
  readonly #folder: string;

  constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async launch(folder: string): Promise<LoaderBrowser> {
    const args = [...webgpuFlags, `--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`];
    const browser = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args });
    return new LoaderBrowser(browser, folder);
  }

  /** A page of its own: ONNX Runtime's settings hold for all of a page. `script` runs before all others. */
  async open(options: ServeOptions & { readonly host?: string; readonly script?: string } = {}): Promise<LoaderPage> {
    const ort = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')));
    const test = dirname(fileURLToPath(import.meta.url));
    const { url, server } = await serve({ '/ort/': ort, '/test/': test, '/models/': this.#folder }, options);
    const own = options.host === undefined ? url : url.replace('127.0.0.1', options.host);
    const page = await this.#browser.newPage();
    if (options.script !== undefined) await page.addInitScript(options.script);
    await page.goto(`${own}/test/loader-page.html`);
    await page.waitForFunction('globalThis.releaseModel !== undefined');
    return new LoaderPage(page, own, async () => {
      await page.close();
      await closeServer(server);
    });
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

import type { Server } from 'node:http';
import { dirname, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser as Chromium, chromium, type Page } from 'playwright-core';
import { z } from 'zod';
import { Tensor } from '../../src/ir/tensor.js';
import type { Session, Tensors } from '../../src/runtime/types.js';
import { defined } from '../../src/support/assert.js';
import { findChromium } from '../../test/browser/chromium.js';
import { serve } from '../../test/browser/server.js';
import { webgpuFlags } from '../../test/browser/webgpu-page.js';

/** What the page hands back. Elements are base64, which pass faster than lists of numbers. */
const outputsSchema = z.record(z.string(), z.object({ dims: z.array(z.number()), data: z.string() }));

/** Keeps sessions by number, and runs them on inputs of floats. */
const script = `
import * as ort from '/ort/ort.webgpu.min.mjs';
ort.env.wasm.wasmPaths = '/ort/';
ort.env.wasm.numThreads = 1;
const sessions = [];
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
globalThis.bench = {
  open: async (url) => {
    const session = await ort.InferenceSession.create(url, { executionProviders: ['webgpu'] });
    sessions.push(session);
    return { number: sessions.length - 1, inputs: [...session.inputNames], outputs: [...session.outputNames] };
  },
  run: async (number, feeds) => {
    const inputs = Object.entries(feeds).map(([name, { dims, data }]) =>
      [name, new ort.Tensor('float32', new Float32Array(bytesOf(data).buffer), dims)]);
    const start = performance.now();
    const outputs = await sessions[number].run(Object.fromEntries(inputs));
    const milliseconds = performance.now() - start;
    return { milliseconds, outputs: Object.fromEntries(Object.entries(outputs).map(([name, { dims, data }]) =>
      [name, { dims: [...dims], data: textOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) }])) };
  },
  close: async (number) => sessions[number].release(),
};
`;

/** Files of one folder in onnxruntime-web's WebGPU provider, in Chromium with its software renderer. */
export class Browser {
  readonly description: string;
  readonly #page: Page;
  readonly #folder: string;
  readonly #browser: Chromium;
  readonly #server: Server;

  private constructor(page: Page, folder: string, browser: Chromium, server: Server) {
    this.description = `Chromium ${browser.version()}, WebGPU by SwiftShader: right results, times that say nothing`;
    this.#page = page;
    this.#folder = folder;
    this.#browser = browser;
    this.#server = server;
  }

  static async open(folder: string): Promise<Browser> {
    const ort = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web')));
    const { url, server } = await serve({ '/ort/': ort, '/files/': folder });
    const browser = await chromium.launch({ executablePath: findChromium() ?? '', headless: true, args: webgpuFlags });
    const page = await browser.newPage();
    await page.goto(url);
    await page.addScriptTag({ type: 'module', content: script });
    await page.waitForFunction('globalThis.bench !== undefined');
    return new Browser(page, folder, browser, server);
  }

  /** Makes a file of the folder ready to run. */
  async load(path: string): Promise<DeviceSession> {
    const url = `/files/${relative(this.#folder, path).split(sep).join('/')}`;
    const names = z.object({ number: z.number(), inputs: z.array(z.string()), outputs: z.array(z.string()) });
    const opened = names.parse(await this.#page.evaluate(`globalThis.bench.open(${JSON.stringify(url)})`));
    return new DeviceSession(this.#page, opened);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** A session in the page. */
export class DeviceSession implements Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Milliseconds of each run, as the page took them. */
  readonly times: number[] = [];
  readonly #page: Page;
  readonly #number: number;

  constructor(page: Page, { number, inputs, outputs }: { number: number; inputs: string[]; outputs: string[] }) {
    this.#page = page;
    this.#number = number;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  async run(feeds: Tensors): Promise<Record<string, Tensor>> {
    const given = Object.entries(feeds).map(([name, tensor]) => {
      const data = Buffer.from(tensor.floats().slice().buffer).toString('base64');
      return [name, { dims: tensor.dims, data }] as const;
    });
    const call = `globalThis.bench.run(${this.#number}, ${JSON.stringify(Object.fromEntries(given))})`;
    const result = z
      .object({ milliseconds: z.number(), outputs: outputsSchema })
      .parse(await this.#page.evaluate(call));
    this.times.push(result.milliseconds);
    return Object.fromEntries(
      this.outputs.map((name) => {
        const { dims, data } = defined(result.outputs[name], name);
        return [name, Tensor.floats(dims, new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer))];
      }),
    );
  }

  async close(): Promise<void> {
    await this.#page.evaluate(`globalThis.bench.close(${this.#number})`);
  }
}

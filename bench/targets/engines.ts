import { readFile } from 'node:fs/promises';
import { openRuntime } from '../../src/runtime/session.js';
import type { Runtime, Session } from '../../src/runtime/types.js';
import { Browser } from './browser.js';
import type { Cell } from './cells.js';

/** What the files of all targets are run in. */
export interface Engines {
  readonly description: string;
  /** A session of the cell's file. Without a browser, what is for a device runs in onnxruntime-node. */
  load(cell: Cell): Promise<Session>;
  close(): Promise<void>;
}

/** `folder` holds all files: the browser is served it. */
export async function openEngines(native: Runtime, folder: string, withBrowser: boolean): Promise<Engines> {
  const wasm = await openRuntime({ prefer: 'web' });
  const browser = withBrowser ? await Browser.open(folder) : undefined;
  return {
    description: `${wasm.name} ${wasm.version} as WebAssembly, one thread; ${browser?.description ?? 'no browser: files for WebGPU in onnxruntime-node'}`,
    load: async ({ engine, path }) => {
      if (engine === 'webgpu' && browser !== undefined) return browser.load(path);
      return (engine === 'wasm' ? wasm : native).load(await readFile(path));
    },
    close: async () => browser?.close(),
  };
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import swanc from '../../src/plugin/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { writeApp } from './apps.js';

/** Bundlers that wait for edits: one of the weights makes another model. */

const folder = temporaryFolder();
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

/** Outputs one after the other, as whoever builds hands them over. */
class Builds {
  readonly #done: string[] = [];
  #wanted: ((code: string) => void) | undefined;

  add(code: string): void {
    this.#done.push(code);
    this.#take();
  }

  next(): Promise<string> {
    return new Promise((resolve) => {
      this.#wanted = resolve;
      this.#take();
    });
  }

  #take(): void {
    const [code] = this.#done;
    if (this.#wanted === undefined || code === undefined) return;
    this.#done.shift();
    this.#wanted(code);
    this.#wanted = undefined;
  }
}

const options = { verify: false, onnxRuntime: 'external' } as const;

const watchers: Readonly<Record<string, (app: string, builds: Builds) => Promise<() => unknown>>> = {
  async rollup(app, builds) {
    const { watch } = await import('rollup');
    const watcher = watch({
      input: join(app, 'main.js'),
      output: { dir: join(app, 'out'), format: 'es' },
      plugins: [swanc.rollup(options)],
      onwarn: () => undefined,
    });
    watcher.on('event', async (event) => {
      if (event.code === 'ERROR') builds.add(String(event.error));
      if (event.code !== 'BUNDLE_END') return;
      await event.result.close();
      builds.add(readFileSync(join(app, 'out', 'main.js'), 'utf8'));
    });
    return () => watcher.close();
  },

  async esbuild(app, builds) {
    const { context } = await import('esbuild');
    const watching = await context({
      absWorkingDir: app,
      entryPoints: ['main.js'],
      bundle: true,
      format: 'esm',
      outdir: 'out',
      logLevel: 'silent',
      plugins: [
        swanc.esbuild(options),
        {
          name: 'tell',
          setup: (build) => {
            build.onEnd(({ errors }) => {
              builds.add(errors[0]?.text ?? readFileSync(join(app, 'out', 'main.js'), 'utf8'));
            });
          },
        },
      ],
    });
    await watching.watch();
    return () => watching.dispose();
  },

  async webpack(app, builds) {
    const { default: webpack } = await import('webpack');
    const compiler = webpack({
      context: app,
      mode: 'production',
      entry: './main.js',
      output: { path: join(app, 'out'), filename: 'main.js' },
      optimization: { minimize: false },
      plugins: [swanc.webpack(options)],
    });
    if (compiler === null) throw new Error('there is no compiler');
    const watching = compiler.watch({ aggregateTimeout: 20 }, (error, stats) => {
      const failure = error?.message ?? stats?.compilation.errors[0]?.message;
      builds.add(failure ?? readFileSync(join(app, 'out', 'main.js'), 'utf8'));
    });
    return () => new Promise<void>((resolve) => watching?.close(() => resolve()));
  },

  async rspack(app, builds) {
    const { rspack } = await import('@rspack/core');
    const compiler = rspack({
      context: app,
      mode: 'production',
      entry: './main.js',
      output: { path: join(app, 'out'), filename: 'main.js' },
      optimization: { minimize: false },
      plugins: [swanc.rspack(options)],
    });
    const watching = compiler.watch({ aggregateTimeout: 20 }, (error, stats) => {
      const failure = error?.message ?? stats?.compilation.errors[0]?.message;
      builds.add(failure ?? readFileSync(join(app, 'out', 'main.js'), 'utf8'));
    });
    return () => new Promise<void>((resolve) => watching?.close(() => resolve()));
  },
};

/** The hash of the model that a module has, or what the build failed with. */
const hashIn = (code: string): string => /sha256:\s*['"](\w{64})['"]/.exec(code)?.[1] ?? code;

test.each(Object.keys(watchers))(
  '%s builds anew when weights are edited, and when a broken model is right again',
  async (name) => {
    const app = writeApp(join(folder, name));
    const builds = new Builds();
    closers.push((await watchers[name]?.(app, builds)) ?? (() => undefined));
    const first = hashIn(await builds.next());
    expect(first).toMatch(/^\w{64}$/);

    const file = join(app, 'a model', 'weights.bin');
    const weights = readFileSync(file);
    weights.writeFloatLE(weights.readFloatLE(weights.length - 4) + 1, weights.length - 4);
    const second = await afterEdit(file, weights, builds, (found) => found !== first);
    expect(second).toMatch(/^\w{64}$/);

    expect(await afterEdit(file, weights.subarray(0, 8), builds, (found) => found !== second)).toMatch(/SWC3\d{3}/);
    expect(await afterEdit(file, weights, builds, (found) => /^\w{64}$/.test(found))).toBe(second);
  },
);

/**
 * What is built of an edited file. Bundlers say that a build is done a moment before they watch all of its files, so an edit at
 * that moment may go unseen: it is made again until it is seen.
 */
async function afterEdit(
  file: string,
  content: Uint8Array,
  builds: Builds,
  isIt: (found: string) => boolean,
): Promise<string> {
  writeFileSync(file, content);
  const again = setInterval(() => writeFileSync(file, content), 5000);
  try {
    return await nextOf(builds, isIt);
  } finally {
    clearInterval(again);
  }
}

/** A write may be seen in two halves: then there is a build between. */
async function nextOf(builds: Builds, isIt: (found: string) => boolean): Promise<string> {
  for (;;) {
    const found = hashIn(await builds.next());
    if (isIt(found)) return found;
  }
}

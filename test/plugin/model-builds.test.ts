import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CompiledFacts } from '../../src/plugin/compile-cache.js';
import { ModelBuilds } from '../../src/plugin/model-builds.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';

/** Models that are compiled while somebody works on what they are made of. */

const folder = temporaryFolder();

/** A project with a model, and builds of it whose "compiled" model is a copy of its weights. */
function project(name: string, given: object = {}) {
  const own = join(folder, name);
  cpSync(join(root, 'fixtures/traps/softmax'), own, { recursive: true });
  writeFileSync(join(own, 'package.json'), '{}');
  const weights = join(own, 'weights.bin');
  const state = { compiles: 0, onRead: async (): Promise<void> => undefined };
  const compile = async (_options: unknown, target: string, into: string): Promise<CompiledFacts> => {
    state.compiles++;
    const content = readFileSync(weights);
    writeFileSync(join(into, 'model.onnx'), content);
    await state.onRead();
    const sha256 = createHash('sha256').update(content).digest('hex');
    const graph = { path: 'model.onnx', bytes: content.length, sha256 };
    const file = { precision: 'fp32', devices: ['wasm'], feature: null, graph, data: null } as const;
    return { mode: 'dense', warnings: [], loaded: { compiler: '0', target, inputs: [], outputs: [], files: [file] } };
  };
  const builds = () => new ModelBuilds({ config: false, ...given }, compile);
  const get = async (
    from: ModelBuilds,
    texts: Readonly<Record<string, string>> = {},
    watch: (file: string) => void = () => undefined,
  ): Promise<string> => {
    const model = await from.get({ path: join(own, 'model.json'), texts }, own, watch);
    return readFileSync(join(model.folder, 'model.onnx'), 'latin1');
  };
  return { own, weights, state, builds, get };
}

test('what was read is what is kept, when a file changes during a compile', async () => {
  const { weights, state, builds, get } = project('during');
  const original = readFileSync(weights, 'latin1');
  state.onRead = async () => {
    if (state.compiles === 1) writeFileSync(weights, 'edited', 'latin1');
  };
  expect(await get(builds())).toBe('edited');
  expect(state.compiles).toBe(2);
  writeFileSync(weights, original, 'latin1');
  expect(await get(builds())).toBe(original);
  writeFileSync(weights, 'edited', 'latin1');
  expect(await get(builds())).toBe('edited');
  expect(state.compiles).toBe(3);
});

test('so it is when it changes back before the end', async () => {
  const { weights, state, builds, get } = project('back');
  const original = readFileSync(weights, 'latin1');
  state.onRead = async () => {
    if (state.compiles === 1) writeFileSync(weights, original, 'latin1');
  };
  await get(builds());
  expect(state.compiles).toBe(2);
});

test('so it is when it changes while others are compiled', async () => {
  const { weights, state, builds, get } = project('queue');
  const original = readFileSync(weights, 'latin1');
  let release = (): void => undefined;
  const isRead = new Promise<void>((told) => {
    state.onRead = () => {
      told();
      return new Promise((done) => {
        release = done;
      });
    };
  });
  const from = builds();
  const first = get(from, { mode: 'dense' });
  await isRead;
  state.onRead = async () => undefined;
  let second = Promise.resolve('');
  await new Promise<void>((hashed) => {
    second = get(from, {}, (file) => {
      if (file === weights) hashed();
    });
  });
  writeFileSync(weights, 'edited', 'latin1');
  release();
  await first;
  expect(await second).toBe('edited');
  writeFileSync(weights, original, 'latin1');
  expect(await get(builds())).toBe(original);
});

test('a failure that an edit caused is none; files that never rest are an error', async () => {
  const { weights, state, builds, get } = project('failure');
  state.onRead = async () => {
    if (state.compiles > 1) return;
    writeFileSync(weights, 'edited', 'latin1');
    throw new Error('half of a file');
  };
  expect(await get(builds())).toBe('edited');
  state.onRead = async () => writeFileSync(weights, `edit ${state.compiles}`);
  writeFileSync(weights, 'another');
  await expect(get(builds())).rejects.toMatchObject({ code: 'SWC2007', message: /changed while it was compiled/ });
});

test('where not all files are known, an edit anywhere compiles anew, and another process does', async () => {
  const { own, state, builds, get } = project('unknown');
  writeFileSync(join(own, 'rules.mjs'), "import rules from 'package';\nexport default rules;\n");
  const texts = { plugin: 'rules.mjs' };
  const from = builds();
  await get(from, texts);
  await get(from, texts);
  expect(state.compiles).toBe(1);
  from.refresh();
  await get(from, texts);
  expect(state.compiles).toBe(2);
  await get(builds(), texts);
  expect(state.compiles).toBe(3);
});

test('modules with rules are read anew, with what they import', async () => {
  const { loadPlugins } = await import('../../src/compiler/model/plugins.js');
  const own = join(folder, 'rules');
  mkdirSync(own);
  const path = join(own, 'rules.mjs');
  const write = (className: string) => {
    const [start = '', ...others] = className;
    writeFileSync(join(own, 'start.cjs'), `exports.start = '${start}';\n`);
    writeFileSync(join(own, 'rest.json'), JSON.stringify({ rest: others.join('') }));
    writeFileSync(join(own, 'tail.mjs'), `export const tail = '${className.length}';\n`);
  };
  writeFileSync(
    path,
    "import { start } from './start.cjs';\n" +
      "import data from './rest.json' with { type: 'json' };\n" +
      "import { tail } from './tail.mjs';\n" +
      'const className = start + data.rest + tail;\n' +
      'export default ({ registerLayer }) => registerLayer({ className, import: (_ctx, _config, [x]) => x });\n',
  );
  for (const name of ['First', 'Second']) {
    write(name);
    expect((await loadPlugins([path])).flatMap(({ classNames }) => classNames)).toEqual([`${name}${name.length}`]);
  }
  writeFileSync(path, 'await undefined;\nexport default () => undefined;\n');
  expect(await loadPlugins([path])).toEqual([]);
  writeFileSync(path, "throw new Error('as a test');\n");
  await expect(loadPlugins([path])).rejects.toMatchObject({ code: 'SWC2004', message: /as a test/ });
});

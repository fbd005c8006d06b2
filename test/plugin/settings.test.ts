import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PluginOptions } from '../../src/plugin/options.js';
import { idPrefix, importerFile, moduleId, parseRequest, pathFrom, requestOf } from '../../src/plugin/request.js';
import { checkPluginOptions, settingsOf } from '../../src/plugin/settings.js';
import { SwancError } from '../../src/support/errors.js';

/** What an import says, and what it is compiled with. */

describe('imports', () => {
  test('with the marker are ours, wherever it stands', () => {
    expect(parseRequest('./model.json?swanc')).toEqual({ path: './model.json', texts: {} });
    expect(parseRequest('./a b.json?target=webgpu&swanc#x')).toEqual({
      path: './a b.json',
      texts: { target: 'webgpu' },
    });
    expect(parseRequest('./m.json?swanc&gate-outputs&plugin=a&plugin=b')).toEqual({
      path: './m.json',
      texts: { 'gate-outputs': '', plugin: ['a', 'b'] },
    });
  });

  test('have paths as they are written, and codes for what cannot be', () => {
    const texts = (query: string) => parseRequest(`./m.json?swanc&${query}`)?.texts;
    expect(texts('calibration=a+b.npy')).toEqual({ calibration: 'a+b.npy' });
    expect(texts('calibration=x=a%20b%26%2B.npy')).toEqual({ calibration: 'x=a b&+.npy' });
    expect(texts('max-drop=0.5%&calibration=%ff')).toEqual({ 'max-drop': '0.5%', calibration: '%ff' });
  });

  test('with what a bundler adds are the same', () => {
    expect(parseRequest('./m.json?import&swanc&t=123&v=ab')).toEqual({ path: './m.json', texts: {} });
  });

  test.each(['./m.json', './m.json?url', './m.json?swanc=1', './swanc', './m.json?mode=swanc'])(
    '%s is not',
    (source) => {
      expect(parseRequest(source)).toBeUndefined();
    },
  );

  test('have ids that say all of them, the same for the same', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    const texts = fc.dictionary(text, fc.oneof(text, fc.array(text, { minLength: 2 })), { noNullPrototype: true });
    const file = fc.oneof(
      text.map((name) => `/a/${name}`),
      text.map((name) => `C:/a b/${name}`),
    );
    fc.assert(
      fc.property(file, texts, fc.constantFrom('', idPrefix), (path, given, prefix) => {
        const id = moduleId(path, given, prefix);
        expect(requestOf(id, prefix)).toEqual({ path: path.replaceAll(/(?<=^C:.*)\\/gs, '/'), texts: given });
        expect(id).toMatch(/\.mjs$/);
      }),
    );
    const [one, other] = [
      { a: '1', b: '2' },
      { b: '2', a: '1' },
    ];
    expect(moduleId('/m', one)).toBe(moduleId('/m', other));
    expect(requestOf('/a/main.mjs', '')).toBeUndefined();
    expect(requestOf(`${idPrefix}/m.json.AAAA.mjs`)).toBeUndefined();
  });

  test('lead from where they stand to a file, also on Windows', () => {
    expect(pathFrom('/app/src/main.ts?x', '../m.json')).toBe('/app/m.json');
    expect(pathFrom('/app/index.html?html-proxy&index=0.js', './m.json')).toBe('/app/m.json');
    expect(pathFrom('C:\\app\\main.ts', './m\\x.json')).toBe('C:\\app\\m\\x.json');
    expect(pathFrom('C:/app/main.ts', './m.json')).toBe('C:\\app\\m.json');
    expect(pathFrom(undefined, 'D:\\m.json')).toBe('D:\\m.json');
    expect(pathFrom('/app/main.ts', '@/m.json')).toBeUndefined();
    expect(importerFile('/@fs/app/main.ts?t=1')).toBe('/app/main.ts');
    expect(moduleId('C:\\app\\m.json', {})).toMatch(/^\0swanc:C:\/app\/m\.json\./);
  });
});

const request = (query: string) => parseRequest(`/app/model.json?swanc&${query}`) ?? { path: '', texts: {} };
const settings = (query: string, plugin: PluginOptions = {}, config: object = {}) =>
  settingsOf(request(query), checkPluginOptions(plugin), {
    root: '/app',
    config: { path: '/app/swanc.config.js', options: config },
  });

/** The problems that are told, as one text. */
function problemsOf(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    if (error instanceof SwancError && error.code === 'SWC2007') return error.message;
    throw error;
  }
  throw new Error('nothing is wrong');
}

describe('options', () => {
  test('of a query count more than those of the plugin, and these more than those of the config file', () => {
    const config = { mode: 'dense', samples: 1, batch: 1, targets: ['edge'], out: '/elsewhere', model: '/other.json' };
    const { options, target } = settings('mode=dynamic', { mode: 'auto', samples: 2, targets: ['webgpu'] }, config);
    expect(target).toBe('webgpu');
    expect(options).toEqual({
      model: '/app/model.json',
      mode: 'dynamic',
      samples: 2,
      batch: 1,
      targets: ['webgpu'],
      tune: 'predicted',
      tunedCosts: false,
    });
  });

  test('that exclude each other do so between these, too', () => {
    const { options } = settings('max-drop=1%', {}, { maxError: 0.1 });
    expect(options).toMatchObject({ maxDrop: 0.01 });
    expect(options).not.toHaveProperty('maxError');
  });

  test('that are paths start at the model in queries, and at the project in the plugin', () => {
    const { options } = settingsOf(
      parseRequest('/app/models/m.json?swanc&calibration=../data.npy') ?? { path: '', texts: {} },
      checkPluginOptions({ labels: 'labels.npy', plugins: ['rules.mjs'] }),
      { root: '/app', config: undefined },
    );
    expect(options).toMatchObject({
      calibration: posix.resolve('/app/data.npy'),
      labels: '/app/labels.npy',
      plugins: ['/app/rules.mjs'],
    });
  });

  test('that are not there are told with the nearest, all of them at once', () => {
    const told = problemsOf(() => settings('targett=webgpu&mode=dens&mod=dense'));
    expect(told).toContain("did you mean 'target'?");
    expect(told).toContain('Allowed choices are dense, dynamic, auto');
    expect(told).toContain("did you mean 'mode'?");
    expect(problemsOf(() => settings('target=webgup'))).toContain("did you mean 'webgpu'?");
  });

  test('for several targets, or that say where files go, are refused', () => {
    expect(problemsOf(() => settings('target=webgpu,cpu'))).toContain('?swanc&target=webgpu');
    expect(problemsOf(() => settings('out=x&dump-ir=y'))).toMatch(/out: the bundler writes the files[\s\S]*dump-ir/);
  });

  test('of the plugin are checked', () => {
    const given = JSON.parse('{ "mod": "dense", "samples": "many", "platform": "deno", "out": "x" }');
    const told = problemsOf(() => checkPluginOptions(given));
    for (const part of ["did you mean 'mode'?", 'samples', 'platform: one of browser, node', 'out: the bundler']) {
      expect(told).toContain(part);
    }
  });
});

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CompileCache, type CompileInto } from '../../src/plugin/compile-cache.js';
import { temporaryFolder } from '../temporary-folder.js';

/** What is kept of compiles: whole, once, and not for ever. */

const folder = temporaryFolder();
const keyOf = (name: string): string => createHash('sha256').update(name).digest('hex');
const large = 2 ** 30;

/** A compile that writes a file of so many bytes, and counts how often it was asked to. */
function compiler(bytes = 100): { readonly compile: CompileInto; count(): number } {
  let count = 0;
  return {
    count: () => count,
    compile: async (into) => {
      count++;
      const content = Buffer.alloc(bytes, 7);
      writeFileSync(join(into, 'model.onnx'), content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const graph = { path: 'model.onnx', bytes, sha256 };
      return {
        mode: 'dense',
        warnings: ['as a test'],
        loaded: {
          compiler: 'swanc 0',
          target: 'cpu',
          inputs: [{ name: 'x', type: 'float32', shape: ['n', 2] }],
          outputs: [],
          files: [{ precision: 'fp32', devices: ['wasm'], feature: null, graph, data: null }],
        },
      };
    },
  };
}

/** A folder for one test. */
function own(name: string): string {
  return join(folder, name);
}

describe('the cache', () => {
  test('compiles once, for all who ask meanwhile and for later processes', async () => {
    const { compile, count } = compiler();
    const cache = new CompileCache(own('once'), large);
    const [first, second] = await Promise.all([cache.get(keyOf('a'), compile), cache.get(keyOf('a'), compile)]);
    const later = await new CompileCache(own('once'), large).get(keyOf('a'), compile);
    expect(count()).toBe(1);
    expect(second).toEqual(first);
    expect(later).toEqual(first);
    expect(readdirSync(first.folder).toSorted()).toEqual(['entry.json', 'model.onnx']);
  });

  test('is shared by processes that work at the same time', async () => {
    const { compile, count } = compiler();
    const models = await Promise.all(
      Array.from({ length: 8 }, () => new CompileCache(own('shared'), large).get(keyOf('a'), compile)),
    );
    for (const model of models) expect(model).toEqual(models[0]);
    expect(count()).toBe(8);
    expect(readdirSync(own('shared'))).toEqual([keyOf('a')]);
    await new CompileCache(own('shared'), large).get(keyOf('a'), compile);
    expect(count()).toBe(8);
  });

  test.each([
    {
      what: 'a model of other bytes',
      damage: (at: string) => writeFileSync(join(at, 'model.onnx'), Buffer.alloc(100, 8)),
    },
    {
      what: 'a model that ends early',
      damage: (at: string) => writeFileSync(join(at, 'model.onnx'), Buffer.alloc(99, 7)),
    },
    { what: 'no model', damage: (at: string) => rmSync(join(at, 'model.onnx')) },
    { what: 'an empty entry', damage: (at: string) => writeFileSync(join(at, 'entry.json'), '') },
    { what: 'an entry without its end', damage: (at: string) => edit(at, (text) => text.slice(0, -9)) },
    {
      what: 'an entry that says something else',
      damage: (at: string) => edit(at, (text) => text.replace('dense', 'tense')),
    },
    { what: 'the entry of another model', damage: (at: string) => writeFileSync(join(at, 'entry.json'), otherEntry()) },
  ])('makes anew what is damaged: $what', async ({ what, damage }) => {
    const { compile, count } = compiler();
    const cache = new CompileCache(own(what), large);
    const first = await cache.get(keyOf('a'), compile);
    damage(first.folder);
    expect(await cache.get(keyOf('a'), compile)).toEqual(first);
    expect(count()).toBe(2);
    expect(readFileSync(join(first.folder, 'model.onnx'))).toEqual(Buffer.alloc(100, 7));
  });

  function edit(at: string, change: (text: string) => string): void {
    const path = join(at, 'entry.json');
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  }

  /** Whole, but of another key. */
  function otherEntry(): string {
    const json = JSON.stringify({ key: keyOf('b'), mode: 'dense', warnings: [], loaded: {} });
    return `${createHash('sha256').update(json).digest('hex')}\n${json}\n`;
  }

  test('keeps nothing of a compile that fails', async () => {
    const { compile, count } = compiler();
    const cache = new CompileCache(own('failed'), large);
    const fail: CompileInto = async (into) => {
      writeFileSync(join(into, 'model.onnx'), 'half of it');
      throw new Error('no such layer');
    };
    await expect(cache.get(keyOf('a'), fail)).rejects.toThrow('no such layer');
    expect(readdirSync(own('failed'))).toEqual([]);
    await cache.get(keyOf('a'), compile);
    expect(count()).toBe(1);
  });

  test('lets go what was not used for longest, and what others left unfinished', async () => {
    const { compile, count } = compiler(1000);
    const cache = new CompileCache(own('bounded'), 4500);
    const at = async (name: string, second: number): Promise<void> => {
      const model = await cache.get(keyOf(name), compile);
      utimesSync(join(model.folder, 'entry.json'), second, second);
    };
    mkdirSync(join(own('bounded'), 'old.tmp'), { recursive: true });
    mkdirSync(join(own('bounded'), 'running.tmp'), { recursive: true });
    utimesSync(join(own('bounded'), 'old.tmp'), 1, 1);
    await at('a', 1);
    await at('b', 2);
    await at('a', 3);
    await at('c', 4);
    await at('d', 5);
    expect(readdirSync(own('bounded')).toSorted()).toEqual(
      [keyOf('a'), keyOf('c'), keyOf('d'), 'running.tmp'].toSorted(),
    );
    expect(count()).toBe(4);
  });

  test('says where it cannot write', async () => {
    writeFileSync(own('a file'), '');
    const got = new CompileCache(join(own('a file'), 'cache'), large).get(keyOf('a'), compiler().compile);
    await expect(got).rejects.toMatchObject({
      code: 'SWC2003',
      problems: [{ advice: expect.stringContaining('cacheFolder') }],
    });
    expect(existsSync(own('a file/cache'))).toBe(false);
  });
});

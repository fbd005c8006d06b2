import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.js';
import { builders, writeApp } from './apps.js';

/** What bundlers say of models that cannot be compiled, and of imports that ask for what there is not. */

const folder = temporaryFolder();
let app: string;

beforeAll(() => {
  app = writeApp(folder);
});

const names = Object.keys(builders).filter((name) => name !== 'esbuild-iife');

/** What a build fails with. */
async function failureOf(name: string): Promise<string> {
  const out = join(folder, 'out', name);
  mkdirSync(out, { recursive: true });
  try {
    await builders[name]?.({ app, out, options: {}, base: '/' });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('the build went well');
}

describe.each(names)('%s', (name) => {
  test('shows the code, the place and what to do where a model is not supported', async () => {
    const file = join(app, 'a model', 'model.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll('"SGBlend"', '"Unheard"'));
    try {
      const failure = await failureOf(name);
      expect(failure).toMatch(/SWC3\d{3}: /);
      expect(failure).toContain('layers of class Unheard are not supported');
      expect(failure).toContain('give a rule for this class with a plugin');
      // Where it happened in swanc helps nobody.
      expect(failure).not.toMatch(/^\s+at /m);
      expect(failure.split('Unheard')).toHaveLength(2);
    } finally {
      writeFileSync(file, text);
    }
  });

  test('shows the nearest name of an option that there is not', async () => {
    const file = join(app, 'main.js');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('mode=dynamic', 'mod=dynamic'));
    try {
      const failure = await failureOf(name);
      expect(failure).toContain('SWC2007: ');
      expect(failure).toContain("did you mean 'mode'?");
    } finally {
      writeFileSync(file, text);
    }
  });

  test('says that there is no such model', async () => {
    const file = join(app, 'main.js');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('a model/', 'no model/'));
    try {
      const failure = await failureOf(name);
      expect(failure).toMatch(/SWC3\d{3}: /);
      expect(failure).toContain(join('no model', 'model.json'));
    } finally {
      writeFileSync(file, text);
    }
  });
});

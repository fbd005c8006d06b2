import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { FileDigests } from '../../src/plugin/file-digests.js';
import { inputsOf } from '../../src/plugin/inputs.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';

/** What a compiled model depends on: another key for other bytes or options, and for nothing else. */

const folder = temporaryFolder();
let own: string;
let count = 0;

beforeEach(() => {
  own = join(folder, String(count++));
  cpSync(join(root, 'fixtures/traps/softmax'), own, { recursive: true });
  mkdirSync(join(own, 'data'));
  writeFileSync(join(own, 'data', 'a.npy'), 'one');
  writeFileSync(join(own, 'rules.mjs'), "import { two } from './more.mjs';\nexport default () => two;\n");
  writeFileSync(join(own, 'more.mjs'), 'export const two = 2;\n');
});

const options = (at: string = own) => ({
  model: join(at, 'model.json'),
  targets: ['cpu'],
  samples: 3,
  calibration: join(at, 'data'),
  plugins: [join(at, 'rules.mjs')],
});

const keyNow = async (more: object = {}, at = own): Promise<string> =>
  (await inputsOf({ ...options(at), ...more }, new FileDigests())).key;

test('the files are told, with all that they lead to', async () => {
  const { files, lasts } = await inputsOf(options(), new FileDigests());
  const names = ['model.json', 'weights.bin', join('data', 'a.npy'), 'rules.mjs', 'more.mjs'];
  expect(files.toSorted()).toEqual(names.map((name) => join(own, name)).toSorted());
  expect(lasts).toBe('always');
});

test.each(['model.json', 'weights.bin', 'data/a.npy', 'rules.mjs', 'more.mjs'])(
  'an edit of %s makes another key',
  async (name) => {
    const before = await keyNow();
    writeFileSync(join(own, name), `${readFileSync(join(own, name), 'latin1')} `, 'latin1');
    expect(await keyNow()).not.toBe(before);
  },
);

test('so does a file that is added to a folder, or gets another name there', async () => {
  const keys = [await keyNow()];
  writeFileSync(join(own, 'data', 'b.npy'), 'two');
  keys.push(await keyNow());
  renameSync(join(own, 'data', 'b.npy'), join(own, 'data', 'c.npy'));
  keys.push(await keyNow());
  expect(new Set(keys).size).toBe(3);
});

test('so do options, whatever their order', async () => {
  const keys = await Promise.all([
    keyNow(),
    keyNow({ samples: 4 }),
    keyNow({ mode: 'dense' }),
    keyNow({ plugins: [] }),
  ]);
  expect(new Set(keys).size).toBe(4);
  const precision = { webgpu: 'fp16', edge: 'int8' };
  expect(await keyNow({ precision })).toBe(await keyNow({ precision: { edge: 'int8', webgpu: 'fp16' } }));
  expect(await keyNow({ mode: undefined })).toBe(keys[0]);
});

test('where the files lie and when they were written does not', async () => {
  const before = await keyNow();
  const moved = join(folder, 'moved');
  cpSync(own, moved, { recursive: true });
  utimesSync(join(moved, 'model.json'), 1, 1);
  expect(await keyNow({}, moved)).toBe(before);
});

test('functions have no bytes that could be told', async () => {
  const { lasts } = await inputsOf({ ...options(), plugins: [() => undefined] }, new FileDigests());
  expect(lasts).toBe('process');
});

test('what is not there or damaged has a key, too: the compile says what is wrong', async () => {
  const { files } = await inputsOf(
    { model: join(own, 'none.json'), calibration: join(own, 'none') },
    new FileDigests(),
  );
  expect(files).toEqual([join(own, 'none.json'), join(own, 'none')]);
  writeFileSync(join(own, 'model.json'), '{"weightsManifest": [{"paths": ["../../secret", 7, "/etc/passwd"]}, null]}');
  expect((await inputsOf({ model: join(own, 'model.json') }, new FileDigests())).files).toEqual([
    join(own, 'model.json'),
  ]);
});

test('a file is read once as long as it stays as it is', async () => {
  const path = join(own, 'data', 'a.npy');
  const digests = new FileDigests();
  const { digest } = await digests.of(path);
  expect((await digests.of(path)).digest).toBe(digest);
  writeFileSync(path, 'other');
  expect((await digests.of(path)).digest).not.toBe(digest);
});

test('what was written in between is told, even with the same bytes', async () => {
  const digests = new FileDigests();
  const before = await inputsOf(options(), digests);
  expect((await inputsOf(options(), digests)).stamp).toBe(before.stamp);
  utimesSync(join(own, 'weights.bin'), 1, 1);
  const after = await inputsOf(options(), digests);
  expect(after.key).toBe(before.key);
  expect(after.stamp).not.toBe(before.stamp);
});

test('the folder of a model stands for the model in it', async () => {
  const of = async () => inputsOf({ model: own }, new FileDigests());
  const before = await of();
  expect(before).toMatchObject({ lasts: 'always', files: [join(own, 'model.json'), join(own, 'weights.bin')] });
  writeFileSync(join(own, 'weights.bin'), 'other');
  expect((await of()).key).not.toBe(before.key);
});

test.each(['x', 'scope/x', 'a=b'])('the data of the input %s count', async (name) => {
  const calibration = [`${name}=${join(own, 'data', 'a.npy')}`];
  const before = await keyNow({ calibration });
  expect(await keyNow({ calibration: [join(own, 'data', 'a.npy')] })).not.toBe(before);
  writeFileSync(join(own, 'data', 'a.npy'), 'two');
  expect(await keyNow({ calibration })).not.toBe(before);
});

test('data in a folder that a link leads to count', async () => {
  mkdirSync(join(own, 'real'));
  writeFileSync(join(own, 'real', 'b.npy'), 'one');
  symlinkSync(join(own, 'real'), join(own, 'data', 'link'), 'junction');
  const before = await inputsOf(options(), new FileDigests());
  expect(before.lasts).toBe('always');
  expect(before.files).toContain(join(own, 'data', 'link', 'b.npy'));
  writeFileSync(join(own, 'real', 'b.npy'), 'two');
  expect(await keyNow()).not.toBe(before.key);
  symlinkSync(own, join(own, 'data', 'circle'), 'junction');
  expect((await inputsOf(options(), new FileDigests())).lasts).toBe('build');
});

test('the name of a file counts: its ending may be its format', async () => {
  writeFileSync(join(own, 'table.csv'), '1');
  const before = await keyNow({ calibration: [join(own, 'table.csv')] });
  renameSync(join(own, 'table.csv'), join(own, 'table.tsv'));
  expect(await keyNow({ calibration: [join(own, 'table.tsv')] })).not.toBe(before);
});

test.each([
  ["import { two } from './more.mjs';", 'always'],
  ["import './more.mjs'; import { join } from 'node:path';", 'always'],
  ["export * from './more.mjs'; // what it is made of", 'always'],
  ["const { two } = await import('./more.mjs');", 'build'],
  ["/** @type {import('swanc').Plugin} */\nimport {\n  two,\n} from './more.mjs';", 'always'],
  ["const two = require('./more.mjs');", 'always'],
  ["const two = require('./more');", 'build'],
  ["import two from '#two';", 'build'],
  ["import two from 'package';", 'build'],
  ['const two = await import(`./more.mjs`);', 'build'],
  ["import { two } from './more.mjs?x';", 'build'],
  ["import { two } from/* */'./more.mjs';", 'build'],
  ["export { two } from // it\n './more.mjs';", 'build'],
  ["import { readFileSync } from 'node:fs';", 'build'],
  ["const name = './more.mjs'; const two = await import(name);", 'build'],
  ['const two = process.env.TWO;', 'build'],
])('a module with rules: %s', async (line, lasts) => {
  writeFileSync(join(own, 'rules.mjs'), `${line}\nexport default () => undefined;\n`);
  const found = await inputsOf(options(), new FileDigests());
  expect(found.lasts).toBe(lasts);
  if (lasts === 'always') expect(found.files).toContain(join(own, 'more.mjs'));
});

test('what is not there makes nothing that is kept', async () => {
  for (const more of [{ calibration: join(own, 'none') }, { plugins: [join(own, 'none.mjs')] }, { model: 'none' }]) {
    expect(await inputsOf({ ...options(), ...more }, new FileDigests())).toMatchObject({ lasts: 'build' });
  }
});

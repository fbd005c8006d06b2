import { cpSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
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
  const { files, isKeepable } = await inputsOf(options(), new FileDigests());
  const names = ['model.json', 'weights.bin', join('data', 'a.npy'), 'rules.mjs', 'more.mjs'];
  expect(files.toSorted()).toEqual(names.map((name) => join(own, name)).toSorted());
  expect(isKeepable).toBe(true);
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
  const { isKeepable } = await inputsOf({ ...options(), plugins: [() => undefined] }, new FileDigests());
  expect(isKeepable).toBe(false);
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
  const first = digests.ofFile(path);
  expect(await digests.ofFile(path)).toBe(await first);
  writeFileSync(path, 'other');
  expect(await digests.ofFile(path)).not.toBe(await first);
});

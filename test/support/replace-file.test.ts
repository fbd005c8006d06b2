import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SwancError } from '../../src/support/errors.js';
import { replaceFile, replaceFiles } from '../../src/support/replace-file.js';

const folder = mkdtempSync(join(tmpdir(), 'swanc-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function* throwing(): Generator<Uint8Array> {
  yield Uint8Array.of(1);
  throw new Error('no more');
}

describe('replaceFile', () => {
  it('makes folders, replaces what is there, leaves nothing else', async () => {
    const path = join(folder, 'a', 'b', 'file.txt');
    await replaceFile(path, 'one');
    await replaceFile(path, new Uint8Array([50]));
    expect(readFileSync(path, 'utf8')).toBe('2');
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['file.txt']);
  });

  it('writes content that comes in parts', async () => {
    const path = join(folder, 'parts');
    const parts = [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(0, 3).subarray(1)];
    await replaceFile(path, parts.values());
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  });

  it('leaves all as it was where a part fails to come', async () => {
    const place = join(folder, 'failing');
    await replaceFile(join(place, 'first'), 'old');
    function* failing(): Generator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new Error('no more');
    }
    const files = [
      { path: join(place, 'first'), content: 'new' },
      { path: join(place, 'second'), content: failing() },
    ];
    await expect(replaceFiles(files)).rejects.toThrow('no more');
    expect(readFileSync(join(place, 'first'), 'utf8')).toBe('old');
    expect(readdirSync(place)).toEqual(['first']);
  });

  it('leaves no folders where it fails', async () => {
    const files = [
      { path: join(folder, 'none', 'a', 'first'), content: 'new' },
      { path: join(folder, 'none', 'b', 'second'), content: throwing() },
    ];
    await expect(replaceFiles(files)).rejects.toThrow('no more');
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it('removes what an ended process left long ago, and nothing else', async () => {
    const place = join(folder, 'left');
    const path = join(place, 'file');
    await replaceFile(path, 'one');
    const old = ['.file.0123456789ab.tmp', '.other.0123456789ab.tmp', '.file.0123456789ab.tmp.txt'];
    for (const name of old) writeFileSync(join(place, name), '');
    for (const name of old) utimesSync(join(place, name), 1, 1);
    writeFileSync(join(place, '.file.ba9876543210.tmp'), '');
    await replaceFile(path, 'two');
    const left = ['.file.0123456789ab.tmp.txt', '.file.ba9876543210.tmp', '.other.0123456789ab.tmp', 'file'];
    expect(readdirSync(place).toSorted()).toEqual(left);
  });

  it('says what is in the way', async () => {
    writeFileSync(join(folder, 'file'), '');
    const failure = replaceFile(join(folder, 'file', 'x'), '');
    await expect(failure).rejects.toThrow(SwancError);
    await expect(failure).rejects.toThrow(/is not a folder/);
    await expect(replaceFile(folder, '')).rejects.toThrow(SwancError);
  });

  it.runIf(existsSync('/proc/self'))('gives up where no folder can be made', async () => {
    await expect(replaceFile('/proc/none/such/file', '')).rejects.toThrow(SwancError);
  });
});

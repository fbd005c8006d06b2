import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

const folder = temporaryFolder();
const out = join(folder, 'build');
const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');

describe('swanc compile --report', () => {
  let stdout: string;

  beforeAll(async () => {
    const samples = writeSamples(join(folder, 'samples.npy'), 64, [6, 6, 2]);
    const pages = ['page.html', 'new/comment.md'].flatMap((name) => ['--report', join(folder, name)]);
    const result = await swanc([
      'compile',
      trap('kept-gates'),
      '-o',
      out,
      '--calibration',
      samples,
      ...pages,
      '--no-config',
    ]);
    expect(result).toMatchObject({ code: 0 });
    stdout = result.stdout;
  }, 60_000);

  it('writes a page and Markdown, and says so', () => {
    expect(read('page.html')).toMatch(/^<!DOCTYPE html>/);
    expect(read('new', 'comment.md')).toMatch(/^### swanc: /);
    expect(stdout).toMatch(/report {4}\S+page\.html [\d.]+ kB\n +\S+comment\.md [\d.]+ kB\n$/);
    expect(readdirSync(folder).toSorted()).toEqual(['build', 'new', 'page.html', 'samples.npy']);
  });

  it('swanc report makes the same of what was written', async () => {
    expect(await swanc(['report', out])).toMatchObject({ code: 0, stdout: expect.stringContaining('report.html') });
    expect(read('build', 'report.html')).toBe(read('page.html'));
    const comment = join(folder, 'comment.md');
    expect(await swanc(['report', join(out, 'report.json'), '-o', comment, '-q'])).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(read('comment.md')).toBe(read('new', 'comment.md'));
  });

  it('swanc report leaves out units where there is no profile, and refuses one of another model', async () => {
    const alone = join(folder, 'alone');
    mkdirSync(alone);
    writeFileSync(join(alone, 'report.json'), read('build', 'report.json'));
    expect(await swanc(['report', alone])).toMatchObject({ code: 0 });
    expect(read('alone', 'report.html')).toContain('how often it fires is not known');
    const other = join(folder, 'other.json');
    writeFileSync(other, read('build', 'profile.json').replace(/"model": ?"[0-9a-f]+"/, `"model":"${'0'.repeat(64)}"`));
    const refused = await swanc(['report', alone, '--profile', other]);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('SWC3203') });
  });

  it.each([
    { what: 'no folder', text: undefined, says: 'there is no such file' },
    { what: 'no JSON', text: '{', says: 'it is no JSON' },
    {
      what: 'no report',
      text: '{"format": "swanc-report"}',
      says: 'it is no report of this version of swanc (at version)',
    },
    { what: 'another value', text: '[]', says: 'it is no report of this version' },
  ])('swanc report refuses $what', async ({ text, says }) => {
    const path = join(folder, 'wrong.json');
    if (text !== undefined) writeFileSync(path, text);
    const result = await swanc(['report', path]);
    expect(result).toMatchObject({ code: 3, stderr: expect.stringContaining(says) });
    expect(result.stderr).toContain('SWC3404');
    expect(existsSync(join(folder, 'report.html'))).toBe(false);
  });
});

describe('files for reports', () => {
  it('of other endings are refused before any work', async () => {
    const result = await swanc(['compile', join(folder, 'no-model'), '--report', 'report.pdf', '--no-config']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("'report.pdf' is invalid. The path of an .html or .md file is expected.");
  });

  it('that are folders, or named twice, are refused before any work', async () => {
    const place = join(folder, 'folder.html');
    mkdirSync(place, { recursive: true });
    const twice = join(folder, 'twice.md');
    const paths = [place, twice, twice].flatMap((path) => ['--report', path]);
    const result = await swanc(['compile', join(folder, 'no-model'), ...paths, '--no-config']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('it is a folder');
    expect(result.stderr).toContain('it is named twice');
  });

  it('that cannot be written are told of with the file', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const result = await swanc([
      'compile',
      trap('kept-gates'),
      '-o',
      join(folder, 'x'),
      '--no-config',
      '--report',
      join(file, 'a.html'),
    ]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('SWC2003') });
  }, 60_000);
});

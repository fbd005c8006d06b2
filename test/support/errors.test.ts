import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/support/error-codes.js';
import { errorPages } from '../../src/support/error-pages/index.js';
import { errorPageText, findErrorCode, isErrorCode } from '../../src/support/error-pages/render.js';
import { commonCode, exitCodes, problem, SwancError } from '../../src/support/errors.js';
import { swanc } from '../cli/support.js';
import { sourceFiles } from '../repository/sources.js';
import { files, models, otherwise, type Provocation, results, usage } from './errors-provoked.js';
import { Scene } from './errors-scene.js';

const provocations: Readonly<Record<string, Provocation>> = { ...usage, ...models, ...files, ...results, ...otherwise };
const codes = Object.keys(errorCodes).filter(isErrorCode);

describe('error codes', () => {
  it('begin with the exit code', () => {
    expect(codes.filter((code) => code[3] !== String(exitCodes[errorCodes[code].kind])[0])).toEqual([]);
  });

  it('are each used somewhere, and no others are', () => {
    const used = sourceFiles('src', 'passes', 'targets')
      .filter(({ path }) => !/support\/error-(codes|pages)/.test(path))
      .flatMap(({ code }) => [...code.matchAll(/SWC\d{4}/g)].map(([found]) => found));
    expect(codes.filter((code) => !used.includes(code))).toEqual([]);
    expect(used.filter((code) => !isErrorCode(code))).toEqual([]);
  });

  it('have a page and a title of their own', () => {
    expect(codes.filter((code) => errorPages[code] === undefined)).toEqual([]);
    const titles = codes.map((code) => errorCodes[code].title);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it('are each provoked here', () => {
    expect(codes.filter((code) => provocations[code] === undefined)).toEqual([]);
  });
});

/** As long as the example, which may leave out a list's end; sizes and results differ from machine to machine. */
function shortened(printed: string, example: string): string {
  const lines = example.split('\n');
  if (lines.at(-1) !== '  …') return withoutNumbers(printed);
  return withoutNumbers([...printed.split('\n').slice(0, lines.length - 1), '  …'].join('\n'));
}

function withoutNumbers(text: string): string {
  return text.replace(/\d+(\.\d+)?(e[-+]?\d+)?/g, '#');
}

describe('swanc explain', () => {
  it('prints the page of a code, also without its letters', async () => {
    const { code, stdout } = await swanc(['explain', 'swc3103'], { outColumns: 80 });
    expect(code).toBe(0);
    expect(stdout).toBe(errorPageText('SWC3103', 80));
    expect(stdout).toMatch(/^SWC3103: the calibration data do not fit the model\nExit code 3\.\n/);
    expect(
      Math.max(
        ...(stdout
          .split('\nIt looks')[0]
          ?.split('\n')
          .map(({ length }) => length) ?? []),
      ),
    ).toBeLessThan(81);
    expect((await swanc(['explain', '3103'], { outColumns: 80 })).stdout).toBe(stdout);
  });

  it('lists all codes', async () => {
    const { stdout } = await swanc(['explain']);
    expect(stdout.split('\n').filter((line) => line !== '')).toEqual(
      codes.toSorted().map((code) => `${code}  ${errorCodes[code].title}`),
    );
    const json = JSON.parse((await swanc(['explain', '--json'])).stdout);
    expect(json).toHaveLength(codes.length);
    expect(JSON.parse((await swanc(['explain', 'SWC5001', '--json'])).stdout)).toMatchObject({
      code: 'SWC5001',
      exitCode: 5,
      causes: expect.any(Array),
    });
  });

  it('says how the command line ends', async () => {
    const { stdout } = await swanc(['explain', '--json']);
    const told: { code: string; exitCode: number }[] = JSON.parse(stdout);
    expect(told.find(({ code }) => code === 'SWC1002')).toMatchObject({ exitCode: 130 });
    const aborted = await swanc(['inspect', 'nowhere'], { signal: AbortSignal.abort() });
    expect(aborted).toMatchObject({ code: 130, stderr: 'interrupted: nothing was written\n' });
  });

  it('names those that were meant', async () => {
    const near = await swanc(['explain', 'SWC31030']);
    expect(near).toMatchObject({ code: 2, stderr: expect.stringContaining('SWC3103 (the calibration data do not') });
    expect(await swanc(['explain', 'help'])).toMatchObject({ code: 2, stderr: expect.stringContaining('lists all') });
    expect(findErrorCode('SWC9103').nearest).toContain('SWC3103');
  });

  it('is named where someone reads along, and not in logs', async () => {
    const shown = await swanc(['inspect', 'nowhere'], { showsProgress: true });
    expect(shown.stderr).toMatch(/swanc explain SWC3001\n$/);
    expect((await swanc(['inspect', 'nowhere'])).stderr).not.toContain('explain');
  });
});

describe('texts of errors', () => {
  it('have nothing in them that is not seen', () => {
    const hidden = ['\u200b', '\u200e', '\u200f', '\u00ad', '\u202e', '\u001b', '\ufeff'];
    const { message } = new SwancError('SWC3004', `a${hidden.join('b')}`, [problem(hidden.join('c'), 'd')]);
    for (const character of hidden) expect(message).not.toContain(character);
    expect(message.split('\n')).toHaveLength(2);
  });
});

describe('errors in JSON', () => {
  it('carry codes', async () => {
    const { stdout } = await swanc(['inspect', 'nowhere', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'SWC3001', problems: [{ code: 'SWC3001' }] } });
  });
});

describe('the code of several problems', () => {
  it('is theirs where they agree', () => {
    const [weights, shape] = [problem('a', 'b', undefined, 'SWC3022'), problem('c', 'd')];
    expect(commonCode([weights, weights], 'SWC3004')).toBe('SWC3022');
    expect(commonCode([weights, shape], 'SWC3004')).toBe('SWC3004');
    expect(commonCode([], 'SWC3004')).toBe('SWC3004');
    const error = new SwancError('SWC3004', 'wrong', [weights, shape]);
    expect(error.problems.map(({ code }) => code)).toEqual(['SWC3022', 'SWC3004']);
    expect(error.message).toBe('wrong\n  a: b [SWC3022]\n  c: d');
  });
});

// Last: modules are loaded anew in some of them, and have errors of their own then.
describe('the example of a page is what is printed', () => {
  const start = process.cwd();

  it.each(Object.entries(provocations))('%s', async (code, provoke) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'swanc-error-')));
    try {
      process.chdir(folder);
      const printed = (await provoke(new Scene('.'))).replaceAll(`${folder}/`, '');
      expect(printed).toContain(`error ${code}: `);
      const example = isErrorCode(code) ? (errorPages[code]?.example ?? '') : '';
      expect(shortened(printed, example)).toBe(withoutNumbers(example));
    } finally {
      process.chdir(start);
      rmSync(folder, { recursive: true });
    }
  });
});

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addTableOptions, givenOptions } from '../../src/cli/options.js';
import { checkConfig, type Fields, optionRows } from '../../src/config/index.js';
import { reportSchema } from '../../src/index.js';
import { anyFields } from '../config/support.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
const config = join(folder, 'swanc.config.json');
const model = trap('proved-dead');
const samples = writeSamples(join(folder, 'samples.npy'), 40, [5]);

function inProject(value: object): void {
  writeFileSync(config, JSON.stringify(value));
  process.chdir(folder);
}

const start = process.cwd();
afterEach(() => process.chdir(start));

/** What the command line of `compile` gives. */
function given(args: readonly string[]): Fields {
  const command = addTableOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }), 'all');
  command.parse([...args], { from: 'user' });
  return givenOptions(command);
}

function flagsFor(fields: Fields): string[] {
  return optionRows.flatMap(({ key, flag, kind, placeholder }) => {
    const value = fields[key];
    if (value === undefined) return [];
    if (value === false || placeholder === undefined) return [`--${value === false ? 'no-' : ''}${flag}`];
    const values = kind.join !== undefined && Array.isArray(value) ? value.map((one) => [one]) : [value];
    return values.flatMap((one) => [`--${flag}`, kind.print(one)]);
  });
}

describe('options of the command line', () => {
  it('say what a config file with the values says', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        expect(given(flagsFor(fields))).toEqual(checkConfig(fields, 'config'));
      }),
    );
  });

  it('are those that are given, with nothing by default', () => {
    expect(given([])).toEqual({});
    expect(given(['--no-verify', '--target', 'cpu,edge', '--plugin', 'a', '--plugin', 'b'])).toEqual({
      verify: false,
      targets: ['cpu', 'edge'],
      plugins: ['a', 'b'],
    });
    // Opposites, for what a config file sets.
    expect(given(['--verify', '--no-verify-each', '--no-external-data'])).toEqual({
      verify: true,
      verifyEach: false,
      externalData: false,
    });
  });
});

describe('a config file', () => {
  it('says what a command line leaves open', async () => {
    inProject({ model, out: 'build', mode: 'dense', opset: 17, verify: false });
    const { code, stderr, stdout } = await swanc(['compile', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^using swanc\.config\.json\n/) });
    expect(reportSchema.parse(JSON.parse(stdout)).targets).toMatchObject([{ mode: 'dense', opset: 17 }]);
    expect(readdirSync(join(folder, 'build')).toSorted()).toEqual(['cpu', 'report.json']);
    const over = await swanc(['compile', '--json', '--opset', '18', '--out', join(folder, 'other')]);
    expect(JSON.parse(over.stdout).targets).toMatchObject([{ mode: 'dense', opset: 18 }]);
    expect(readdirSync(join(folder, 'other')).toSorted()).toEqual(['cpu', 'report.json']);
  });

  it('gives way to what excludes it', async () => {
    inProject({ model, out: 'build', maxDrop: '0.5%', calibration: samples, mode: 'dense', verify: false });
    // A budget of accuracy needs labels.
    expect(await swanc(['compile'])).toMatchObject({ code: 2, stderr: expect.stringContaining('labels') });
    expect(await swanc(['compile', '--max-error', '1%'])).toMatchObject({ code: 0 });
    const both = await swanc(['compile', '--max-error', '1%', '--max-drop', '1%']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be used with option') });
  });

  it('is named, or left out', async () => {
    inProject({ mode: 'dens' });
    const wrong = await swanc(['compile', model]);
    expect(wrong).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/SWC2006[\s\S]*config\.json: mode: One of/),
    });
    const out = ['--out', join(folder, 'named')];
    expect(await swanc(['compile', model, '--no-config', '--no-verify', ...out])).toMatchObject({ code: 0 });
    const other = join(folder, 'other.json');
    writeFileSync(other, '{ "mode": "dense", "verify": false }');
    const named = await swanc(['compile', model, '--config', other, '--json', ...out]);
    expect(named).toMatchObject({ code: 0, stderr: expect.stringContaining('using other.json') });
    const none = await swanc(['compile', model, '--config', join(folder, 'none.json')]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no such file') });
  });

  it('is told of as JSON, too, when it is wrong', async () => {
    inProject({ mode: 'dens', samples: 0 });
    const { code, stdout } = await swanc(['inspect', '--json']);
    expect(code).toBe(2);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: 'SWC2006', kind: 'usage' });
    expect(error.problems).toHaveLength(2);
  });

  it('has what other commands take of it', async () => {
    inProject({ model, calibration: samples, samples: 7, out: 'shared', mode: 'dense', precision: 'fp32' });
    const profiled = await swanc(['profile', '-o', join(folder, 'gates.json'), '--json']);
    expect(JSON.parse(profiled.stdout).samples).toBe(7);
    expect(JSON.parse(readFileSync(join(folder, 'gates.json'), 'utf8')).samples).toBe(7);
    expect(await swanc(['inspect'])).toMatchObject({ code: 0, stdout: expect.stringContaining('gate') });
    expect(await swanc(['compile', '--quiet'])).toMatchObject({ code: 0, stderr: '' });
    expect(await swanc(['verify'])).toMatchObject({ code: 0 });
    // The folder that is compiled to is where the compiled model is.
    expect(await swanc(['verify', model])).toMatchObject({ code: 0, stdout: expect.stringContaining('shared') });
    expect(await swanc(['verify', model, '--no-config'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('swanc-out'),
    });
  });

  it('names files that are shown as they are called from the current folder', async () => {
    cpSync(model, join(folder, 'own'), { recursive: true });
    inProject({ model: './own', calibration: ['samples.npy'], out: 'near', mode: 'dense' });
    const { code, stdout } = await swanc(['compile']);
    expect(code).toBe(0);
    expect(stdout).not.toContain(folder);
    expect(stdout).toContain('near');
    process.chdir(join(folder, 'near'));
    expect((await swanc(['compile', '--config', config])).stdout).toContain(join(folder, 'near'));
  });

  it('is needed where a model is not named', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    process.chdir(empty);
    expect(await swanc(['compile'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/argument 'model'[\s\S]*swanc init/),
    });
    inProject({ mode: 'dense' });
    expect(await swanc(['inspect'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/config\.json names none/),
    });
  });
});

describe('wrong usage', () => {
  it('is a model without a name', async () => {
    expect(await swanc(['compile', '', '--no-config'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/swanc compile: .*argument 'model', not an empty text/),
    });
  });

  it('is an error with a code, what is wrong and a hint', async () => {
    const { code, stdout, stderr } = await swanc(['compile', 'x', '--taget', 'cpu', '--json']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "error SWC2001: the command line is not understood\n  swanc compile: unknown option '--taget'\n    did you mean --target?\n",
    );
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'SWC2001',
        kind: 'usage',
        message: 'the command line is not understood',
        problems: [
          {
            code: 'SWC2001',
            where: 'swanc compile',
            what: "unknown option '--taget'",
            advice: 'did you mean --target?',
          },
        ],
      },
    });
    const merge = await swanc(['profile', 'merge', 'a', '--out']);
    expect(merge.stderr).toMatch(
      / {2}swanc profile merge: option '-o, --out <file>' argument missing\n {4}"swanc profile merge --help"/,
    );
  });

  it('is quiet together with verbose', async () => {
    expect(await swanc(['inspect', 'x', '-q', '-v'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be used'),
    });
  });
});

describe('help', () => {
  const commands = ['', 'compile', 'profile', 'profile merge', 'inspect', 'verify', 'tune', 'init', 'completion'];

  it.each(commands)('of swanc %s fits a screen of 80 columns and has examples', async (name) => {
    const { code, stdout } = await swanc([...name.split(' ').filter(Boolean), '--help'], { outColumns: 80 });
    expect(code).toBe(0);
    expect(stdout).toContain('\nExamples:\n  $ swanc');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('of a command has its options in groups', async () => {
    const { stdout } = await swanc(['compile', '--help']);
    const groups = [...stdout.matchAll(/^([A-Z]\w+):$/gm)].map(([, group]) => group);
    expect(groups).toEqual([
      'Arguments',
      'Input',
      'Images',
      'Output',
      'Gates',
      'Precision',
      'Budgets',
      'Verification',
      'Diagnostics',
      'General',
      'Examples',
    ]);
  });
});

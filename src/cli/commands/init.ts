import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { ConfigOptions } from '../../config/check.js';
import { choice } from '../../config/kinds.js';
import { compileOptions, targetNames } from '../../config/table.js';
import { type ConfigKind, configKinds } from '../../config/write.js';
import { problem, SwancError } from '../../support/errors.js';
import { replaceFile } from '../../support/replace-file.js';
import { defaultOut, shownPath, withCommonOptions, withJsonOption } from '../common.js';
import { type Found, findModels } from '../find-models.js';
import { addTableOptions, givenOptions, KindOption } from '../options.js';
import { askFor } from '../questions.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  readonly type?: ConfigKind;
  readonly yes?: true;
  readonly force?: true;
  readonly json?: true;
}

const examples = `
Examples:
  $ swanc init
      for the model that lies here or in a folder below, with questions
  $ swanc init model/model.json --target webgpu,edge --yes
      without questions
  $ swanc init --type json --force
      in place of a config that is there`;

/** Adds `swanc init`. */
export function addInit(program: Command, terminal: Terminal): void {
  const command = program
    .command('init')
    .summary('write a config file, so that "swanc compile" alone is enough')
    .description(
      'Writes swanc.config.ts, .js, .mjs or .json, as the project in the current folder has it: for the model that lies there ' +
        'or is named, with a comment on each option where the language has comments. Asks on a terminal only, and replaces nothing unless told to.',
    )
    .argument('[model]', 'model.json, .onnx file, or a folder with one of them (default: the one that lies here)');
  addTableOptions(command, { calibration: {}, out: {}, targets: {}, mode: {} });
  const type = new KindOption(
    '--type <type>',
    'language of the file (default: that of the project)',
    choice(configKinds),
  );
  command
    .addOption(type.helpGroup('Output:'))
    .addOption(new Option('--force', 'replace a config that is there').helpGroup('Output:'))
    .addOption(new Option('-y, --yes', 'ask nothing').helpGroup('General:'));
  withCommonOptions(withJsonOption(command, 'what was written as JSON'))
    .addHelpText('after', examples)
    .action(async (given: string | undefined, { type: wanted, yes, force, json }: Flags) => {
      const folder = process.cwd();
      const { path, kind } = await placeFor(folder, wanted, force === true);
      const ask = yes || json ? undefined : terminal.ask;
      const options = await chooseOptions(folder, given, givenOptions(command), ask);
      const { configText } = await import('../../config/write.js');
      const hasPackage = existsSync(join(folder, 'node_modules', 'swanc', 'package.json'));
      await replaceFile(path, configText(kind, { options, suggestions: suggestionsFor(options), folder, hasPackage }));
      if (json) terminal.out(`${JSON.stringify({ path, options }, undefined, 2)}\n`);
      else
        terminal.out(
          `wrote ${relative(folder, path)} for ${shownPath(options.model ?? '')}\nnow run "swanc compile"\n`,
        );
    });
}

/** Options that the file shows in comments, as people would begin with them. */
function suggestionsFor({ calibration }: ConfigOptions) {
  const samples = calibration === undefined ? { calibration: './calibration.npz' } : {};
  return { ...samples, maxDrop: '0.5%', precision: 'fp16', inputRange: [0, 1] } as const;
}

async function chooseOptions(
  folder: string,
  given: string | undefined,
  { calibration, out = defaultOut, targets, mode = 'auto' }: ConfigOptions,
  ask: Terminal['ask'],
): Promise<ConfigOptions> {
  const found = await findModels(folder);
  const model = resolve(folder, given ?? (await chooseModel(folder, found, ask)));
  await stat(model).catch(() => {
    throw new SwancError('SWC3001', 'there is no such model', [
      problem(given ?? model, 'there is no such file or folder'),
    ]);
  });
  const options: ConfigOptions = { model, out: resolve(folder, out), mode };
  const samples = calibration ?? (await chooseCalibration(folder, found, ask));
  return {
    ...options,
    ...(samples !== undefined && { calibration: typeof samples === 'string' ? resolve(folder, samples) : samples }),
    targets: targets ?? (await chooseTargets(ask)),
  };
}

/** The only model there is, or the one that the user says. */
async function chooseModel(folder: string, { models }: Found, ask: Terminal['ask']): Promise<string> {
  const [first, ...others] = models.map((path) => relative(folder, path));
  if (ask !== undefined) {
    const list = others.length === 0 ? [] : ['Models here:', ...[first, ...others].map((name) => `  ${name}`)];
    return await askFor(ask, 'Model', first, (text) => existing(folder, text), list);
  }
  if (first === undefined) {
    const advice = 'name it: swanc init <model>';
    throw new SwancError('SWC3001', 'there is no model here', [
      problem(folder, 'no model.json or .onnx in it', advice),
    ]);
  }
  if (others.length === 0) return first;
  const problems = [first, ...others].map((name) => problem(name, 'it is one of several models'));
  throw new SwancError('SWC2001', 'there are several models here: name one, as in "swanc init <model>"', problems);
}

/** Data are taken without a question only where there can be no doubt which. */
async function chooseCalibration(folder: string, { calibration }: Found, ask: Terminal['ask']) {
  const only = calibration.length === 1 ? calibration[0] : undefined;
  if (ask === undefined) return only;
  const own = only === undefined ? 'none' : relative(folder, only);
  const answer = await askFor(ask, 'Calibration data', own, (text) =>
    text === 'none' ? undefined : existing(folder, text),
  );
  return answer === 'none' ? undefined : answer;
}

async function chooseTargets(ask: Terminal['ask']): Promise<readonly string[]> {
  const { kind } = compileOptions.targets;
  if (ask === undefined) return ['cpu'];
  const names: readonly string[] = targetNames;
  const answer = await askFor(ask, `Targets (${names.join(', ')})`, 'cpu', (text) => {
    const unknown = text.split(',').find((name) => !names.includes(name.trim()));
    return unknown === undefined ? undefined : `'${unknown.trim()}' is no target`;
  });
  return kind.parse(answer);
}

function existing(folder: string, text: string): string | undefined {
  return existsSync(resolve(folder, text)) ? undefined : 'there is no such file or folder';
}

/** Where the file goes, and in which language: that of the project, or of the file that it replaces. */
async function placeFor(folder: string, wanted: ConfigKind | undefined, force: boolean) {
  const { configNames } = await import('../../config/find.js');
  const [old, ...others] = configNames.filter((name) => existsSync(join(folder, name)));
  if (old !== undefined && !force) {
    throw occupied(old, 'there is a config already', 'replace it with --force');
  }
  if (others.length > 0) throw occupied([old, ...others].join(', '), 'there are several configs', 'remove all but one');
  const kind = wanted ?? (old === undefined ? await kindOfProject(folder) : kindOf(old));
  const name = old !== undefined && kindOf(old) === kind ? old : await nameFor(folder, kind);
  if (old !== undefined && old !== name) {
    throw occupied(old, `it would be beside ${name}`, 'remove it, or leave out --type');
  }
  return { path: join(folder, name), kind };
}

function occupied(where: string, what: string, advice: string): SwancError {
  return new SwancError('SWC2003', 'the config cannot be written', [problem(where, what, advice)]);
}

function kindOf(name: string): ConfigKind {
  if (name.endsWith('.json')) return 'json';
  return name.endsWith('ts') ? 'ts' : 'js';
}

async function kindOfProject(folder: string): Promise<ConfigKind> {
  if (existsSync(join(folder, 'tsconfig.json'))) return 'ts';
  return existsSync(join(folder, 'package.json')) ? 'js' : 'json';
}

/** A program in `.js` is a module only where package.json says so. */
async function nameFor(folder: string, kind: ConfigKind): Promise<string> {
  if (kind !== 'js') return `swanc.config.${kind}`;
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '');
  return /"type"\s*:\s*"module"/.test(text) ? 'swanc.config.js' : 'swanc.config.mjs';
}

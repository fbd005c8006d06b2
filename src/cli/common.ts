import { relative } from 'node:path';
import { type Command, Option } from 'commander';
import type { ConfigOptions } from '../config/check.js';
import type { LoadedConfig } from '../config/load.js';
import { mergeOptions } from '../config/merge.js';
import type { Fields, OptionKey } from '../config/row.js';
import { dataOptionKeys } from '../config/table.js';
import { addTableOptions, givenOptions, type Wording } from './options.js';
import type { Terminal } from './terminal.js';

/** Options of all commands. */
export function withCommonOptions(command: Command): Command {
  const add = (option: Option): Command => command.addOption(option.helpGroup('General:'));
  add(new Option('-q, --quiet', 'print no progress, warnings or summary').conflicts('verbose'));
  add(new Option('-v, --verbose', 'tell more, with the stack of unexpected errors'));
  return command.addHelpOption(new Option('-h, --help', 'print this help').helpGroup('General:'));
}

/** `--json`, which prints `what` instead of text. */
export function withJsonOption(command: Command, what = 'JSON'): Command {
  return command.addOption(new Option('--json', `print ${what} and nothing else`).helpGroup('Output:'));
}

/**
 * Options of commands that read a model: those `wanted` of the table, with what the command says of them where that is not
 * what `compile` does, and the config file which has them, too.
 */
export function withModelOptions(
  command: Command,
  wanted: Readonly<Partial<Record<OptionKey, Wording>>> | 'all',
): Command {
  const add = (option: Option): Command => command.addOption(option.helpGroup('Input:'));
  add(new Option('-c, --config <file>', 'options from this file (default: swanc.config.* of the package)'));
  add(new Option('--no-config', 'use no config file'));
  return addTableOptions(command, wanted === 'all' ? wanted : { plugins: {}, ...wanted });
}

/** The options of calibration data, for {@link withModelOptions}. */
export const dataOptions: Readonly<Partial<Record<OptionKey, Wording>>> = Object.fromEntries(
  dataOptionKeys.map((key) => [key, {}]),
);

/** Those of them that are given, and the plugins, which all commands take that read a model. */
export function dataAndPlugins(options: Fields): Pick<Fields, (typeof dataOptionKeys)[number] | 'plugins'> {
  const keys: readonly string[] = [...dataOptionKeys, 'plugins'];
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.includes(key)));
}

/** Where results of a compile go unless a command line or a config says otherwise. */
export const defaultOut = 'swanc-out';

/** Text of the argument `model` of commands. */
export const modelArgument = 'model.json, .onnx file, or a folder with one of them (default: that of the config)';

/** What a command runs with: what its command line gives, and of what that leaves open what the config file says. */
export interface Settings {
  readonly options: ConfigOptions;
  readonly config: LoadedConfig | undefined;
}

/**
 * Reads the config file of a command with {@link withModelOptions}, unless it is told not to, and says on stderr that it did.
 * @throws SwancError SWC2006
 */
export async function settingsOf(command: Command, terminal: Terminal): Promise<Settings> {
  const { config: wanted }: { config?: string | boolean } = command.opts();
  const given = givenOptions(command);
  if (wanted === false) return { options: given, config: undefined };
  const { loadConfig } = await import('../config/load.js');
  const config = await loadConfig(typeof wanted === 'string' ? { file: wanted } : { folder: process.cwd() });
  if (config === undefined) return { options: given, config };
  terminal.err(`using ${shownPath(config.path)}\n`);
  return { options: mergeOptions(config.options, given), config };
}

/** The model that a command line or the config names. */
export function modelOf(command: Command, given: string | undefined, { options, config }: Settings): string {
  const model = given ?? options.model;
  if (model !== undefined) return model;
  const where = config === undefined ? '"swanc init" writes a config with one' : `${shownPath(config.path)} names none`;
  return command.error(`error: missing required argument 'model'\n(${where})`);
}

/** A path as it is shortest to read from the current folder. */
function shownPath(path: string): string {
  const own = relative('', path);
  return own.startsWith('..') ? path : own;
}

import { isAbsolute, relative } from 'node:path';
import { type Command, Option } from 'commander';
import type { ConfigOptions } from '../config/check.js';
import type { LoadedConfig } from '../config/load.js';
import { mergeOptions } from '../config/merge.js';
import type { Fields, OptionKey } from '../config/row.js';
import { dataOptionKeys, optionRows } from '../config/table.js';
import { throwIfAborted } from '../support/errors.js';
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
  const place = typeof wanted === 'string' ? { file: wanted } : { folder: process.cwd() };
  const config = await unlessAborted(terminal.signal, loadConfig(place));
  if (config === undefined) return { options: given, config };
  terminal.err(`using ${shownPath(config.path)}\n`);
  return { options: mergeOptions(fromHere(config.options), given), config };
}

/** Waits for work that cannot be interrupted, no longer than until the signal: a config is a program that may wait for anything. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  throwIfAborted(signal);
  let stop = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    const value = await Promise.race([work, aborted]);
    throwIfAborted(signal);
    // Without the signal, the work is what was waited for.
    return value === undefined ? await work : value;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The model that a command line or the config names. */
export function modelOf(command: Command, given: string | undefined, { options, config }: Settings): string {
  const model = given ?? options.model;
  if (model === '')
    return command.error("error: the path of a model is expected for argument 'model', not an empty text");
  if (model !== undefined) return model;
  const where = config === undefined ? '"swanc init" writes a config with one' : `${shownPath(config.path)} names none`;
  return command.error(`error: missing required argument 'model'\n(${where})`);
}

/** The paths of a config, which are absolute, as people would type them here: results and messages have them. */
function fromHere(options: ConfigOptions): ConfigOptions {
  const shortened = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shortened);
    if (typeof value !== 'string' || !isAbsolute(value)) return value;
    const path = shownPath(value);
    // These would mean something else.
    return path === '' || path === '-' || path.includes('=') ? value : path;
  };
  const isPath = (key: string): boolean =>
    key === 'model' || optionRows.find((row) => row.key === key)?.kind.relocate !== undefined;
  const entries = Object.entries(options).map(([key, value]) => [key, isPath(key) ? shortened(value) : value]);
  // The same members, with the same types.
  return Object.fromEntries(entries) as ConfigOptions;
}

/** A path as it is shortest to read from the current folder. */
export function shownPath(path: string): string {
  const own = relative('', path);
  return own.startsWith('..') ? path : own;
}

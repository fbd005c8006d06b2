import type { Command, Option } from 'commander';
import { HintedArgument, KindOption } from '../options.js';

/** What can stand in a place of a command line. */
export interface Values {
  readonly choices: readonly string[];
  /** Several of the choices, separated by commas. */
  readonly isList: boolean;
  readonly files: 'file' | 'folder' | 'none';
}

export interface OptionFacts {
  /** Such as `-o` and `--out`. */
  readonly names: readonly string[];
  readonly text: string;
  readonly placeholder: string;
  /** Absent where it takes no value. */
  readonly values?: Values;
  readonly isRepeatable: boolean;
}

export interface CommandFacts {
  /** Such as `swanc profile merge`. */
  readonly name: string;
  readonly word: string;
  readonly text: string;
  readonly options: readonly OptionFacts[];
  readonly commands: readonly CommandFacts[];
  readonly values: Values;
}

const files: Values = { choices: [], isList: false, files: 'file' };
const nothing: Values = { choices: [], isList: false, files: 'none' };

/** What shells need to know of a command and those in it. */
export function factsOf(command: Command, before = ''): CommandFacts {
  const help = command.createHelp();
  const name = `${before}${command.name()}`;
  const own = command.commands.map((inner) => factsOf(inner, `${name} `));
  const argument = command.registeredArguments[0];
  const argumentValues = argument === undefined ? nothing : files;
  const words = argument instanceof HintedArgument ? argument.hints : argument?.argChoices;
  return {
    name,
    word: command.name(),
    text: command.summary() || command.description(),
    options: help.visibleOptions(command).map(optionFacts),
    commands: own.length === 0 || before !== '' ? own : [...own, helpFacts(command, name, own)],
    values: words === undefined ? argumentValues : { ...nothing, choices: words },
  };
}

/** Commander's own command, which its list of commands does not have. */
function helpFacts(program: Command, name: string, commands: readonly CommandFacts[]): CommandFacts {
  const help = program
    .createHelp()
    .visibleCommands(program)
    .find((command) => command.name() === 'help');
  return {
    name: `${name} help`,
    word: 'help',
    text: help?.description() ?? '',
    options: [],
    commands: [],
    values: { ...nothing, choices: commands.map(({ word }) => word) },
  };
}

function optionFacts(option: Option): OptionFacts {
  const { short, long, description, required, optional, flags } = option;
  const names = [short, long].filter((own) => own !== undefined);
  const kind = option instanceof KindOption ? option.kind : undefined;
  const text = shorten(description);
  const placeholder = /<(.*)>/.exec(flags)?.[1] ?? '';
  const isRepeatable = kind?.join !== undefined;
  if (!required && !optional) return { names, text, placeholder, isRepeatable };
  const choices = option.argChoices ?? kind?.choices ?? [];
  const pathKind = kind?.files ?? (/^(file|folder|path)$/.exec(placeholder) ? 'file' : 'none');
  return {
    names,
    text,
    placeholder,
    isRepeatable,
    values: {
      choices,
      isList: kind !== undefined && isList(kind, choices),
      files: choices.length > 0 ? 'none' : pathKind,
    },
  };
}

/** True where several choices make a value, too. */
function isList(kind: { parse(text: string): unknown }, choices: readonly string[]): boolean {
  const [first, second] = choices;
  if (first === undefined || second === undefined) return false;
  try {
    return Array.isArray(kind.parse(`${first},${second}`));
  } catch {
    return false;
  }
}

/** What stands beside an option while it is being typed: its first words. */
function shorten(text: string): string {
  const plain = text.replace(/ \(default: .*\)$/s, '');
  const cut = plain.length <= longest ? plain : `${plain.slice(0, longest).replace(/[\s,;:]*\S*$/, '')} …`;
  return cut.replace(/\s+/g, ' ');
}

const longest = 60;

/** A command and all below it. */
export function allCommands(facts: CommandFacts): readonly CommandFacts[] {
  return [facts, ...facts.commands.flatMap(allCommands)];
}

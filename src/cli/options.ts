import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { type Kind, ValueError } from '../config/kind.js';
import type { Fields, OptionKey, OptionRow } from '../config/row.js';
import { optionRows } from '../config/table.js';

/** What a command says of an option in other words than `compile` does. */
export type Wording = Partial<Pick<OptionRow<unknown>, 'text' | 'default' | 'group'>>;

/** An option of a command, with the kind of its values, which completion asks for. */
export class KindOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly kind: Kind<unknown> | undefined,
  ) {
    super(flags, description);
    if (kind === undefined) return;
    const read = reader(kind);
    this.argParser((text, before: unknown) => {
      const value = read(text);
      return before === undefined || kind.join === undefined ? value : kind.join(before, value);
    });
  }
}

/** An argument with words that completion offers for it; others may be given. */
export class HintedArgument extends Argument {
  constructor(
    name: string,
    description: string,
    readonly hints: readonly string[],
  ) {
    super(name, description);
  }
}

/** Adds options of the table to a command, in the order of the table. */
export function addTableOptions(
  command: Command,
  wanted: Readonly<Partial<Record<OptionKey, Wording>>> | 'all',
): Command {
  for (const row of optionRows) {
    const wording = wanted === 'all' ? {} : wanted[row.key];
    if (wording !== undefined) addRow(command, { ...row, ...wording });
  }
  return command;
}

/** The options of the table that a command line gives; what it says nothing of is not there. */
export function givenOptions(command: Command): Fields {
  const values = optionRows
    .map(({ key, flag }) => [key, attributeOf(flag)] as const)
    .filter(([, attribute]) => command.getOptionValueSource(attribute) === 'cli')
    .map(([key, attribute]) => [key, command.getOptionValue(attribute)]);
  // Each value was read by the kind in the row of its own key.
  return Object.fromEntries(values) as Fields;
}

/** A reader of values as commander wants it, which reports what it throws with the option's name. */
export function reader<T>(kind: Kind<T>): (text: string) => T {
  return (text) => {
    try {
      return kind.parse(text);
    } catch (error) {
      if (error instanceof ValueError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** An option and, where there is one, its opposite; people are told of those that change what is done by default. */
function addRow(command: Command, row: OptionRow<unknown>): void {
  const { flag, short, placeholder, text, negated, kind, group, excludes = [] } = row;
  const otherwise = row.default === undefined ? '' : ` (default: ${row.default})`;
  const names = short === undefined ? `--${flag}` : `-${short}, --${flag}`;
  const option = new KindOption(
    placeholder === undefined ? names : `${names} ${placeholder}`,
    `${text}${otherwise}`,
    placeholder === undefined ? undefined : kind,
  );
  const rivals = optionRows.filter(({ key }) => excludes.includes(key));
  option.conflicts(rivals.map((rival) => attributeOf(rival.flag)));
  command.addOption(option.hideHelp(negated === true).helpGroup(`${group}:`));
  if (placeholder !== undefined && negated === undefined) return;
  const opposite = new KindOption(`--no-${flag}`, typeof negated === 'string' ? negated : text, undefined);
  command.addOption(opposite.hideHelp(negated === undefined).helpGroup(`${group}:`));
  refuseBoth(command, flag);
}

/** Refuses an option together with its negation: both set one value, so commander would let the last one win. */
function refuseBoth(command: Command, name: string): void {
  const names = [name, `no-${name}`];
  const given = new Set<string>();
  for (const own of names) {
    command.on(`option:${own}`, () => {
      given.add(own);
      if (given.size === names.length) command.error(`error: --${names.join(' and --')} exclude each other`);
    });
  }
}

/** What commander calls the value of an option. */
function attributeOf(flag: string): string {
  return new Option(`--${flag}`).attributeName();
}

import { parseArgs } from 'node:util';
import { type Tuning, tunings } from '../../src/compiler/options.js';
import { type Clock, clocks, type Timing } from './timing.js';

/** What the bench was asked for. */
export interface Wanted {
  /** Names of sections; all of them if none was given. */
  readonly sections: readonly string[];
  /** Words in the names of cases; all cases if none was given. */
  readonly words: readonly string[];
  readonly timing: Timing;
  readonly tune: Tuning;
}

/** A section and the names of its cases, as it prints them; none where it has no parts to choose. */
export interface Choice {
  readonly section: string;
  readonly cases: readonly string[];
}

/** A command line that is wrong. Its message says what there is. */
export class UsageError extends Error {}

/**
 * Reads the command line; undefined where help is asked for.
 *
 * @throws UsageError naming every word that is neither a section nor part of the name of a case of the wanted sections
 */
export function readArguments(args: readonly string[], choices: readonly Choice[]): Wanted | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const milliseconds = Number(values.milliseconds);
  if (!(milliseconds > 0 && milliseconds < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`--milliseconds ${values.milliseconds}: a number greater than 0 is wanted`);
  }
  const clock = oneOf<Clock>('--clock', values.clock, clocks);
  const tune = oneOf<Tuning>('--tune', values.tune, tunings);
  const named = new Set(positionals);
  const wanted = choices.filter(({ section }) => named.has(section));
  const sections = (wanted.length === 0 ? choices : wanted).map(({ section }) => section);
  const words = positionals.filter((word) => !choices.some(({ section }) => section === word));
  const cases = choices.filter(({ section }) => sections.includes(section)).flatMap((choice) => choice.cases);
  const unknown = words.filter((word) => !cases.some((name) => name.includes(word)));
  if (unknown.length > 0) {
    const list = unknown.map((word) => `'${word}'`).join(', ');
    const where = wanted.length === 0 ? '' : ` of ${sections.join(', ')}`;
    throw new UsageError(`${list}: no section, and in the name of no case${where}\n\n${listed(choices)}`);
  }
  return { sections, words, timing: { milliseconds, clock }, tune };
}

export function usage(choices: readonly Choice[]): string {
  return `npm run bench:dynamic -- [options] [section ...] [word ...]

Runs these sections, all by default, and of them the cases with one of these words in their names.

  --milliseconds <count>          for about how long each graph is run (300)
  --clock wall|processor          what is counted (wall)
  --tune measured|predicted       how plans are chosen (measured)
  --help

${listed(choices)}`;
}

function listed(choices: readonly Choice[]): string {
  const lines = choices.map(({ section, cases }) => {
    const names = cases.length === 0 ? ['  (no cases to choose from)'] : cases.map((name) => `  ${name}`);
    return [`${section}:`, ...names].join('\n');
  });
  return `sections: ${choices.map(({ section }) => section).join(', ')}\n\ncases:\n\n${lines.join('\n')}`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        milliseconds: { type: 'string', default: '300' },
        clock: { type: 'string', default: 'wall' },
        tune: { type: 'string', default: 'measured' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    // Nothing else is thrown for a command line.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function oneOf<T extends string>(option: string, value: string, all: readonly T[]): T {
  const found = all.find((known) => known === value);
  if (found === undefined) throw new UsageError(`${option} ${value}: ${all.join(' or ')} is wanted`);
  return found;
}

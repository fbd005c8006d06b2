import { errorCodes } from '../support/error-codes.js';
import { type CodeOf, type Problem, problem, SwancError } from '../support/errors.js';
import { nearest } from '../support/nearest.js';
import { ValueError } from './kind.js';
import type { Fields, OptionKey, OptionRow } from './row.js';
import { optionRows } from './table.js';

/** Texts of options by name: `true` is a switch without a value, a list an option given more than once. */
export type OptionTexts = Readonly<Record<string, string | true | readonly string[]>>;

/**
 * Options from texts, such as those of a query. Names are those of the command line without dashes (`max-drop`) or those of
 * the library (`maxDrop`); a switch can be denied with `no-<name>`.
 * @param where what the texts are of, for messages.
 * @throws SwancError with everything that is wrong with them.
 */
export function parseOptions(texts: OptionTexts, where: string, code: CodeOf<'usage'> = 'SWC2007'): Fields {
  const problems: Problem[] = [];
  const values = new Map<OptionKey, unknown>();
  const givenAs = new Map<OptionKey, string>();
  for (const [name, given] of Object.entries(texts)) {
    const { row, isDenied } = rowNamed(name) ?? {};
    if (row === undefined) {
      problems.push(problem(`${where}: ${name}`, 'there is no such option', suggestion(name)));
      continue;
    }
    const before = givenAs.get(row.key);
    if (before !== undefined) problems.push(problem(`${where}: ${name}`, `it says the same as '${before}' does`));
    givenAs.set(row.key, name);
    try {
      values.set(row.key, isDenied ? deny(given) : readValue(row, given));
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      problems.push(problem(`${where}: ${name}`, error.message.replace(/\.$/, '')));
    }
  }
  if (problems.length > 0) throw new SwancError(code, errorCodes[code].title, problems);
  // Each value comes from the kind in the row of its own key.
  return Object.fromEntries(values) as Fields;
}

/** Names by which options are known in texts. */
function rowNamed(name: string) {
  const row = optionRows.find(({ flag, key }) => name === flag || name === key);
  if (row !== undefined) return { row, isDenied: false };
  const denied = optionRows.find((own) => name === `no-${own.flag}` && isDeniable(own));
  return denied && { row: denied, isDenied: true };
}

/** True for options that can be turned off: switches, and those that say what this does. */
export function isDeniable({ placeholder, negated }: OptionRow<unknown>): boolean {
  return placeholder === undefined || negated !== undefined;
}

function deny(given: string | true | readonly string[]): false {
  if (given !== true && given !== '') throw new ValueError('It takes no value.');
  return false;
}

function readValue<T>({ placeholder, kind }: OptionRow<T>, given: string | true | readonly string[]): T {
  if (given === true || given === '') {
    if (placeholder !== undefined) throw new ValueError(`${kind.expected} is expected.`);
    return kind.parse('true');
  }
  if (typeof given === 'string') return kind.parse(given);
  const [first, ...others] = given.map(kind.parse);
  if (first === undefined) throw new ValueError('A value is expected.');
  const { join } = kind;
  if (others.length > 0 && join === undefined) throw new ValueError('It can be given only once.');
  return join === undefined ? first : others.reduce(join, first);
}

function suggestion(name: string): string | undefined {
  const found = nearest(
    name,
    optionRows.flatMap(({ flag, key }) => [flag, key]),
  );
  return found === undefined ? undefined : `did you mean '${found}'?`;
}

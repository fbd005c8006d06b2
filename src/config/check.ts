import type { z } from 'zod';
import { type Problem, problem, SwancError } from '../support/errors.js';
import { nearest } from '../support/nearest.js';
import type { Config } from './define.js';
import type { Fields, OptionKey } from './row.js';
import { configKeys, configSchema } from './schema.js';
import { optionRows } from './table.js';

/** The options of a config file, read, and the model that they are for. */
export type ConfigOptions = Fields & Pick<Config, 'model'>;

/**
 * Checks what a config file holds and reads it.
 * @param path the file, for messages.
 * @throws SwancError with everything that is wrong with it.
 */
export function checkConfig(value: unknown, path: string): ConfigOptions {
  const problems: Problem[] = [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const advice = "export default { model: 'model.json', mode: 'auto' }";
    throw unusable([problem(path, `it is ${nameOf(value)}, not an object of options`, advice)]);
  }
  const { members, failures } = membersOf(value);
  for (const [key, reason] of failures) problems.push(problem(`${path}: ${key}`, `it cannot be read: ${reason}`));
  problems.push(...unknownKeys(value, path));
  const result = configSchema.safeParse(members);
  if (!result.success) problems.push(...result.error.issues.map((issue) => issueProblem(issue, path)));
  problems.push(...exclusions(members, path));
  if (problems.length > 0 || !result.success) throw unusable(problems);
  const { $schema: _, target, ...options } = result.data;
  return target === undefined ? options : { ...options, targets: target };
}

function unusable(problems: readonly Problem[]): SwancError {
  return new SwancError('SWC2006', 'the config file cannot be used', problems);
}

/** The members that are known, each read once: what a program exports may have getters that fail. */
function membersOf(value: object) {
  const members: Record<string, unknown> = {};
  const failures: (readonly [string, string])[] = [];
  for (const key of configKeys) {
    if (!Object.hasOwn(value, key)) continue;
    try {
      members[key] = Reflect.get(value, key);
    } catch (error) {
      failures.push([key, error instanceof Error ? error.message : String(error)]);
    }
  }
  return { members, failures };
}

/** Keys that no option has, with the one that was meant; where none is near, all that there are, once. */
function unknownKeys(value: object, path: string): Problem[] {
  let isListed = false;
  return Reflect.ownKeys(value)
    .filter((key) => typeof key === 'symbol' || !configKeys.includes(key))
    .map((key) => {
      const found = typeof key === 'string' ? suggestion(key) : undefined;
      const list = isListed ? undefined : `options are ${configKeys.slice(1).join(', ')}`;
      isListed ||= found === undefined;
      return problem(`${path}: ${shown(key)}`, 'there is no such option', found ?? list);
    });
}

/** Flags are likely to be taken for keys, which some are not; and images for one option, which are several. */
function suggestion(key: string): string | undefined {
  const ofImages = configKeys.filter((own) => own.startsWith('image'));
  if (/^images?$/i.test(key)) return `options of images are ${ofImages.join(', ')}`;
  const byFlag = optionRows.find(({ flag, negated }) => flag === key || (negated && `no-${flag}` === key));
  const found = byFlag?.key ?? nearest(key, configKeys);
  return found === undefined ? undefined : `did you mean '${found}'?`;
}

function issueProblem({ path: place, message }: z.core.$ZodIssue, path: string): Problem {
  const [key = '', ...inner] = place.map(shown);
  const at = inner.map((part) => `[${part}]`).join('');
  return problem(`${path}: ${key}${at}`, message.replace(/\.$/, ''));
}

function exclusions(members: Readonly<Record<string, unknown>>, path: string): Problem[] {
  const isGiven = (key: OptionKey): boolean => members[key] !== undefined;
  const together = (key: string, other: string): Problem =>
    problem(`${path}: ${key}`, `it cannot be together with ${other}`, 'give one of the two');
  const found = optionRows.flatMap(({ key, excludes = [] }) =>
    excludes.filter((other) => key < other && isGiven(key) && isGiven(other)).map((other) => together(key, other)),
  );
  return isGiven('targets') && members.target !== undefined ? [...found, together('target', 'targets')] : found;
}

/** Keys may be of any length, and have any characters. */
function shown(key: PropertyKey): string {
  const text = String(key);
  const isPlain = /^[\w$ .-]+$/.test(text);
  const short = isPlain ? text : JSON.stringify(text);
  return short.length > 60 ? `${short.slice(0, 60)}…` : short;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

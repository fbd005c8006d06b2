import { errorCodes } from '../../src/support/error-codes.js';
import { SwancError } from '../../src/support/errors.js';
import type { Kind } from './kind.js';

/** What came of a case. All but the first two are findings. */
export const classes = [
  'ok',
  'refused',
  'internal',
  'exit',
  'text',
  'partial',
  'wrong',
  'hang',
  'crash',
  'memory',
] as const;
export type Class = (typeof classes)[number];

export interface Outcome {
  readonly class: Class;
  /** The code of the error, or what else tells outcomes of one cause from others. */
  readonly code: string;
  readonly message: string;
}

/** A failed compile left something, or a compile left something beside its result. */
export class PartialOutput extends Error {}

/** What was read without an error is not what was written. */
export class WrongResult extends Error {}

/** Messages are read by people: whatever is in a file, it does not fill their screens. */
const longestMessage = 400_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal obeys them
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

export function isFinding({ class: found }: Outcome): boolean {
  return found !== 'ok' && found !== 'refused';
}

export const fine: Outcome = { class: 'ok', code: '', message: '' };

/** The outcome of what was thrown. */
export function outcomeOf(error: unknown, kind: Pick<Kind, 'exits'>): Outcome {
  if (error instanceof PartialOutput) return { class: 'partial', code: '', message: stackOf(error) };
  if (error instanceof WrongResult) return { class: 'wrong', code: '', message: stackOf(error) };
  if (!(error instanceof SwancError)) return { class: 'internal', code: placeOf(error), message: stackOf(error) };
  const { code, exitCode, message, summary } = error;
  const outcome = (found: Class): Outcome => ({ class: found, code, message: message.slice(0, 2000) });
  if (!Object.hasOwn(errorCodes, code) || code.startsWith('SWC1')) return outcome('internal');
  // Where scores are all at their thresholds nothing can be compared, which is said. Other differences are ours.
  if (exitCode === 4 && code !== 'SWC4002' && kind.exits === undefined) return outcome('wrong');
  if (exitCode === 4) return outcome('refused');
  if (!(kind.exits ?? [3]).includes(exitCode)) return outcome('exit');
  const isPlain =
    message.length <= longestMessage && !unprintable.test(message) && !/undefined|\[object /.test(summary);
  return outcome(isPlain ? 'refused' : 'text');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${(error.stack ?? error.message).slice(0, 3000)}${cause}`;
}

/** The first place of our own in the stack: errors from one place have one cause, for the most part. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const place = /\/((?:src|passes|targets)\/[\w/.-]+):(\d+)/.exec(stack);
  return place === null ? (error instanceof Error ? error.name : 'thrown') : `${place[1]}:${place[2]}`;
}

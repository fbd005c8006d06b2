import { type ErrorCode, errorCodes } from './error-codes.js';
import { hidden } from './printable.js';

export type { ErrorCode } from './error-codes.js';

/** One thing that is wrong: where, what, and what to do about it. */
export interface Problem {
  /** The layer, file, option or weight at fault, as the user calls it. */
  readonly where: string;
  /** What is wrong with it. */
  readonly what: string;
  /** What the user can do about it. */
  readonly advice?: string;
  /** That of the error where it is not given. */
  readonly code?: ErrorCode;
}

/** A problem of an error that was thrown. */
export type CodedProblem = Problem & { readonly code: ErrorCode };

/**
 * `usage`: the call was wrong; `invalid`: the model or data is; `unsupported`: swanc has no rule for it; `budget`: the result
 * takes more memory than it may.
 * @useDeclaredType
 */
export type ErrorKind = (typeof errorCodes)[ErrorCode]['kind'];

/** The codes of one kind. */
export type CodeOf<K extends ErrorKind> = {
  [C in ErrorCode]: (typeof errorCodes)[C]['kind'] extends K ? C : never;
}[ErrorCode];

/** Exit codes of the command line, a documented contract, and what each means. */
export const exitMeanings: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'internal error: please report it',
  2: 'wrong usage',
  3: 'unsupported or invalid model or data',
  4: 'verification failed',
  5: 'memory budget exceeded',
  // As shells report a process ended by Ctrl-C.
  130: 'interrupted',
};

/** The exit code of errors of each kind; its first digit is that of their codes. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  internal: 1,
  aborted: 130,
  usage: 2,
  unsupported: 3,
  invalid: 3,
  verification: 4,
  budget: 5,
};

/**
 * An error that a user can cause; anything else that is thrown is a defect of swanc. It carries *all* problems that were
 * found, not the first one.
 */
export class SwancError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly summary: string;
  readonly problems: readonly CodedProblem[];

  /** Problems without a code of their own get that of the error. Texts are cut where what they quote is long. */
  constructor(code: ErrorCode, summary: string, problems: readonly Problem[] = [], options?: ErrorOptions) {
    const brief = problems.map(shortened);
    const more = brief.length - mostListed;
    const lines = brief.slice(0, mostListed).map((entry) => formatProblem(entry, code));
    super([cut(summary), ...lines, ...(more > 0 ? [`  … and ${more} more`] : [])].map(plain).join('\n'), options);
    this.name = 'SwancError';
    this.code = code;
    this.kind = errorCodes[code].kind;
    this.summary = cut(summary);
    this.problems = brief.map((entry) => ({ code, ...entry }));
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** Longest text of a problem: a file may hold names of any length, and people read messages. */
const longestText = 1000;
/** Problems in the message; the list of them has all. */
const mostListed = 100;

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

function shortened({ where, what, advice, code }: Problem): Problem {
  return problem(cut(where), cut(what), advice === undefined ? undefined : cut(advice), code);
}

/** Without what a terminal would obey, or show otherwise than it stands there: texts quote names out of files. */
function plain(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replaceAll(hidden, '\ufffd'))
    .join('\n');
}

function formatProblem({ where, what, advice, code }: Problem, shown: ErrorCode): string {
  const other = code === undefined || code === shown ? '' : ` [${code}]`;
  // A line is a line: what is quoted makes none.
  const line = `${where}: ${what}`.replace(/\s+/g, ' ');
  return `  ${line}${other}${advice === undefined ? '' : `\n    ${advice}`}`;
}

/** An input (model, weights, data, profile) that cannot be what it claims to be; the title of its code is the summary. */
export function invalid(code: CodeOf<'invalid'>, where: string, what: string, advice?: string): SwancError {
  return new SwancError(code, errorCodes[code].title, [problem(where, what, advice)]);
}

/** Builds a {@link Problem}, leaving out what is not given; `code` where it is not that of the error. */
export function problem(where: string, what: string, advice?: string, code?: ErrorCode): Problem {
  return { where, what, ...(advice === undefined ? {} : { advice }), ...(code === undefined ? {} : { code }) };
}

/** The code of problems that all have the same one of their own; `otherwise` where they have several, or none. */
export function commonCode(problems: readonly Problem[], otherwise: ErrorCode): ErrorCode {
  const codes = new Set(problems.map(({ code = otherwise }) => code));
  const [only = otherwise] = codes.size === 1 ? codes : [];
  return only;
}

/** Throws the `aborted` error when the caller's signal has fired. Long loops call this once a round. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SwancError('SWC1002', 'aborted by the caller');
}

import { type ErrorCode, errorCodes } from './error-codes.js';

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
 */
export type ErrorKind = (typeof errorCodes)[ErrorCode]['kind'];

/** The codes of one kind. */
export type CodeOf<K extends ErrorKind> = {
  [C in ErrorCode]: (typeof errorCodes)[C]['kind'] extends K ? C : never;
}[ErrorCode];

/** Process exit codes of the command line, a documented contract: the first digit of the codes of each kind. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  internal: 1,
  aborted: 1,
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

  /** Problems without a code of their own get that of the error. */
  constructor(code: ErrorCode, summary: string, problems: readonly Problem[] = [], options?: ErrorOptions) {
    super([summary, ...problems.map((entry) => formatProblem(entry, code))].join('\n'), options);
    this.name = 'SwancError';
    this.code = code;
    this.kind = errorCodes[code].kind;
    this.summary = summary;
    this.problems = problems.map((entry) => ({ code, ...entry }));
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

function formatProblem({ where, what, advice, code }: Problem, shown: ErrorCode): string {
  const other = code === undefined || code === shown ? '' : ` [${code}]`;
  return `  ${where}: ${what}${other}${advice === undefined ? '' : `\n    ${advice}`}`;
}

/** An input (model, weights, data, profile) that cannot be what it claims to be; the title of its code is the summary. */
export function invalid(code: CodeOf<'invalid'>, where: string, what: string, advice?: string): SwancError {
  return new SwancError(code, errorCodes[code].title, [problem(where, what, advice)]);
}

/** Builds a {@link Problem}, leaving `advice` out where there is none. */
export function problem(where: string, what: string, advice?: string): Problem {
  return advice === undefined ? { where, what } : { where, what, advice };
}

/** Throws the `aborted` error when the caller's signal has fired. Long loops call this once a round. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SwancError('SWC1002', 'aborted by the caller');
}

/** One thing that is wrong: where, what, and what to do about it. */
export interface Problem {
  /** The layer, file, option or weight at fault, as the user calls it. */
  readonly where: string;
  /** What is wrong with it. */
  readonly what: string;
  /** What the user can do about it. */
  readonly advice?: string;
}

/**
 * `usage`: the call was wrong; `invalid`: the model or data is; `unsupported`: swanc has no rule for it; `budget`: the result
 * takes more memory than it may.
 */
export type ErrorKind = 'usage' | 'invalid' | 'unsupported' | 'verification' | 'budget' | 'aborted' | 'internal';

/** Process exit codes of the command line, a documented contract. */
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
  readonly kind: ErrorKind;
  readonly problems: readonly Problem[];

  constructor(kind: ErrorKind, summary: string, problems: readonly Problem[] = [], options?: ErrorOptions) {
    super([summary, ...problems.map(formatProblem)].join('\n'), options);
    this.name = 'SwancError';
    this.kind = kind;
    this.problems = problems;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

function formatProblem({ where, what, advice }: Problem): string {
  return `  ${where}: ${what}${advice === undefined ? '' : `\n    ${advice}`}`;
}

/** An input (model, weights, data, profile) that cannot be what it claims to be. */
export function invalid(where: string, what: string, advice?: string): SwancError {
  return new SwancError('invalid', `invalid input`, [problem(where, what, advice)]);
}

/** Builds a {@link Problem}, leaving `advice` out where there is none. */
export function problem(where: string, what: string, advice?: string): Problem {
  return advice === undefined ? { where, what } : { where, what, advice };
}

/** Throws the `aborted` error when the caller's signal has fired. Long loops call this once a round. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SwancError('aborted', 'aborted by the caller');
}

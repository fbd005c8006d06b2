import type { ErrorCode } from '../error-codes.js';

/** What the page of a code says. */
export interface ErrorPage {
  /** What happened, and what it means. */
  readonly happened: string;
  /** Usual causes, the commonest first. */
  readonly causes: readonly string[];
  /** What to do, in the order in which to try it. Commands stand in `backticks`. */
  readonly advice: readonly string[];
  /** What is printed, as a test provokes it. */
  readonly example: string;
}

export type ErrorPages = Readonly<Partial<Record<ErrorCode, ErrorPage>>>;

import type { Runtime } from '../../src/runtime/types.js';

/** What every section of the bench is given. */
export interface Bench {
  readonly runtime: Runtime;
  /** For how long each graph is timed. */
  readonly milliseconds: number;
  /** True for cases whose name has one of the words in it that were given, and for all if none was. */
  isWanted(name: string): boolean;
  /** Runs some work in a folder of its own, and removes that. */
  inFolder<T>(work: (folder: string) => Promise<T>): Promise<T>;
}

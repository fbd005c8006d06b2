import type { Tuning } from '../../src/compiler/options.js';
import type { Runtime } from '../../src/runtime/types.js';
import type { Timing } from './timing.js';

/** What every section of the bench is given. */
export interface Bench {
  readonly runtime: Runtime;
  readonly timing: Timing;
  /** How plans are chosen. */
  readonly tune: Tuning;
  /** True for cases whose name has one of the words in it that were given, and for all if none was. */
  isWanted(name: string): boolean;
  /** Called with the name of a case that begins. Tables are printed when a section has ended. */
  begin(name: string): void;
  /** Runs some work in a folder of its own, and removes that. */
  inFolder<T>(work: (folder: string) => Promise<T>): Promise<T>;
}

import type { z } from 'zod';

/** The library of schemas, as a type: what only reads texts does not load it. */
export type Zod = typeof z;

/**
 * What an option can be given as, and how its text becomes its value: the same on command lines, in queries and files. Functions
 * are written as methods, so that kinds of different values can stand in one list.
 */
export interface Kind<T> {
  /** What is expected, as in `<expected> is expected`. */
  readonly expected: string;
  /** @throws ValueError that says what is wrong. */
  parse(text: string): T;
  /** Text which {@link parse} makes the same value of. Of values that no text says, such as functions, only a name. */
  print(value: T): string;
  /** What a config file may say: the value, or its text where that is natural. */
  schema(z: Zod): z.ZodType<T>;
  /** All values, where there are few. */
  readonly choices?: readonly string[];
  /** What a shell should offer. */
  readonly files?: 'file' | 'folder';
  /** Makes one value of two: the option can be given more than once. */
  join?(before: T, next: T): T;
  /** The value with its relative paths taken to start at `folder`. */
  relocate?(value: T, folder: string): T;
}

/** A text that is no value of its kind; the message is a sentence. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

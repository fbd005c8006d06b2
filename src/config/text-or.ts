import type { z } from 'zod';
import { type Kind, ValueError, type Zod } from './kind.js';

/**
 * A schema for values that `typed` takes and for their texts, both read by the parser of the kind, so that the same is allowed
 * and the same is said however an option is given. `expected` is the sentence `<expected> expected.`
 */
export function textOr<T>(
  z: Zod,
  typed: z.ZodType,
  { expected, parse }: Pick<Kind<T>, 'expected' | 'parse'>,
): z.ZodType<T> {
  const read = (value: unknown): T => parse(textOf(value) ?? '');
  // Of a list that `typed` does not take, its parser would say what is wrong with a text.
  const error = ({ input }: { readonly input?: unknown }): string =>
    (Array.isArray(input) ? undefined : objection(read, input)) ?? `${expected} expected.`;
  return z.union([typed, z.string()], { error }).transform((value, context) => {
    const message = objection(read, value);
    if (message === undefined) return read(value);
    context.issues.push({ code: 'custom', message, input: value });
    return z.NEVER;
  });
}

/** What the parser has against a value that has a text. */
function objection(read: (value: unknown) => unknown, input: unknown): string | undefined {
  if (textOf(input) === undefined) return undefined;
  try {
    read(input);
    return undefined;
  } catch (error) {
    if (error instanceof ValueError) return error.message;
    throw error;
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (!Array.isArray(value)) return undefined;
  const parts = value.map((entry) => (Array.isArray(entry) ? undefined : textOf(entry)));
  return parts.every((part) => part !== undefined) ? parts.join(',') : undefined;
}

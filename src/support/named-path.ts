import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** A path, and the input of the model that what is there is for. */
export interface NamedPath {
  /** Undefined for data of all inputs that are not named. */
  readonly input: string | undefined;
  readonly path: string;
}

/**
 * Data of one input of several have its name before the path: `x=data.npy`. A path that is there as it stands is one, whatever
 * it has in it. Names may have `/` and `=`: where the names of the model are not known, it is parted at the first `=` behind
 * which something is there, or `-`; else at the first of all. What names none of `inputs` is a path.
 * @param from where relative paths start.
 */
export function splitNamedPath(
  text: string,
  { inputs, from = '.' }: { readonly inputs?: readonly string[]; readonly from?: string } = {},
): NamedPath {
  const whole = { input: undefined, path: text };
  const isThere = (path: string): boolean => path === '-' || existsSync(resolve(from, path));
  if (!text.includes('=') || isThere(text)) return whole;
  const names = inputs ?? [...text.matchAll(/=/g)].map(({ index }) => text.slice(0, index));
  const splits = names
    .filter((input) => input !== '' && text.startsWith(`${input}=`))
    .map((input) => ({ input, path: text.slice(input.length + 1) }))
    .filter(({ path }) => path !== '');
  return splits.find(({ path }) => isThere(path)) ?? splits[0] ?? whole;
}

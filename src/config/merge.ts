import type { Fields, OptionKey } from './row.js';
import { compileOptions } from './table.js';

/**
 * Options of which the later ones count: what is given in `over` replaces what `base` says, and what of `base` it cannot be
 * with. So a command line or a query can ask for other things than a config file does.
 */
export function mergeOptions<T extends Fields>(base: T, over: Fields): T {
  const given = definedOf(over);
  const replaced = new Set<string>(keysOf(given).flatMap((key) => compileOptions[key].excludes ?? []));
  if (given.verifyEach === true && given.verify === undefined && base.verify === false) replaced.add('verify');
  if (given.verify === false && given.verifyEach === undefined) replaced.add('verifyEach');
  const kept = Object.entries(base).filter(([key]) => !replaced.has(key));
  // Members of both, without those that were optional and are left out.
  return { ...Object.fromEntries(kept), ...given } as T;
}

function definedOf(options: Fields): Fields {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function keysOf(options: Fields): OptionKey[] {
  return Object.keys(options).filter((key): key is OptionKey => Object.hasOwn(compileOptions, key));
}

import { resolve } from 'node:path';
import type { ConfigOptions } from './check.js';
import { optionRows } from './table.js';

/** The options with relative paths taken to start at `folder`. */
export function relocate({ model, ...options }: ConfigOptions, folder: string): ConfigOptions {
  const values = new Map<string, unknown>(Object.entries(options));
  for (const { key, kind } of optionRows) {
    const value = values.get(key);
    if (value !== undefined && kind.relocate) values.set(key, kind.relocate(value, folder));
  }
  // Each value comes from the kind in the row of its own key.
  const moved = Object.fromEntries(values) as ConfigOptions;
  return model === undefined ? moved : { ...moved, model: resolve(folder, model) };
}

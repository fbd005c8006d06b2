import { resolve } from 'node:path';
import type { CompileOptions } from '../compiler/options.js';
import type { Kind } from './kind.js';
import { requirePath } from './kinds.js';

type Plugins = Exclude<CompileOptions['plugins'], undefined>;
type Plugin = Exclude<Plugins[number], string>;

const expected = 'The path of a module';

/** Plugins with rules for layers: paths of modules; in programs and config files that are programs, also functions. */
export const plugins: Kind<Plugins> = {
  expected,
  parse: (text) => [requirePath(text, expected)],
  print: (value) => value.map((plugin) => (typeof plugin === 'string' ? plugin : plugin.name)).join(','),
  schema: (z) => {
    const error = `${expected}, or a function, is expected.`;
    const isPlugin = (value: unknown): value is Plugin => typeof value === 'function';
    const entry = z.union([z.string().min(1), z.custom<Plugin>(isPlugin)], { error });
    return z
      .union([z.string().min(1), z.custom<Plugin>(isPlugin), z.array(entry)], { error })
      .transform((value) => (Array.isArray(value) ? value : [value]));
  },
  files: 'file',
  join: (before, next) => [...before, ...next],
  relocate: (value, folder) => value.map((plugin) => (typeof plugin === 'string' ? resolve(folder, plugin) : plugin)),
};

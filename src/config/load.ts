import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileErrorText } from '../support/file-errors.js';
import type { ConfigOptions } from './check.js';
import { configNames, findConfig } from './find.js';
import { JsonSyntaxError, parseJson } from './json-text.js';
import { relocate } from './relocate.js';
import { runModule } from './run-module.js';
import { unusable } from './unusable.js';

/** A config file that was read. */
export interface LoadedConfig {
  readonly path: string;
  /** With relative paths made absolute: in the file they start at its folder. */
  readonly options: ConfigOptions;
}

/** No config that people write comes near, and what is larger need not be read to be refused. */
const maxBytes = 2 ** 20;

/**
 * Reads the config file for a folder, if there is any ({@link findConfig}), or the one at a path.
 * @throws SwancError SWC2006 with everything that is wrong with it.
 */
export async function loadConfig(
  place: { readonly folder: string } | { readonly file: string },
): Promise<LoadedConfig | undefined> {
  const path = 'file' in place ? resolve(place.file) : await findConfig(place.folder);
  if (path === undefined) return undefined;
  await requireSmallFile(path);
  const value = path.endsWith('.json') ? await readJson(path) : await runModule(path);
  const { checkConfig } = await import('./check.js');
  return { path, options: relocate(checkConfig(value, path), dirname(path)) };
}

async function requireSmallFile(path: string): Promise<void> {
  const extension = /\.[^./\\]*$/.exec(path)?.[0] ?? '';
  if (!configNames.some((name) => name.endsWith(`config${extension}`))) {
    throw unusable(path, 'it is no config', 'its name must end in .ts, .mts, .js, .mjs, .cjs or .json');
  }
  const found = await stat(path).catch((error: unknown) => {
    throw unusable(path, `it cannot be read: ${fileErrorText(error)}`);
  });
  if (!found.isFile()) throw unusable(path, 'it is no file');
  if (found.size > maxBytes) throw unusable(path, `it has ${found.size} bytes: a config has ${maxBytes} at most`);
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw unusable(path, `it cannot be read: ${fileErrorText(error)}`);
  });
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      const { line, column } = error.position;
      throw unusable(`${path}:${line}:${column}`, error.message);
    }
    if (error instanceof TypeError) throw unusable(path, 'it is no text in UTF-8');
    throw error;
  }
}

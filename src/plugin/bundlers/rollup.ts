import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { idPrefix } from '../request.js';
import type { Bundler, Failure, FileAddresses, HookContext } from './bundler.js';

/** What contexts of Rollup have beyond those of all bundlers, and so do those of Rolldown and Vite. */
interface RollupContext {
  emitFile(file: { type: 'asset'; name: string; source: Uint8Array }): string;
  resolve(
    path: string,
    importer: string | undefined,
    options: { skipSelf: true },
  ): Promise<{ id: string; external: unknown } | null>;
  error(error: { message: string; id: string; code: string; stack: string }): never;
}

/** Hooks of these bundlers are called on their own contexts. */
const native = (context: HookContext): RollupContext => context as unknown as RollupContext;

/** Rollup and Rolldown, which know of no platform: their output is for browsers unless the plugin is told otherwise. */
export function rollupLike(): Bundler {
  return {
    root: () => process.cwd(),
    platform: () => 'browser',
    prefix: idPrefix,
    findsWasm: false,
    resolve: resolveByRollup,
    addFiles: (context, files) => emitFiles(context, files),
    fail: failInRollup,
  };
}

export async function resolveByRollup(
  context: HookContext,
  path: string,
  importer: string | undefined,
): Promise<string | undefined> {
  const found = await native(context).resolve(path, importer, { skipSelf: true });
  return found === null || found.external === true ? undefined : found.id;
}

/**
 * Assets, whose addresses the bundler puts in. Rolldown tells hooks of an `urlId`: it takes files of the same bytes for one,
 * which may be at several addresses.
 */
export async function emitFiles(
  context: HookContext,
  files: readonly string[],
  urlId?: string,
): Promise<FileAddresses> {
  const references: string[] = [];
  for (const file of files) {
    references.push(native(context).emitFile({ type: 'asset', name: basename(file), source: await readFile(file) }));
  }
  const addresses = references.map((reference) =>
    urlId === undefined
      ? `import.meta.ROLLUP_FILE_URL_${reference}`
      : `import.meta.ROLLDOWN_FILE_URL_${reference}_${urlId}`,
  );
  return { head: [], urls: addresses.map((address) => `new URL(${address})`), publicUrls: addresses };
}

export function failInRollup(context: HookContext, { message, code, file }: Failure): never {
  // Where the error was made in the plugin says nothing of the model.
  return native(context).error({ message, id: file, code, stack: '' });
}

import { createRequire } from 'node:module';
import type { SwancError } from '../support/errors.js';
import { defineConfig } from './define.js';
import { unusable } from './unusable.js';

/**
 * Runs a config that is a program, each time anew, and gives what it exports, waited for and called.
 * @throws SwancError SWC2006 with the place where it is not valid or fails.
 */
export async function runModule(path: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(path, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    ...(resolvesSwanc(path) ? {} : { virtualModules: { swanc: { defineConfig } } }),
  });
  try {
    return await ending(path, async () => {
      const value = await defaultOf(await jiti.import<unknown>(path));
      if (value === noDefault) throw unusable(path, 'it has no default export', "export default { mode: 'auto' }");
      return typeof value === 'function' ? await value() : value;
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'SwancError') throw error;
    throw failed(path, error);
  }
}

/** What work gives; where nothing is left in the process that could end it, an error that says so. */
async function ending<T>(path: string, work: () => Promise<T>): Promise<T> {
  let onIdle = (): void => {};
  const never = new Promise<never>((_, reject) => {
    const what = 'it does not end: it waits for what never comes';
    onIdle = () => reject(unusable(path, what, 'export the options, or a promise of them that is kept'));
  });
  process.once('beforeExit', onIdle);
  try {
    return await Promise.race([work(), never]);
  } finally {
    process.off('beforeExit', onIdle);
  }
}

/** A config may be for a swanc that is not installed in its project, as with npx: it gets what configs need of it. */
function resolvesSwanc(path: string): boolean {
  try {
    createRequire(path).resolve('swanc');
    return true;
  } catch {
    return false;
  }
}

const noDefault = Symbol('no default export');

/** What a module means: its default export, or all of what CommonJS exports. */
function defaultOf(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null) return exported;
  if ('default' in exported) return exported.default;
  return '__esModule' in exported || Symbol.toStringTag in exported ? noDefault : exported;
}

/** What a config throws is no defect of swanc. The place is that in its own text where the error tells it. */
function failed(path: string, cause: unknown): SwancError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const [, fault, file, line, column] = /^ParseError: (.*?)\s*\n\s*(\S.*):(\d+):(\d+)\s*$/s.exec(message) ?? [];
  if (fault !== undefined) {
    return unusable(`${file}:${line}:${Number(column) + 1}`, `it is not valid: ${fault}`, undefined, { cause });
  }
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  // Columns are those of what is run, which has the lines of the file.
  const frame = stack.split('\n').find((text) => text.includes(`${path}:`)) ?? '';
  const at = /:(\d+):\d+\)?$/.exec(frame)?.[1];
  const [first = '', ...others] = message.split('\n');
  const what = `it failed: ${first}${others.length > 0 ? ' …' : ''}`;
  return unusable(at === undefined ? path : `${path}:${at}`, what, undefined, { cause });
}

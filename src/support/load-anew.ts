import { createRequire } from 'node:module';

/**
 * What a module exports, run each time anew, with all that it imports by paths: Node itself keeps modules for as long as a
 * process lives. Those that wait at their top level can only be loaded once.
 * @throws whatever it throws.
 */
export async function loadAnew(path: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(path, { fsCache: false, moduleCache: false, interopDefault: false });
  const { cache } = createRequire(path);
  const before = new Set(Object.keys(cache));
  try {
    // Not `jiti.import`: what Node can import it leaves to Node.
    return jiti(path);
  } catch (error) {
    if (!needsNode(error)) throw error;
    return await jiti.import<unknown>(path);
  } finally {
    for (const file of Object.keys(cache)) {
      if (!before.has(file) && !/[\\/]node_modules[\\/]/.test(file)) delete cache[file];
    }
  }
}

/** True for modules that wait, and for packages that cannot be required. */
function needsNode(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? error.code : undefined;
  return error.name === 'SyntaxError' || code === 'ERR_REQUIRE_ESM' || code === 'ERR_REQUIRE_ASYNC_MODULE';
}

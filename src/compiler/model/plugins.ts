import { resolve } from 'node:path';
import { type LayerDefinition, type Plugin, rulesOf } from '../../frontends/index.js';
import { problem, SwancError } from '../../support/errors.js';
import { loadAnew } from '../../support/load-anew.js';

/**
 * The rules that plugins bring, given as functions or as paths of modules whose default export is one.
 * @throws SwancError `usage` for a module that cannot be loaded or is no plugin.
 */
export async function loadPlugins(plugins: readonly (Plugin | string)[]): Promise<readonly LayerDefinition[]> {
  const loaded: { name: string; plugin: Plugin }[] = [];
  for (const [index, given] of plugins.entries()) {
    if (typeof given === 'string') loaded.push({ name: given, plugin: await loadModule(given) });
    else loaded.push({ name: `plugin ${index}`, plugin: given });
  }
  return rulesOf(loaded);
}

/** Each time anew, with what it imports by paths: a build that waits for edits is to see those of its rules. */
async function loadModule(given: string): Promise<Plugin> {
  const path = resolve(given);
  const module = await loadAnew(path).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw unusable(given, `it cannot be loaded: ${reason}`);
  });
  const plugin = typeof module === 'object' && module !== null && 'default' in module ? module.default : module;
  if (isPlugin(plugin)) return plugin;
  throw unusable(given, 'its default export is no function', 'export default ({ registerLayer }) => { … }');
}

/** That it is a function is all that can be seen of one; what it does wrong is an error of its own. */
function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'function';
}

function unusable(path: string, what: string, advice?: string): SwancError {
  return new SwancError('SWC2004', 'a plugin cannot be used', [problem(path, what, advice)]);
}

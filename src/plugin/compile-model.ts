import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompileOptions } from '../compiler/options.js';
import { defined } from '../support/assert.js';
import type { CompiledFacts } from './compile-cache.js';

/**
 * Compiles a model for one target; its files come to lie in `folder`. The compiler is loaded here: a build that finds its
 * models compiled does without.
 * @throws SwancError as `compile` does.
 */
export async function compileModel(options: CompileOptions, target: string, folder: string): Promise<CompiledFacts> {
  const [{ compile }, { loadedModelIn }, { targets }] = await Promise.all([
    import('../index.js'),
    import('../formats/loader.js'),
    import('../../targets/index.js'),
  ]);
  const out = await mkdtemp(join(folder, 'out-'));
  try {
    const { report } = await compile({ ...options, out });
    const loaded = loadedModelIn(out, defined(targets[target], `the target '${target}'`));
    for (const name of await readdir(join(out, target))) await rename(join(out, target, name), join(folder, name));
    const { mode } = defined(report.targets[0], 'the report of the only target');
    return { loaded, mode, warnings: report.warnings };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

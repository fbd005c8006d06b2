import { join } from 'node:path';
import { expect, test } from 'vitest';
import swanc from '../../src/plugin/index.js';
import { moduleId } from '../../src/plugin/request.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';

/** Warnings, as bundlers are told of them. */

const folder = temporaryFolder();

test('what the compiler warns of is told once, not after every edit', async () => {
  const plugin = [
    swanc.raw({ config: false, verify: false, cacheFolder: folder }, { framework: 'rollup', versions: {} }),
  ].flat()[0];
  const warnings: unknown[] = [];
  const context: object = {
    addWatchFile: () => undefined,
    warn: (warning: unknown) => warnings.push(warning),
    emitFile: () => 'reference',
  };
  const load = plugin?.load;
  if (typeof load !== 'function') throw new Error('the hook is a function');
  const id = moduleId(join(root, 'fixtures/traps/proved-dead/model.json'), {});
  for (let round = 0; round < 2; round++) await Reflect.apply(load, context, [id]);
  expect(warnings.length).toBeGreaterThan(0);
  expect(new Set(warnings).size).toBe(warnings.length);
});

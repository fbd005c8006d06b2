import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type Packed, packed } from './package-support.js';
import { root } from './sources.js';

/** Bytes that the package may have, packed and unpacked. There are no models in it. */
const mostPacked = 1.5e6;
const mostUnpacked = 6e6;

let pack: Packed;
beforeAll(async () => {
  pack = await packed();
}, 600_000);

it('is kept for the next tests as long as any use it', async () => {
  const store = dirname(pack.home);
  const others = mkdtempSync(join(store, 'unused-'));
  const minutesAgo = (minutes: number): Date => new Date(Date.now() - 60_000 * minutes);
  utimesSync(others, minutesAgo(70), minutesAgo(70));
  // Not so old that another run of the tests might remove it now.
  utimesSync(pack.home, minutesAgo(50), minutesAgo(50));
  vi.resetModules();
  const again = await import('./package-support.js');
  expect((await again.packed()).home).toBe(pack.home);
  expect(statSync(pack.home).mtimeMs).toBeGreaterThan(minutesAgo(10).getTime());
  again.removeOld(store);
  expect([existsSync(pack.home), existsSync(others)]).toEqual([true, false]);
}, 600_000);

describe('what npm pack makes', () => {
  it('holds what is needed and nothing else', () => {
    const paths = [...pack.files.keys()];
    const needed = [
      ...['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'docs/cli.md', 'docs/profile.schema.json'],
      ...['dist/src/cli/main.js', 'dist/src/index.js', 'dist/src/index.d.ts', 'dist/src/tfjs/index.js'],
      ...['dist/passes/plan-gates.js', 'dist/targets/index.js', 'src/formats/loader/module/load.mjs'],
    ];
    expect(needed.filter((path) => !pack.files.has(path))).toEqual([]);
    const wanted = [
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
      /^dist\/(src|passes|targets)\/.*(?<!\.test)(\.js|\.d\.ts)$/,
      /^src\/formats\/loader\/module\/\w+(\.d\.mts|\.mjs)$/,
      /^src\/plugin\/[\w-]+\.d\.ts$/,
      /^docs\/[\w-]+(\.md|\.schema\.json)$/,
      /^docs\/(images|man)\/[\w-]+\.(png|svg|webp|1)$/,
    ];
    expect(paths.filter((path) => !wanted.some((pattern) => pattern.test(path)))).toEqual([]);
  });

  it('is small', () => {
    expect(pack.packedBytes).toBeLessThan(mostPacked);
    expect(pack.unpackedBytes).toBeLessThan(mostUnpacked);
  });

  it('is clean to publint', async () => {
    const folder = join(pack.home, 'node_modules/swanc');
    const { messages, pkg } = await publint({ pkgDir: folder, strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('has types that every way of resolving ES modules finds, to attw', async () => {
    // CommonJS programs load it with import(): that it has ES modules only is a choice.
    const attw = join(root, 'node_modules/.bin/attw');
    const args = [pack.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii'];
    const outcome = await promisify(execFile)(attw, args, { cwd: root }).then(
      () => 'clean',
      (error: { stdout: string }) => error.stdout,
    );
    expect(outcome).toBe('clean');
  });
});

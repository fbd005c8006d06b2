import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { root } from '../repository/sources.js';

/**
 * Builds the package for the calling test file, and removes the build at its end. It is inside the package, so that its
 * package.json and node_modules are found, and not in dist, which others may be using. Types are checked elsewhere. Returns the
 * folder.
 */
export function buildForTest(name: string): string {
  const built = join(root, 'out', `${name}-${process.pid}`);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['-p', 'tsconfig.build.json', '--outDir', built, '--declaration', 'false', '--noCheck'];
  beforeAll(() => {
    execFileSync(process.execPath, [compiler, ...options], { cwd: root });
  }, 120_000);
  afterAll(() => rmSync(built, { recursive: true, force: true }));
  return built;
}

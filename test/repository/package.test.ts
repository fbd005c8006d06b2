import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { importsOf, root, sourceFiles } from './sources.js';

const record = z.record(z.string(), z.string());
const manifest = z
  .object({
    version: z.string(),
    type: z.literal('module'),
    license: z.literal('Apache-2.0'),
    bin: record,
    exports: z.record(z.string(), z.union([z.string(), record])),
    files: z.array(z.string()),
    scripts: record,
    dependencies: record,
    peerDependencies: record,
    peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.literal(true) })),
  })
  .parse(JSON.parse(read('package.json')));

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The source of a built file. */
function sourceOf(built: string): string {
  if (!built.startsWith('./dist/')) return built;
  return built
    .replace(/^\.\/dist\//, '')
    .replace(/\.d\.ts$/, '.ts')
    .replace(/\.js$/, '.ts');
}

describe('package.json', () => {
  it('exports files that the build makes', () => {
    const targets = Object.values(manifest.exports)
      .flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)))
      .filter((target) => target !== './package.json');
    expect(targets.length).toBeGreaterThan(0);
    // Declarations that are written by hand are packed as they are.
    const isPacked = (target: string): boolean => manifest.files.includes(target.replace('./', ''));
    const lost = targets.filter((target) => !existsSync(join(root, sourceOf(target))));
    expect(lost).toEqual([]);
    expect(targets.filter((target) => !target.startsWith('./dist/') && !isPacked(target))).toEqual([]);
  });

  it('has a command that the system can start', () => {
    const [command] = Object.values(manifest.bin);
    expect(read(sourceOf(command ?? ''))).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('depends on just what the sources import', () => {
    const imported = new Set(
      sourceFiles('src', 'passes', 'targets')
        .flatMap(importsOf)
        .filter(({ isLocal, to }) => !isLocal && !to.startsWith('node:') && to !== 'swanc')
        .map(({ to }) => to),
    );
    const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]);
    expect([...imported].filter((name) => !declared.has(name))).toEqual([]);
    expect([...declared].filter((name) => !imported.has(name) && !loadedByName(name))).toEqual([]);
  });

  it('asks for no peer that a compile can do without', () => {
    expect(Object.keys(manifest.peerDependenciesMeta).toSorted()).toEqual(
      Object.keys(manifest.peerDependencies).toSorted(),
    );
  });

  it('has its version in the changelog', () => {
    expect(read('CHANGELOG.md')).toContain(`## ${manifest.version}`);
  });
});

/** Some optional packages are imported by a name that is computed; protobufjs is the engine that onnx-proto runs on. */
function loadedByName(name: string): boolean {
  return name === 'protobufjs' || sourceFiles('src').some(({ code }) => code.includes(`'${name}'`));
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { trainedFixtures } from '../../fixtures/names.js';
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

  it('is installed without the script of onnxruntime-node, which needs more than the registry', () => {
    const folders = ['.', 'docs', ...readdirSync(join(root, 'examples')).map((name) => `examples/${name}`)];
    const isFolder = (path: string): boolean => statSync(join(root, path)).isDirectory();
    const texts = folders
      .filter(isFolder)
      .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
      .filter((path) => path.endsWith('.md'))
      .map((path) => ({ path, code: read(path) }));
    const commands = [...texts, ...sourceFiles('src')].flatMap(({ path, code }) =>
      [...code.matchAll(/npm install [^`'\n]*/g)].map(([command]) => `${path}: ${command}`),
    );
    const named = commands.filter((command) => command.includes('onnxruntime-node'));
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((command) => !command.includes('--ignore-scripts'))).toEqual([]);
  });

  it('is verified in the guide by what the guide installs', () => {
    const guide = read('docs/guide.md');
    const [, names = ''] = /^ {4}npm install (.*)$/m.exec(guide) ?? [];
    expect(names).toContain('@tensorflow/tfjs');
    const engine = names.includes('tfjs-backend-wasm') ? 'wasm' : 'cpu';
    const told = [...guide.matchAll(/TensorFlow\.js \((\w+)\), \d+/g)].map(([, name]) => name);
    expect(told.length).toBeGreaterThan(3);
    expect(new Set(told)).toEqual(new Set([engine]));
  });

  it('says how many networks the demo has', () => {
    const numbers = ['five', 'six', 'seven', 'eight', 'nine'];
    const all = `all ${numbers[trainedFixtures.length - 5]}`;
    expect(read('README.md')).toContain(`(\`npm run demo -- --all\` compiles ${all})`);
    expect(read('bench/README.md')).toContain(`with \`-- --all\` ${all}`);
  });

  it('has its version in the changelog', () => {
    expect(read('CHANGELOG.md')).toContain(`## ${manifest.version}`);
  });
});

/** Some optional packages are imported by a name that is computed; protobufjs is the engine that onnx-proto runs on. */
function loadedByName(name: string): boolean {
  return name === 'protobufjs' || sourceFiles('src').some(({ code }) => code.includes(`'${name}'`));
}

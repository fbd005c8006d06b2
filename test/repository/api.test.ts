import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './sources.js';

/**
 * What users import has a comment that says what it is. `npm run docs:api` asks for more, such as that all types in a
 * signature are exported; this needs no other TypeScript.
 */
const exportsSchema: Readonly<Record<string, { types?: string } | string>> = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
).exports;

const entryPoints = Object.values(exportsSchema).flatMap((entry) => {
  const types = typeof entry === 'string' ? undefined : entry.types;
  return types?.startsWith('./dist/') ? [types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts')] : [];
});

interface Exported {
  readonly path: string;
  readonly name: string;
}

/** Where everything that a module exports is declared, through as many files as hand it on. */
function exportedBy(path: string): Exported[] {
  const text = readFileSync(join(root, path), 'utf8');
  const passedOn = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)].flatMap(
    ([, names = '', from = '']) => {
      if (!from.startsWith('.')) return [];
      const file = posix.join(posix.dirname(path), from).replace(/\.js$/, '.ts');
      const wanted = names
        .split(',')
        .map(
          (name) =>
            name
              .trim()
              .replace(/^type /, '')
              .split(' as ')[0] ?? '',
        )
        .filter((name) => name !== '' && name !== 'default');
      return exportedBy(file).filter(({ name }) => wanted.includes(name));
    },
  );
  const declared = [...text.matchAll(declaration)].map(([, name = '']) => ({ path, name }));
  return [...declared, ...passedOn];
}

const declaration =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|class|interface|type|const|let|enum) (\w+)/gm;

function hasComment({ path, name }: Exported): boolean {
  const text = readFileSync(join(root, path), 'utf8');
  const first = new RegExp(`^export [\\w* ]*\\b${name}\\b`, 'm').exec(text);
  return /\*\/\s*$/.test(text.slice(0, first?.index ?? 0));
}

describe('the library', () => {
  it('has a comment on everything that it exports', () => {
    const all = entryPoints.flatMap(exportedBy);
    const names = all.map(({ name }) => name);
    expect(['compile', 'mergeProfiles', 'SwanGate', 'LayerRule'].filter((name) => !names.includes(name))).toEqual([]);
    expect(all.filter((entry) => !hasComment(entry)).map(({ path, name }) => `${path}: ${name}`)).toEqual([]);
  });

  it('exports what its interfaces extend', () => {
    const all = exportedBy('src/index.ts');
    const names = new Set([...all.map(({ name }) => name), 'Pick', 'Omit', 'Partial', 'Readonly']);
    const bases = all.flatMap(({ path, name }) => {
      const text = readFileSync(join(root, path), 'utf8');
      const [, list = ''] = new RegExp(`^export interface ${name}\\b[^{]* extends ([^{]+)\\{`, 'm').exec(text) ?? [];
      return [...list.matchAll(/\b[A-Z]\w+/g)].map(([base]) => ({ name, base }));
    });
    expect(bases.length).toBeGreaterThan(5);
    expect(bases.filter(({ base }) => !names.has(base))).toEqual([]);
  });

  it('has every entry point in the documentation', () => {
    const config: { entryPoints: string[] } = JSON.parse(readFileSync(join(root, 'typedoc.json'), 'utf8'));
    // Entry points of single bundlers hand on one function of that of all bundlers.
    expect(entryPoints.filter((path) => !config.entryPoints.includes(path) && !path.startsWith('src/plugin/'))).toEqual(
      [],
    );
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { manifest } from './package-support.js';
import { root } from './sources.js';

const record = z.record(z.string(), z.string()).optional();
const entrySchema = z.object({
  license: z.string().optional(),
  dependencies: record,
  hasInstallScript: z.boolean().optional(),
  engines: z.unknown().optional(),
  os: z.array(z.string()).optional(),
});
type Entry = z.infer<typeof entrySchema>;

const lock = z
  .object({ packages: z.record(z.string(), entrySchema) })
  .parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))).packages;
const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');

/** Rows of a section's table: cells by the name of the package. */
function tableOf(section: string): ReadonlyMap<string, readonly string[]> {
  const body = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  const rows = [...body.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)];
  return new Map(rows.map(([, name = '', cells = '']) => [name, cells.split(' | ').map((cell) => cell.trim())]));
}

/** Where Node finds the package `name` from the folder `from`, as the lock file has it installed. */
function find(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (Object.hasOwn(lock, path)) return path;
    if (!folder.includes('/node_modules/')) return folder === '' ? undefined : find('', name);
  }
}

/** The packages that are installed for these, themselves included. */
function installedFor(names: readonly string[]): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  const visit = (path: string | undefined): void => {
    const entry = path === undefined ? undefined : lock[path];
    if (path === undefined || entry === undefined || found.has(path)) return;
    found.set(path, entry);
    for (const name of Object.keys(entry.dependencies ?? {})) visit(find(path, name));
  };
  for (const name of names) visit(find('', name));
  return found;
}

const installed = 'What `npm install swanc` installs';

describe('docs/dependencies.md', () => {
  it('has the packages of package.json', () => {
    expect([...tableOf(installed).keys()]).toEqual(Object.keys(manifest.dependencies).toSorted());
    expect([...tableOf('Optional peers').keys()]).toEqual(Object.keys(manifest.peerDependencies).toSorted());
    expect([...tableOf('For development').keys()]).toEqual(Object.keys(manifest.devDependencies).toSorted());
  });

  it('tells their licences, and how many packages they bring', () => {
    const wrong: string[] = [];
    for (const section of [installed, 'Optional peers', 'For development']) {
      for (const [name, [license, , brings]] of tableOf(section)) {
        const path = find('', name);
        // An optional peer that is not installed here.
        if (path === undefined) continue;
        const count = section === 'For development' ? brings : String(installedFor([name]).size - 1);
        const is = `${name}: ${lock[path]?.license}, brings ${count}`;
        if (is !== `${name}: ${license}, brings ${brings}`) wrong.push(is);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('tells how many packages an installation has', () => {
    const count = installedFor(Object.keys(manifest.dependencies)).size;
    expect(text).toContain(`\n${count + 1} packages, `);
  });
});

describe('what is installed with swanc', () => {
  const packages = [...installedFor(Object.keys(manifest.dependencies))];

  it('has no install scripts but those that are told of, and is for all systems', () => {
    const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    expect(scripts.filter((path) => !path.endsWith('node_modules/protobufjs'))).toEqual([]);
    expect(packages.filter(([, { os }]) => os !== undefined).map(([path]) => path)).toEqual([]);
  });

  it('runs on every version of Node that package.json has', () => {
    const own = z.object({ engines: z.object({ node: z.literal('^20.19.0 || >=22.12.0') }) });
    expect(own.safeParse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).success).toBe(true);
    const wider = ['^20.19.0 || >=22.12.0', '>=20', '>=20.19.0'];
    const engines = packages.flatMap(([path, entry]) => {
      const node = z.object({ node: z.string() }).safeParse(entry.engines).data?.node;
      return node === undefined || wider.includes(node) || oldest(node) < 20 ? [] : [`${path}: ${node}`];
    });
    expect(engines).toEqual([]);
  });

  it('has licences that allow use in programs of any licence', () => {
    const allowed = ['MIT', 'ISC', 'BSD-3-Clause', 'Apache-2.0', '0BSD'];
    expect(packages.filter(([, { license }]) => !allowed.includes(license ?? '')).map(([path]) => path)).toEqual([]);
  });
});

/** The first number of a range such as `>=12` or `^18 || >=20`, which names its oldest version. */
function oldest(range: string): number {
  return Number(/\d+/.exec(range)?.[0] ?? 0);
}

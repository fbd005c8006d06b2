import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { root } from './sources.js';

const run = promisify(execFile);

/** What tests of the package and of the examples go by in package.json. */
export const manifest = z
  .object({
    version: z.string(),
    bin: z.object({ swanc: z.string() }),
    files: z.array(z.string()),
    dependencies: z.record(z.string(), z.string()),
    peerDependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

export interface Packed {
  /** The tarball that `npm pack` makes. */
  readonly tarball: string;
  /** What is in it, by path, with sizes in bytes. */
  readonly files: ReadonlyMap<string, number>;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  /** Folder with a `node_modules/swanc` that is the unpacked tarball; other packages are found in this repository. */
  readonly home: string;
}

/** What goes into the package and what it is made of. */
const sources = ['src', 'passes', 'targets', 'docs'];
const builders = ['fixtures', 'bench', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const listing = z.array(
  z.object({
    filename: z.string(),
    size: z.number(),
    unpackedSize: z.number(),
    files: z.array(z.object({ path: z.string(), size: z.number() })),
  }),
);

/**
 * Builds and packs the package beside the working folder, whose `dist` others may be using, once for each state of the
 * sources: `out/package/<hash>` holds the result.
 */
export function packed(): Promise<Packed> {
  current ??= packNow();
  return current;
}

/** Of this test file: sources that change while it runs are for the next. */
let current: Promise<Packed> | undefined;

async function packNow(): Promise<Packed> {
  const store = join(root, 'out/package');
  const home = join(store, sourceHash());
  if (!existsSync(home)) {
    mkdirSync(store, { recursive: true });
    removeOld(store);
    const draft = mkdtempSync(join(store, 'draft-'));
    try {
      await build(draft);
      // Another test file may have been faster: what it made is the same.
      if (!existsSync(home)) renameSync(draft, home);
    } catch (error) {
      if (!existsSync(home)) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  // It is in use: nobody else may take it for an old one.
  utimesSync(home, new Date(), new Date());
  const [entry] = listing.parse(JSON.parse(readFileSync(join(home, 'pack.json'), 'utf8')));
  if (entry === undefined) throw new Error('npm pack told of no package');
  return {
    tarball: join(home, entry.filename),
    files: new Map(entry.files.map(({ path, size }) => [path, size])),
    packedBytes: entry.size,
    unpackedBytes: entry.unpackedSize,
    home,
  };
}

/** Removes what nobody has used for an hour. The rest may be in use by another run of the tests. */
export function removeOld(store: string): void {
  for (const name of readdirSync(store)) {
    const path = join(store, name);
    if (Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { recursive: true, force: true });
  }
}

async function build(folder: string): Promise<void> {
  const stage = join(folder, 'stage');
  const compiler = join(root, 'node_modules/.bin/tsc');
  // Errors of types are for `npm run check` to tell: the files are written all the same.
  await run(compiler, ['-p', 'tsconfig.build.json', '--outDir', join(stage, 'dist')], { cwd: root }).catch(() => {});
  for (const name of [
    ...sources,
    'package.json',
    ...readdirSync(root).filter((entry) => /^[A-Z]+(\.md)?$/.test(entry)),
  ]) {
    cpSync(join(root, name), join(stage, name), { recursive: true, filter: (path) => !path.includes('node_modules') });
  }
  chmodSync(join(stage, manifest.bin.swanc), 0o755);
  const { stdout } = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], stage);
  const modules = join(folder, 'node_modules/swanc');
  mkdirSync(modules, { recursive: true });
  const [entry] = listing.parse(JSON.parse(stdout));
  await run('tar', ['-xzf', join(folder, entry?.filename ?? ''), '--strip-components=1', '-C', modules]);
  rmSync(stage, { recursive: true });
  writeFileSync(join(folder, 'pack.json'), stdout);
}

function sourceHash(): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  };
  for (const name of [...sources, ...builders]) {
    if (!name.endsWith('.json')) {
      const entries = readdirSync(join(root, name), { recursive: true, withFileTypes: true });
      const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      for (const path of paths.filter((text) => /\.(m?[jt]s|md|schema\.json)$/.test(text)).sort()) {
        add(path.slice(root.length + 1));
      }
    } else add(name);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Runs npm as a user would who has set nothing. */
export function npm(args: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_cache)/i.test(name)));
  return run('npm', [...args], { cwd, env, maxBuffer: 2 ** 26 });
}

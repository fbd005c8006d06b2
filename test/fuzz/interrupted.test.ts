import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { once } from '../../bench/fuzz/kind.js';
import { filesIn } from '../../bench/fuzz/subjects.js';
import { temporaryFolder, trap, writeSamples } from '../cli/support.js';
import { manifest, packed } from '../repository/package-support.js';

/** Whatever ends a compile, and whenever: the files are those of before, or the new ones. */

vi.setConfig({ testTimeout: 120_000 });

const folder = temporaryFolder();
let script = '';

beforeAll(async () => {
  script = join((await packed()).home, 'node_modules', 'swanc', manifest.bin.swanc);
}, 240_000);

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

function run(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stderr }));
  });
}

const compileArgs = (model: string, out: string): string[] => [script, 'compile', model, '-o', out, '--no-tuned-costs'];
const compile = (model: string, out: string, options: readonly string[] = []): Promise<Ended> =>
  run(process.execPath, [...options, ...compileArgs(model, out)]);

/** A file that counts; those that begin with a dot are on their way to be one. */
const isFinal = (path: string): boolean => !/(^|\/)\.[^/]+\.tmp$/.test(path);
const pathsIn = (out: string): string[] => (existsSync(out) ? [...filesIn(out).keys()] : []);

/** Texts of the files that count. */
function contents(out: string): Map<string, string> {
  const own = pathsIn(out).filter(isFinal);
  return new Map(own.map((path) => [path, readFileSync(join(out, path), 'latin1')]));
}

/** Two models with the same files, and what is in these. */
const twoResults = once(async () => {
  const [first, second] = [trap('dead-block'), trap('groups-of-two')];
  const outs = [join(folder, 'first'), join(folder, 'second')] as const;
  expect((await compile(first, outs[0])).code).toBe(0);
  expect((await compile(second, outs[1])).code).toBe(0);
  return { second, before: outs[0], old: contents(outs[0]), now: contents(outs[1]) };
});

/** When the process signals itself: as soon as so many temporary files are open, or before it renames one of them. */
interface Cut {
  readonly signal: NodeJS.Signals;
  readonly at: `${'open' | 'rename'} ${1 | 2}`;
  /** 2: again at the next such moment, as by somebody who presses Ctrl-C twice. */
  readonly times: 1 | 2;
}

/** Writes what makes Node signal itself at that moment, to be loaded before anything else, and returns its path. */
function written(name: string, { signal, at, times }: Cut): string {
  const path = join(folder, `${name}.cjs`);
  const [what = '', first = ''] = at.split(' ');
  writeFileSync(
    path,
    `const fs = require('node:fs');
const { open } = fs.promises;
const { renameSync } = fs;
const passed = { open: 0, rename: 0 };
function pass(what, path) {
  if (!String(path).endsWith('.tmp')) return;
  const behind = ++passed[what] - ${first};
  if (what !== '${what}' || behind < 0 || behind >= ${times}) return;
  fs.writeSync(2, 'cut\\n');
  process.kill(process.pid, '${signal}');
}
fs.promises.open = async (path, ...rest) => {
  const file = await open(path, ...rest);
  pass('open', path);
  return file;
};
fs.renameSync = (from, to) => {
  pass('rename', from);
  renameSync(from, to);
};
require('node:module').syncBuiltinESMExports();
`,
  );
  return path;
}

// Elsewhere a process that signals itself ends at once, by any signal.
describe.skipIf(process.platform === 'win32')('a compile that ends while it writes', () => {
  it.each<Cut>([
    { signal: 'SIGKILL', at: 'open 1', times: 1 },
    { signal: 'SIGKILL', at: 'open 2', times: 1 },
    { signal: 'SIGKILL', at: 'rename 1', times: 1 },
    { signal: 'SIGKILL', at: 'rename 2', times: 1 },
    { signal: 'SIGTERM', at: 'open 2', times: 1 },
    { signal: 'SIGINT', at: 'open 1', times: 1 },
    { signal: 'SIGINT', at: 'open 1', times: 2 },
  ])('by $signal at $at, $times times', async (cut) => {
    const { second, before, old, now } = await twoResults();
    const name = `${cut.signal}-${cut.at}-${cut.times}`.replaceAll(' ', '-');
    const out = join(folder, name);
    cpSync(before, out, { recursive: true });
    const { code, signal, stderr } = await compile(second, out, ['--require', written(name, cut)]);
    expect(stderr.match(/^cut$/gm)).toHaveLength(cut.times);
    const found = contents(out);
    expect([...found.keys()]).toEqual([...old.keys()]);
    for (const [path, text] of found) expect([old.get(path), now.get(path)]).toContain(text);
    const changed = [...found].filter(([path, text]) => text !== old.get(path));
    const left = pathsIn(out).filter((path) => !isFinal(path));
    if (cut.signal === 'SIGKILL') {
      expect(signal).toBe('SIGKILL');
      expect(left).not.toEqual([]);
      // Before the second is renamed the first is in its place, which may have the same text as before.
      if (cut.at !== 'rename 2') expect(changed).toEqual([]);
    } else {
      // Once all is ready to be renamed, it is done to its end.
      expect([0, 130]).toContain(code);
      expect(found).toEqual(code === 0 ? now : old);
      if (cut.times === 1) expect(left).toEqual([]);
    }
    // Whatever was left does no harm to the next.
    if (cut.at === 'rename 2') {
      expect((await compile(second, out)).code).toBe(0);
      expect(contents(out)).toEqual(now);
    }
  });
});

// Windows has no such limits.
describe.skipIf(process.platform === 'win32')('a full disk', () => {
  /** As `ulimit -f` takes it, in blocks of 512 or 1024 bytes: some of the files fit, and not all. */
  const limited = (args: readonly string[], blocks = 6): Promise<Ended> =>
    run('sh', ['-c', `ulimit -f ${blocks} && exec "$@"`, 'sh', process.execPath, ...args]);

  it('leaves what was there, and says why', async () => {
    const { second, before, old } = await twoResults();
    const out = join(folder, 'full');
    cpSync(before, out, { recursive: true });
    const { code, stderr } = await limited(compileArgs(second, out));
    expect(stderr).toContain('error SWC2003: ');
    expect(stderr).toContain('the file would be larger than it may be here');
    expect(code).toBe(2);
    expect(contents(out)).toEqual(old);
    expect([...filesIn(out).keys()]).toEqual([...old.keys()]);
  });

  it('leaves no folders', async () => {
    const out = join(folder, 'new', 'folder');
    expect((await limited(compileArgs(trap('dead-block'), out))).code).toBe(2);
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  it('leaves the profile of before', async () => {
    const path = join(folder, 'profile.json');
    writeFileSync(path, 'before');
    const samples = writeSamples(join(folder, 'samples.npy'), 50, [5]);
    const args = [script, 'profile', trap('gate-before-activation-dense'), '--calibration', samples, '-o', path];
    const { code, stderr } = await limited(args, 1);
    expect(stderr).toContain('error SWC2003: ');
    expect(code).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe('before');
  });
});

it('a folder that cannot be written to is said before', async () => {
  mkdirSync(join(folder, 'taken'), { recursive: true });
  writeFileSync(join(folder, 'taken', 'file'), '');
  const { code, stderr } = await compile(trap('dead-block'), join(folder, 'taken', 'file'));
  expect(code).toBe(2);
  expect(stderr).toContain('SWC2003');
  rmSync(join(folder, 'taken'), { recursive: true });
});

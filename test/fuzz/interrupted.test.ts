import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { once } from '../../bench/fuzz/kind.js';
import { filesIn } from '../../bench/fuzz/subjects.js';
import { seededRandom } from '../../src/support/random.js';
import { temporaryFolder, trap, writeSamples } from '../cli/support.js';
import { buildForTest } from './built.js';

/** Whatever ends a compile, and whenever: the files are those of before, or the new ones. */

vi.setConfig({ testTimeout: 120_000 });

const folder = temporaryFolder();
const script = join(buildForTest('interrupted-test'), 'src', 'cli', 'main.js');

interface Ended {
  readonly code: number | null;
  readonly milliseconds: number;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], signal?: NodeJS.Signals, after = 0): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const clock = signal === undefined ? undefined : setTimeout(() => child.kill(signal), after);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(clock);
      resolve({ code, milliseconds: performance.now() - start, stderr });
    });
  });
}

const compileArgs = (model: string, out: string): string[] => [script, 'compile', model, '-o', out, '--no-tuned-costs'];
const compile = (model: string, out: string, signal?: NodeJS.Signals, after?: number): Promise<Ended> =>
  run(process.execPath, compileArgs(model, out), signal, after);

/** Texts of the files that count: those that begin with a dot are on their way to be one. */
function contents(out: string): Map<string, string> {
  const files = existsSync(out) ? [...filesIn(out)] : [];
  const own = files.filter(([path]) => !/(^|\/)\.[^/]+\.tmp$/.test(path));
  return new Map(own.map(([path]) => [path, readFileSync(join(out, path), 'latin1')]));
}

/** Two models with the same files, and what is in these. */
const twoResults = once(async () => {
  const [first, second] = [trap('dead-block'), trap('groups-of-two')];
  const outs = [join(folder, 'first'), join(folder, 'second')] as const;
  const { milliseconds } = await compile(first, outs[0]);
  expect((await compile(second, outs[1])).code).toBe(0);
  return { second, before: outs[0], old: contents(outs[0]), now: contents(outs[1]), milliseconds };
});

describe('a compile that ends before its time', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('by %s', async (signal) => {
    const { second, before, old, now, milliseconds } = await twoResults();
    expect([...old.keys()]).toEqual([...now.keys()]);
    const rounds = 4;
    const random = seededRandom(signal.length);
    for (let round = 0; round < rounds; round++) {
      const out = join(folder, signal, String(round));
      cpSync(before, out, { recursive: true });
      const { code } = await compile(second, out, signal, (0.2 + random.uniform()) * milliseconds);
      const found = contents(out);
      expect([...found.keys()]).toEqual([...old.keys()]);
      for (const [path, text] of found) expect([old.get(path), now.get(path)]).toContain(text);
      if (code === 130) expect(found).toEqual(old);
      if (code === 0) expect(found).toEqual(now);
      // Whatever was left does no harm to the next.
      if (round === rounds - 1) {
        expect((await compile(second, out)).code).toBe(0);
        expect(contents(out)).toEqual(now);
      }
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

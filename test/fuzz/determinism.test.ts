import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, vi } from 'vitest';
import { filesIn } from '../../bench/fuzz/subjects.js';
import type { CompileOptions } from '../../src/index.js';
import { temporaryFolder, trap, writeSamples } from '../cli/support.js';
import { packed } from '../repository/package-support.js';

/**
 * Same input, same bytes: on any number of processors and threads, in any language, time zone and folder. Plans that are chosen by
 * measured times are the exception: here all are predicted.
 */

vi.setConfig({ testTimeout: 240_000 });

let built = '';
const folder = temporaryFolder();
beforeAll(async () => {
  built = join((await packed()).home, 'node_modules', 'swanc');
}, 240_000);

const dense = trap('gate-before-activation-dense');
const convolution = trap('self-gated-conv');
const samples = writeSamples(join(folder, 'samples.npy'), 48, [5]);
const pictures = writeSamples(join(folder, 'pictures.npy'), 48, [6, 6, 2]);

/** All that is written in each way: names, and what `compile` is told. */
const compiles: Readonly<Record<string, Omit<CompileOptions, 'out'>>> = {
  dense: { model: dense, mode: 'dense' },
  dynamic: { model: trap('residual-gated-on-both-sides'), mode: 'dynamic' },
  observed: { model: dense, calibration: samples, mode: 'dynamic', batch: 4 },
  int8: { model: convolution, calibration: pictures, precision: 'int8', mode: 'dense' },
  fp16: { model: convolution, calibration: pictures, targets: ['webgpu'], precision: 'fp16' },
  edge: { model: trap('depthwise'), targets: ['edge'] },
  within: { model: dense, calibration: samples, maxError: 0.1 },
};

interface Machine {
  readonly env?: NodeJS.ProcessEnv;
  /** Folder in which it runs. */
  readonly cwd?: string;
  readonly processors?: string;
}

const far = { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', LANGUAGE: 'tr', TZ: 'Pacific/Kiritimati' };
const machines: Readonly<Record<string, Machine>> = {
  'this one': {},
  'one processor and thread': {
    env: {
      UV_THREADPOOL_SIZE: '1',
      OMP_NUM_THREADS: '1',
      NODE_OPTIONS: '--max-old-space-size=512',
      LC_ALL: 'C',
      TZ: 'UTC',
    },
    processors: '0',
  },
  'many threads, elsewhere': { env: { UV_THREADPOOL_SIZE: '32', OMP_NUM_THREADS: '8', ...far }, cwd: folder },
};

/** Compiles in all ways, and prints nothing. */
const program = `
const { compile } = await import(process.argv[1]);
const { out, compiles } = JSON.parse(process.argv[2]);
for (const [name, options] of Object.entries(compiles)) {
  await compile({ tunedCosts: false, tune: 'predicted', ...options, out: out + '/' + name });
}`;

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function hashesOn(name: string, { env, cwd = built, processors }: Machine): Promise<Record<string, string>> {
  const out = join(folder, name);
  mkdirSync(out, { recursive: true });
  const isBound = processors !== undefined && hasTaskset();
  const node = [process.execPath, '--input-type=module', '-e', program, join(built, 'dist', 'src', 'index.js')];
  const [command = '', ...args] = isBound ? ['taskset', '-c', processors, ...node] : node;
  await promisify(execFile)(command, [...args, JSON.stringify({ out, compiles })], {
    cwd,
    env: { ...process.env, ...env },
  });
  const hash = (path: string): string => {
    const content = readFileSync(join(out, path));
    const kept = path.endsWith('report.json') ? withoutTimes(content.toString('utf8')) : content;
    return createHash('sha256').update(kept).digest('hex');
  };
  return Object.fromEntries([...filesIn(out).keys()].map((path) => [path, hash(path)]));
}

/** With data a report tells measured times, and what they say: nothing else of it may differ. */
function withoutTimes(report: string): string {
  const measured = ['latency', 'microseconds', 'modeReason', 'warnings'];
  return JSON.stringify(JSON.parse(report), (key, value: unknown) => (measured.includes(key) ? undefined : value));
}

it('writes the same bytes on every machine', async () => {
  // Files that lie about must not matter.
  writeFileSync(join(folder, 'swanc.config.json'), '{ "mode": "dense" }');
  const [[first = '', own = {}] = [], ...others] = Object.entries(machines);
  const expected = await hashesOn(first, own);
  const written = Object.keys(expected);
  for (const name of Object.keys(compiles)) expect(written).toContain(`${name}/report.json`);
  expect(written.some((path) => path.endsWith('.ort'))).toBe(true);
  expect(written).toContain('int8/cpu/model.int8.onnx');
  for (const [name, machine] of others) {
    expect(await hashesOn(name, machine), name).toEqual(expected);
  }
});

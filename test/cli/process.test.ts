import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { reportSchema } from '../../src/index.js';
import { root } from '../repository/sources.js';
import { type Outcome, temporaryFolder, trap, writeSamples } from './support.js';

/** The command as users run it: built, in a process of its own. */

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
// Inside the package, so that its package.json and node_modules are found; not in dist, which others may be using.
const built = join(root, 'out', `cli-test-${process.pid}`);
const script = join(built, 'src', 'cli', 'main.js');

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), ...tscOptions], {
    cwd: root,
  });
}, 120_000);

afterAll(() => rmSync(built, { recursive: true, force: true }));

// Types are checked elsewhere.
const tscOptions = ['-p', 'tsconfig.build.json', '--outDir', built, '--declaration', 'false', '--noCheck'];

/** What is done to the command while it runs, each time that it has said something on stderr. */
type Watcher = (child: ChildProcess, stderr: string) => void;

function run(args: readonly string[], watch: Watcher = () => {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk;
      watch(child, output.stderr);
    });
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code: code ?? -1, ...output, stderr: `${output.stderr}${signal ?? ''}` }),
    );
  });
}

describe('the built command', () => {
  it('compiles into swanc-out unless told otherwise', async () => {
    const { code, stdout, stderr } = await run(['compile', trap('proved-dead'), '--json']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(warning: .*\n)+$/);
    expect(reportSchema.parse(JSON.parse(stdout)).targets).toHaveLength(1);
    expect(readdirSync(join(folder, 'swanc-out')).toSorted()).toEqual(['cpu', 'report.json']);
  });

  it('passes exit codes on', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['compile', '--nonsense'])).toMatchObject({ code: 2, stdout: '' });
    expect(await run(['inspect', 'nowhere'])).toMatchObject({ code: 3, stdout: '' });
  });

  it('leaves no process and no word behind when it profiles', async () => {
    const samples = writeSamples(join(folder, 'samples.npy'), 5, [5]);
    const args = ['profile', trap('observed-dead'), '--calibration', samples, '-o', 'deep/er/gates.json'];
    const { code, stdout, stderr } = await run(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('5 samples');
    expect(readdirSync(join(folder, 'deep', 'er'))).toEqual(['gates.json']);
  });
});

/** Writes a config that is a program, and returns the options that name it. */
function configOf(text: string, name = 'swanc.config.mjs'): string[] {
  writeFileSync(join(folder, name), text);
  return ['--config', name];
}

const compiled = ['compile', trap('proved-dead'), '--no-verify', '-q', '--out', 'ends'];

describe('the process of a command', () => {
  it('ends when its work is done, whatever a config left open', async () => {
    const config = configOf('setInterval(() => {}, 1000);\nexport default { mode: "dense" };\n');
    expect(await run([...compiled, ...config])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it.each([
    ['a promise', 'export default new Promise(() => {});'],
    ['a wait of the module', 'await new Promise(() => {});\nexport default {};'],
    ['a function', 'export default () => new Promise(() => {});'],
    ['what only looks like a promise', 'export default { then() {} };'],
  ])('refuses a config that never ends: %s', async (_, text) => {
    const { code, stderr } = await run([...compiled, ...configOf(text)]);
    expect(stderr).toContain('swanc.config.mjs: it does not end');
    expect(code).toBe(2);
  });

  it('does not pass for done where a config ends it', async () => {
    const { code, stderr } = await run([...compiled, ...configOf('process.exit(0);')]);
    expect(stderr).toContain('error SWC2006: the process ended before the command was done');
    expect(code).toBe(2);
  });

  it('stops at a signal while a config waits', async () => {
    const config = configOf(
      'setInterval(() => {}, 1000);\nprocess.stderr.write("waits");\nexport default new Promise(() => {});',
    );
    const outcome = await run([...compiled, ...config], (child, said) => said === 'waits' && child.kill('SIGTERM'));
    expect(outcome).toMatchObject({ code: 130, stderr: expect.stringContaining('interrupted: nothing was written') });
  });

  it('ends at once at the second signal of whatever kind', async () => {
    // A plugin that never ends, which no signal is asked of.
    const plugin = join(folder, 'waits.mjs');
    writeFileSync(
      plugin,
      'process.on("SIGINT", () => process.stderr.write("once"));\nsetInterval(() => {}, 1000);\n' +
        'process.stderr.write("waits");\nawait new Promise(() => {});\n',
    );
    const outcome = await run([...compiled, '--no-config', '--plugin', plugin], (child, said) => {
      if (said === 'waits') child.kill('SIGINT');
      if (said === 'waitsonce') child.kill('SIGTERM');
    });
    expect(outcome).toMatchObject({ code: 130, stderr: 'waitsonce' });
  });

  it('tells what a config throws late as its failure', async () => {
    const text = 'await 0;\nsetTimeout(() => { throw new Error("too late"); }, 1);\nexport default {};\n';
    const { code, stderr } = await run([...compiled, ...configOf(text)]);
    expect(stderr).toMatch(/^error SWC2006: the config file cannot be used\n.*swanc\.config\.mjs:2: .*too late\n$/);
    expect(code).toBe(2);
  });

  it.skipIf(!existsSync('/dev/full'))('says so where its output cannot be written', () => {
    const args = [script, 'inspect', trap('proved-dead'), '--no-config', '--json'];
    const { status, stderr } = spawnSync('/bin/sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, ...args], {
      encoding: 'utf8',
    });
    expect(stderr).toBe(
      'error SWC2003: the output cannot be written\n  standard output: no space is left on the disk\n',
    );
    expect(status).toBe(2);
  });
});

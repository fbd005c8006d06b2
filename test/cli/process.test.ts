import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

const tscOptions = ['-p', 'tsconfig.build.json', '--outDir', built, '--declaration', 'false'];

function run(args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk;
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

describe('examples', () => {
  const names = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.mjs'));

  it.each(names)('%s runs', { timeout: 60_000 }, (name) => {
    // Beside the build, and with its files for the package's names: these mean dist, which may not be there.
    const text = readFileSync(join(root, 'examples', name), 'utf8')
      .replaceAll("'swanc'", "'./src/index.js'")
      .replaceAll("'swanc/tfjs'", "'./src/tfjs/index.js'");
    writeFileSync(join(built, name), text);
    const output = execFileSync(process.execPath, [join(built, name), join(folder, name)], { encoding: 'utf8' });
    expect(output).toMatch(/largest difference from TensorFlow.js: \d/);
  });
});

import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { reportSchema } from '../../src/compiler/reporting/report.js';
import { trap, writeSamples } from '../cli/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { manifest, npm, packed } from './package-support.js';
import { root } from './sources.js';

/**
 * The package as its users have it: the tarball installed into an empty project, which then works without a network.
 * Only npm itself may use one, for what its cache lacks.
 */
const project = temporaryFolder();
const model = join(project, 'model/model.json');
const quick = ['--prefer-offline', '--no-audit', '--no-fund'];

/** Milliseconds after which an installation hangs, even where packages come over a slow network. */
const slow = 600_000;

const offline = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST)/.test(name))),
  NODE_OPTIONS: `--import=${pathToFileURL(join(root, 'test/repository/no-network.mjs'))}`,
  XDG_CACHE_HOME: join(project, 'cache'),
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in the project, without a network. */
async function run(command: string, args: readonly string[]): Promise<Outcome> {
  return promisify(execFile)(command, [...args], { cwd: project, env: offline, maxBuffer: 2 ** 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Outcome) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  );
}

const npx = (...args: string[]) => run('npx', ['swanc', ...args]);
const evaluate = (code: string) => run(process.execPath, ['--input-type=module', '-e', code]);
const reportIn = (folder: string) =>
  reportSchema.parse(JSON.parse(readFileSync(join(project, folder, 'report.json'), 'utf8')));

beforeAll(async () => {
  const { tarball } = await packed();
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  cpSync(trap('groups-of-two'), join(project, 'model'), { recursive: true });
  await npm(['install', ...quick, tarball], project);
}, slow);

describe('installed without optional peers', () => {
  it('brings none of them, and runs no script of its own', () => {
    const installed = new Set(readdirSync(join(project, 'node_modules')));
    expect(installed.has('swanc')).toBe(true);
    expect(['@tensorflow', 'onnxruntime-node'].filter((name) => installed.has(name))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(project, 'node_modules/swanc/package.json'), 'utf8'));
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });

  it('has a command that npx finds', async () => {
    const { code, stdout } = await npx('--version');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${manifest.version}\n` });
  });

  it('compiles in onnxruntime-web and says so, and that TensorFlow.js did not verify', async () => {
    writeSamples(join(project, 'samples.npy'), 64, [6, 6, 2]);
    const { code, stderr } = await npx('compile', model, '--calibration', 'samples.npy', '-o', 'plain');
    expect(stderr).toMatch(/onnxruntime-node is not installed: models were run in onnxruntime-web/);
    expect(stderr).toMatch(/verified against the imported graph.*it is not installed/);
    expect(code).toBe(0);
    const [target] = reportIn('plain').targets;
    expect(target?.verification?.reference).toBe('onnxruntime');
    expect(existsSync(join(project, 'plain/cpu/model.onnx'))).toBe(true);
  });

  it('says what to install for files that only onnxruntime-node writes', async () => {
    const { code, stderr } = await npx('compile', model, '--target', 'edge', '-o', 'edge');
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /SWC3019.*\n.*cannot write \.ort files\n\s+install onnxruntime-node: npm install --ignore-scripts/,
    );
    expect(existsSync(join(project, 'edge'))).toBe(false);
  });

  it('profiles, merges and verifies', async () => {
    const profile = (out: string) => npx('profile', model, '--calibration', 'samples.npy', '-o', out);
    expect((await profile('one.json')).code).toBe(0);
    expect((await npx('profile', 'merge', 'one.json', 'one.json', '-o', 'two.json')).code).toBe(0);
    expect((await npx('verify', model, 'plain/cpu/model.onnx')).code).toBe(0);
  });

  it('can be imported, all entry points but that of the training layers', async () => {
    const entries = Object.keys(entryPoints()).filter((entry) => entry !== './tfjs');
    expect(entries).toContain('.');
    for (const entry of entries) {
      const name = entry.replace('.', 'swanc');
      const { stderr, stdout } = await evaluate(`console.log(typeof (await import('${name}')))`);
      expect({ name, stdout, stderr }).toEqual({ name, stdout: 'object\n', stderr: '' });
    }
    const { stderr } = await evaluate(`await import('swanc/tfjs')`);
    expect(stderr).toMatch(/Cannot find package '@tensorflow\/tfjs'/);
  });

  it('has types that are right without those of the peers', async () => {
    const [program, config] = [join(project, 'use.ts'), join(project, 'tsconfig.json')];
    writeFileSync(
      program,
      `import { type CompileResult, compile, type Report, SwancError } from 'swanc';
       const result: CompileResult = await compile({ model: 'model.json', targets: ['cpu'] });
       const report: Report = result.report;
       export const regions: number = report.targets.length;
       export const isOurs = (error: unknown): boolean => error instanceof SwancError;
       // @ts-expect-error no such option
       await compile({ model: 'model.json', target: 'cpu' });`,
    );
    const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, skipLibCheck: false };
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] }, files: ['use.ts'] }),
    );
    const { code, stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', config]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });
});

describe('installed beside optional peers', () => {
  beforeAll(async () => {
    // As the README says it, in the versions that are tested with; swanc is there.
    const [, line = ''] =
      /^ {4}npm (install .*\bswanc\b.*)$/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
    const words = line.split(' ').filter((word) => word !== 'swanc');
    const versioned = words.map((word) =>
      manifest.devDependencies[word] ? `${word}@${manifest.devDependencies[word]}` : word,
    );
    await npm([...versioned, ...quick], project);
  }, slow);

  it('compiles in onnxruntime-node and verifies against TensorFlow.js', async () => {
    const { code, stderr } = await npx('compile', model, '--calibration', 'samples.npy', '-o', 'full');
    expect(stderr).not.toMatch(/not installed/);
    expect(code).toBe(0);
    expect(reportIn('full').targets[0]?.verification?.reference).toBe('tfjs-cpu');
  });

  it('has the training layers', async () => {
    const { stdout, stderr } = await evaluate(
      `const { SwanGate } = await import('swanc/tfjs'); console.log(SwanGate.className)`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'SwanGate\n', stderr: '' });
  });
});

/** The entry points that are modules. */
function entryPoints(): Readonly<Record<string, { default: string }>> {
  const { exports } = JSON.parse(readFileSync(join(project, 'node_modules/swanc/package.json'), 'utf8'));
  return Object.fromEntries(
    Object.entries<string | Record<string, string>>(exports).flatMap(([entry, target]) =>
      typeof target === 'object' && target.default !== undefined ? [[entry, { default: target.default }]] : [],
    ),
  );
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect } from 'vitest';
import { manifest, packed } from '../repository/package-support.js';
import { root } from '../repository/sources.js';

interface RunOptions {
  readonly exitCode?: number;
  /** What the command is given besides. */
  readonly args?: readonly string[];
}

/** An example in a folder of its own, where `swanc` is the packed package. */
export interface Example {
  readonly folder: string;
  /** Runs a command of its README and returns what it prints; fails if the README does not have it. */
  run(command: string, options?: RunOptions): Promise<{ stdout: string; stderr: string }>;
  /** Starts a script of package.json that goes on, and returns it with the first line that it prints. */
  start(script: string): Promise<{ process: ChildProcess; line: string; ended: Promise<number | null> }>;
  read(path: string): string;
}

export async function example(name: string): Promise<Example> {
  const { home } = await packed();
  // Inside of it, so that Node finds the package there, and all others in this repository.
  const folder = mkdtempSync(join(home, `${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'examples', name), folder, {
    recursive: true,
    filter: (path) => !/node_modules|\/out$/.test(path),
  });
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: '' };
  return {
    folder,
    read,
    run: (command, { exitCode = 0, args: added = [] } = {}) => {
      expect(read('README.md')).toContain(`    ${command}\n`);
      const [program = '', ...args] = command.split(' ');
      const script = scriptOf(read('package.json'), program, args);
      const isOwn = program === 'npx' && args[0] === 'swanc';
      const cli = join(home, 'node_modules/swanc', manifest.bin.swanc);
      const [file, ...rest] = isOwn ? ['node', cli, ...args.slice(1)] : (script ?? [program, ...args]);
      if (file !== 'node') throw new Error(`'${command}' is not run by Node`);
      return new Promise((resolve, reject) => {
        execFile(process.execPath, [...rest, ...added], { cwd: folder, env }, (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code;
          if (code === exitCode) resolve({ stdout, stderr });
          else reject(new Error(`'${command}' ended with ${code}:\n${stdout}${stderr}`));
        });
      });
    },
    start: async (script) => {
      const [, ...args] = scriptOf(read('package.json'), 'npm', ['run', script]) ?? [];
      const child = spawn(process.execPath, args, { cwd: folder, env: { ...env, PORT: '0' } });
      afterAll(() => child.kill('SIGKILL'));
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const lines = createInterface({ input: child.stdout });
      const { value, done } = await lines[Symbol.asyncIterator]().next();
      if (done === true) throw new Error(`'${script}' printed nothing and ended with ${await ended}`);
      return { process: child, line: String(value), ended };
    },
  };
}

/** What `npm start` or `npm run <script>` stands for; npm itself would only cost time. */
function scriptOf(manifest: string, program: string, args: readonly string[]): string[] | undefined {
  if (program !== 'npm') return undefined;
  const name = args[0] === 'run' ? args[1] : args[0];
  const script: unknown = JSON.parse(manifest).scripts[name ?? ''];
  if (typeof script !== 'string') throw new Error(`there is no script '${name}'`);
  return script.split(' ');
}

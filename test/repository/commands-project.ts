import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { encode } from 'fast-png';
import { PIXELS, readMnist, SIDE } from '../../fixtures/mnist.js';
import { npyBytes } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { swanc, trap, writeSamples } from '../cli/support.js';
import { digits, fixture } from '../compiler/support.js';
import { type Command, wordsOf } from './documents.js';
import { packed } from './package-support.js';
import { root } from './sources.js';

const run = promisify(execFile);

/** A project in which the commands and programs of a document are run one after the other. */
export interface Project {
  readonly folder: string;
  /** What a command prints; fails unless it ends with 0. */
  command(command: Command): Promise<string>;
  /** Runs a program as a module of its own. */
  program(name: string, text: string): Promise<string>;
  close(): void;
}

/** Few, so that it is quick. */
const images = 100;

/**
 * A folder where `swanc` is the packed package. For a document it has a trained model of digits (`model.json`, `out/model.json`),
 * images of its kind (`images.npy`, `samples.npy`) and their `labels.npy`; for an example its files, and what its programs
 * would make: a small model, and shards of samples.
 */
export async function openProject(path: string): Promise<Project> {
  home ??= packed().then((found) => found.home);
  const folder = mkdtempSync(join(await home, 'document-'));
  // Without one, `swanc` would mean the repository that the folder is in.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  if (path.startsWith('examples/')) fillExample(folder, dirname(path));
  else fillProject(folder, path);
  return {
    folder,
    command: (command) => inside(folder, () => runCommand(command)),
    program: async (name, text) => {
      writeFileSync(join(folder, name), text);
      const { stdout } = await run(process.execPath, [name], {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      return stdout;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** One build for all documents. */
let home: Promise<string> | undefined;

function fillProject(folder: string, path: string): void {
  // Of a page about data the model takes pictures, others take rows of pixels.
  const isFlat = path !== 'docs/data.md';
  const model = fixture(isFlat ? 'mnist-mlp' : 'mnist-cnn');
  for (const place of ['.', 'out', 'model']) cpSync(model, join(folder, place), { recursive: true });
  const pixels = digits('train', images, isFlat);
  for (const name of ['images', 'samples']) writeFileSync(join(folder, `${name}.npy`), npyBytes(pixels));
  const labels = readMnist('train').labels.slice(0, images);
  writeFileSync(join(folder, 'labels.npy'), npyBytes(new Tensor('uint8', [images], labels)));
  const rows = Array.from({ length: images }, (_, row) => pixels.data.subarray(row * PIXELS, (row + 1) * PIXELS));
  writeFileSync(join(folder, 'train.csv'), `${rows.map((row) => row.join(',')).join('\n')}\n`);
  mkdirSync(join(folder, 'photos'));
  for (const [index, row] of rows.entries()) {
    const data = Uint8Array.from(row, (value) => Math.round(255 * value));
    writeFileSync(join(folder, 'photos', `${index}.png`), encode({ width: SIDE, height: SIDE, data, channels: 1 }));
  }
}

function fillExample(folder: string, example: string): void {
  cpSync(join(root, example), folder, { recursive: true, filter: (file) => !/node_modules|\/out$/.test(file) });
  for (const place of ['out', 'out/model']) cpSync(trap('softmax'), join(folder, place), { recursive: true });
  mkdirSync(join(folder, 'out', 'data'));
  for (const shard of [1, 2]) writeSamples(join(folder, 'out', 'data', `shard-${shard}.npy`), 20, [5], shard);
}

/** The command line in this process, in the project's folder: starting it anew would take a second each time. */
async function runCommand({ text, path, line }: Command): Promise<string> {
  const words = wordsOf(text);
  if (/ [|<>] /.test(text)) return runInShell(text);
  if (words[0] === 'node') {
    const { stdout } = await run(process.execPath, words.slice(1), { env: { ...process.env, NODE_OPTIONS: '' } });
    return stdout;
  }
  const args = words.slice(words[0] === 'npx' ? 2 : 1);
  const { code, stdout, stderr } = await swanc(quick(args));
  if (code !== 0) throw new Error(`${path}:${line}: '${text}' ended with ${code}:\n${stderr}`);
  return stdout;
}

/** With pipes and redirections, and a home that is the project. */
async function runInShell(text: string): Promise<string> {
  const script = text.replace(/(?:npx )?\bswanc (?=[a-z])/g, 'node ../node_modules/swanc/dist/src/cli/main.js ');
  const folders = [...text.matchAll(/> (~\/\S+)\/[^/\s]+/g)].map(([, path]) => `mkdir -p ${path}; `);
  const env = { ...process.env, HOME: process.cwd(), NODE_OPTIONS: '' };
  return (await run('bash', ['-c', `set -o pipefail; ${folders.join('')}${script}`], { env })).stdout;
}

/** What would take its time is told to take little of it. */
function quick(args: readonly string[]): readonly string[] {
  const takes: Readonly<Record<string, readonly string[]>> = { tune: ['--seconds', '0.1'] };
  const added = takes[args[0] ?? ''] ?? [];
  return added.some((option) => args.includes(option)) ? args : [...args, ...added];
}

async function inside<T>(folder: string, step: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await step();
  } finally {
    process.chdir(before);
  }
}

/** Checks types of programs in TypeScript, and returns what the compiler says. */
export async function typeErrors(folder: string, names: readonly string[]): Promise<string> {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'dom'],
    types: ['node'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: names }));
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  return run(compiler, ['-p', folder]).then(
    () => '',
    ({ stdout }: { readonly stdout: string }) => stdout,
  );
}

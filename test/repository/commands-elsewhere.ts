import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type Command, wordsOf } from './documents.js';
import { root } from './sources.js';

/** A command that is not run by the test of the documents, and what runs it. */
interface Elsewhere {
  readonly command: RegExp;
  /** The documents that it stands in; all where it is not given. */
  readonly path?: RegExp;
  /** The file that runs it, or a folder with that file in it. */
  readonly by: string;
  /** What must stand in that file; by default the command itself. Never nothing. */
  readonly has?: string;
}

/** All of them: keep it short. */
const list: readonly Elsewhere[] = [
  { command: /^npm ci$/, by: '.ci/run' },
  { command: /^npm (test|run check|run build|run demo)$/, path: /^[^/]*$|^examples\/(README|web)/, by: '.ci/run' },
  // It is what runs the others.
  { command: /^\.ci\/run$/, by: '.ci/run', has: '#!/usr/bin/env bash' },
  // Installed into an empty project, as the README says it.
  { command: /^npm install .*\bswanc\b/, by: 'test/repository/package-install.test.ts', has: "'README.md'" },
  { command: /^npm install$/, path: /^examples\//, by: 'test/examples', has: 'ignore-scripts=true' },
  { command: /^npm install onnxruntime-web@/, by: 'test/repository/package-install.test.ts', has: 'onnxruntime-web' },
  { command: /^node client\.mjs$/, by: 'test/examples', has: 'client.mjs' },
  // Two inputs, of which no model here has these.
  { command: /^swanc compile .* meta=meta\.parquet$/, by: 'test/data', has: 'parquet' },
  { command: /^npm run generate$/, by: 'test/repository/schema.test.ts', has: 'toMatchFileSnapshot' },
  { command: /^npm run demo:web$/, by: 'test/browser/demo.test.ts', has: 'examples/web/build.mjs' },
  { command: /^node examples\/web\/(build|serve)\.mjs$/, by: 'test/browser/demo.test.ts', has: 'examples/web' },
  { command: /^npm run (dev|train|build|preview)$/, path: /^examples\/vite-app/, by: 'test/plugin', has: 'vite-app' },
  { command: /^(npm|node) /, path: /^examples\/(?!web)/, by: 'test/examples' },
];

/** Packages for Python that only the long comparisons need: none of them can be installed in a test. */
const installations = /^(python3(\.\d+)? -m venv|\S+\/pip install) /;
const bench = /^(?:\w+=\S+ )*npm run (bench:\w+|fuzz|demo(?= -- ))(?: -- (.*))?$/;

/** What is wrong with a command that is run elsewhere; undefined where it is not. */
export function problemElsewhere({ path, text }: Command): string | undefined {
  const [, script] = /\bnpm run ([\w:-]+)/.exec(text) ?? [];
  if (script !== undefined && !scriptsOf(path).includes(script)) return `package.json has no script ${script}`;
  const measured = bench.exec(text);
  if (measured !== null) return benchProblem(measured[1] ?? '', measured[2] ?? '');
  if (installations.test(text)) return path.startsWith('bench/') ? undefined : 'only benches may install for Python';
  const found = list.find(({ command, path: where }) => command.test(text) && (where?.test(path) ?? true));
  if (found === undefined) return 'nothing runs it';
  if (!existsSync(join(root, found.by))) return `${found.by}, which should run it, does not exist`;
  const file = textOf(join(root, found.by));
  const wanted = found.has ?? text;
  if (wanted === '') return 'every file has nothing in it';
  return file.includes(wanted) ? undefined : `${found.by} has no '${wanted}'`;
}

/** Patterns of the list that no command needs. */
export function unneeded(commands: readonly Command[]): string[] {
  const isNeeded = ({ command, path: where }: Elsewhere): boolean =>
    commands.some(({ path, text }) => command.test(text) && (where?.test(path) ?? true));
  return list.filter((entry) => !isNeeded(entry)).map(({ command }) => String(command));
}

/** Names of the scripts that `npm run` has where a document stands: its own package's, and the repository's. */
export function scriptsOf(document: string): string[] {
  return [...new Set(['.', dirname(document)])]
    .map((folder) => join(root, folder, 'package.json'))
    .filter((path) => existsSync(path))
    .flatMap((path) => Object.keys(manifestSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).scripts));
}

const manifestSchema = z.looseObject({ scripts: z.record(z.string(), z.string()).default({}) });

/** Of a file, or of all files in a folder. */
function textOf(path: string): string {
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
  const names = readdirSync(path).filter((name) => name.endsWith('.ts'));
  return names.map((name) => readFileSync(join(path, name), 'utf8')).join('\n');
}

/** Benches take minutes to hours: what is looked at is that their arguments are those that the program reads. */
function benchProblem(script: string, given: string): string | undefined {
  const manifest = readFileSync(join(root, 'package.json'), 'utf8');
  const program = new RegExp(`"${script}": ".*dist/(bench/\\w+)\\.js`).exec(manifest)?.[1];
  if (program === undefined) return `package.json has no script ${script} of a bench`;
  const sources = [`${program}.ts`, `${program}/arguments.ts`].filter((file) => existsSync(join(root, file)));
  const code = sources.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  const options = wordsOf(given).filter((word) => word.startsWith('--') && word !== '--help');
  const unknown = options.filter((option) => {
    const name = option.replace(/^--(no-)?/, '').replace(/=.*/, '');
    return !new RegExp(`['"]?\\b${name}['"]?: \\{ type|--${name}\\b`).test(code);
  });
  return unknown.length === 0 ? undefined : `${program}.ts does not read ${unknown.join(', ')}`;
}

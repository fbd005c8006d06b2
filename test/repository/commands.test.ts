import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { swanc } from '../cli/support.js';
import { problemElsewhere, scriptsOf, unneeded } from './commands-elsewhere.js';
import { bundling, type Prelude, preludes } from './commands-preludes.js';
import { openProject, type Project, typeErrors } from './commands-project.js';
import { type Block, blocksOf, type Command, commandsOf, documents, wordsOf } from './documents.js';

/** Every command and program of the documents is run, or stands in the list of those that something else runs. */

const isOwn = ({ text }: Command): boolean =>
  !text.endsWith('meta=meta.parquet') && /^(cat \S+ \| )?(npx )?swanc\b/.test(text);
/** `swanc compile <model> [options]` tells what may be given. */
const isSynopsis = ({ text }: Command): boolean => /<\S|[[…]/.test(text.replace(/'[^']*'/g, ''));

const all = documents();
const blocks = all.flatMap(blocksOf);
const commands = blocks.flatMap(commandsOf);
const projects = new Map<string, Project>();
afterAll(() => {
  for (const project of projects.values()) project.close();
});

async function projectOf(path: string): Promise<Project> {
  const project = projects.get(path) ?? (await openProject(path));
  projects.set(path, project);
  return project;
}

it('documents have commands and programs', () => {
  expect(commands.length).toBeGreaterThan(50);
  expect(all).toContain('docs/guide.md');
});

describe('forms of commands', () => {
  it.each(commands.filter((command) => isOwn(command) && isSynopsis(command)))('$text', async ({ text }) => {
    const words = wordsOf(text.replace(/^npx /, '')).slice(1);
    const names = words.slice(
      0,
      Math.max(
        0,
        words.findIndex((word) => !/^[a-z]+$/.test(word)),
      ),
    );
    const { code, stdout } = await swanc([...names, '--help']);
    expect(code).toBe(0);
    const options = words.flatMap((word) => /--[\w-]+/.exec(word)?.[0] ?? []);
    expect(options.filter((option) => !stdout.includes(option))).toEqual([]);
  });
});

describe('commands that something else runs', () => {
  // A document that is followed to its end has its own commands run: see below.
  const others = commands.filter((command) => !isOwn(command) && !isFollowed(command));
  it.each(others)('$path: $text', (command) => expect(problemElsewhere(command)).toBeUndefined());

  it('are all that the list has', () => expect(unneeded(others)).toEqual([]));

  it('are told from those that nothing runs', () => {
    const problem = (text: string, path = 'README.md') => problemElsewhere({ path, line: 1, text });
    expect(problem('npm run docs')).toBe('package.json has no script docs');
    expect(problem('npm run demo -- --al')).toBe('bench/demo.ts does not read --al');
    expect(problem('npm run train')).toBe('package.json has no script train');
    expect(problem('npm install swank')).toBe('nothing runs it');
  });

  it('have scripts, in sentences, too', () => {
    const named = [...all, 'fixtures/README.md'].flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/\bnpm run ([\w:-]+)/g)].map(([, script = '']) => ({ path, script })),
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ path, script }) => !scriptsOf(path).includes(script))).toEqual([]);
  });
});

/** Programs that a document writes and then runs: `node train.mjs`. */
function isFollowed({ path, text }: Command): boolean {
  const [name, file = ''] = wordsOf(text);
  return name === 'node' && blocks.some((block) => block.path === path && fileOf(block) === file);
}

/** The name that a program's first line gives it: `// train.mjs`. */
function fileOf({ text }: Block): string | undefined {
  return /^(?:\/\/|#|<!--) ([\w./-]+\.\w+)/.exec(text)?.[1];
}

interface Step {
  readonly name: string;
  readonly step: () => Promise<unknown>;
}

function stepsOf(block: Block): readonly Step[] {
  const name = `line ${block.line}`;
  if (/^(m?js|javascript)$/.test(block.language)) return [{ name: `${name}: program`, step: () => runProgram(block) }];
  if (/^(ts|typescript)$/.test(block.language)) return [{ name: `${name}: types`, step: () => checkTypes(block) }];
  if (/^(py|python)$/.test(block.language)) return [{ name: `${name}: Python`, step: () => compilePython(block) }];
  if (block.language === 'json') return [{ name: `${name}: JSON`, step: async () => JSON.parse(block.text) }];
  return commandsOf(block)
    .filter((command) => (isOwn(command) && !isSynopsis(command)) || isFollowed(command))
    .map((command) => ({ name: `line ${command.line}: ${command.text}`, step: () => follow(command, block) }));
}

const followed = all
  .map((path) => ({ path, steps: blocks.filter((block) => block.path === path).flatMap(stepsOf) }))
  .filter(({ steps }) => steps.length > 0);

describe.each(followed)('$path', ({ steps }) => {
  it.each(steps)('$name', async ({ step }) => {
    await step();
  });
});

async function runProgram(block: Block): Promise<void> {
  const project = await projectOf(block.path);
  const name = fileOf(block);
  const { before = '', after = '', command, instead = ['', ''] } = preludeOf(block);
  if (command !== undefined) await project.command({ ...block, text: command });
  if (name !== undefined) writeFileSync(join(project.folder, name), block.text);
  // The document has a command that runs it.
  const isRun = name !== undefined && commands.some(({ path, text }) => path === block.path && text === `node ${name}`);
  if (isRun) return;
  const own = name ?? `line-${block.line}.mjs`;
  if (block.text.includes('?swanc')) {
    writeFileSync(join(project.folder, own), block.text);
    await project.program(`bundle-${own}`, bundling(own));
  } else await project.program(own, `${before}\n${block.text.replace(...instead)}\n${after}\n`);
}

function preludeOf(block: Block): Prelude | Record<string, never> {
  return preludes.find(({ path, has }) => path === block.path && block.text.includes(has)) ?? {};
}

/** Also that what is printed begins as the document shows it. */
async function follow(command: Command, block: Block): Promise<void> {
  const project = await projectOf(command.path);
  const printed = await project.command(command);
  const next = blocks[blocks.indexOf(block) + 1];
  if (next?.path !== command.path || next.language !== 'text') return;
  const labels = (text: string): string[] =>
    text.split('\n').map((line) => /^ {0,2}([A-Za-z]\S*)/.exec(line)?.[1] ?? '');
  const found = new Set(labels(printed));
  expect([...new Set(labels(next.text))].filter((label) => !found.has(label))).toEqual([]);
}

async function checkTypes(block: Block): Promise<void> {
  const project = await projectOf(block.path);
  const { before = '' } = preludeOf(block);
  const name = fileOf(block) ?? `line-${block.line}.ts`;
  writeFileSync(join(project.folder, name), `${before}\n${block.text}\nexport {};\n`);
  expect(await typeErrors(project.folder, [name])).toBe('');
}

async function compilePython({ text, path, line }: Block): Promise<void> {
  const project = await projectOf(path);
  const file = join(project.folder, `line_${line}.py`);
  writeFileSync(file, text);
  execFileSync(existsSync('.venv/bin/python') ? '.venv/bin/python' : 'python3', ['-m', 'py_compile', file]);
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './sources.js';

/** A part of a document that is code: fenced, with its language, or indented. */
export interface Block {
  /** The document, from the package's folder. */
  readonly path: string;
  /** Number of its first line. */
  readonly line: number;
  /** What stands behind the fence; '' for none and for indented lines. */
  readonly language: string;
  readonly text: string;
}

/** A command that a reader would type. */
export interface Command {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

/** Documents with commands that a reader would type. */
export function documents(): string[] {
  const within = (folder: string): string[] =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`);
  const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => within(`examples/${name}`));
  return ['README.md', 'CONTRIBUTING.md', ...within('docs'), ...within('examples'), ...examples, ...within('bench')];
}

/** Every block of code in a document, in order. */
export function blocksOf(path: string): Block[] {
  const lines = readFileSync(join(root, path), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let index = 0; index < lines.length; index++) {
    const [, fence = '', language = ''] = /^\s*(```+)\s*([\w-]*)/.exec(lines[index] ?? '') ?? [];
    const start = index;
    if (fence !== '') {
      while (++index < lines.length && (lines[index] ?? '').trim() !== fence);
      const text = lines.slice(start + 1, index).join('\n');
      blocks.push({ path, line: start + 2, language, text });
    } else if (isIndented(lines[index]) && (lines[index - 1] ?? '').trim() === '') {
      while (isIndented(lines[index + 1]) || (lines[index + 1]?.trim() === '' && isIndented(lines[index + 2]))) index++;
      const text = lines.slice(start, index + 1).map((line) => line.trim());
      blocks.push({ path, line: start + 1, language: '', text: text.join('\n') });
    }
  }
  return blocks;
}

function isIndented(line: string | undefined): boolean {
  return line !== undefined && /^ {4,}\S/.test(line);
}

/** Languages that commands stand in. */
const shells: ReadonlySet<string> = new Set(['', 'sh', 'bash', 'shell', 'console']);
const program = String.raw`(?:npm|npx|node|swanc|cat|curl|\.ci/run|python[\d.]*|pip|\S+/(?:pip|python))`;
const commandPattern = new RegExp(String.raw`^(?:\$ )?((?:[A-Z_]+=\S+ )*${program}(?: .*)?)$`);

/** The commands of a block, each by itself: `a && b` are two. Comments behind them are left out. */
export function commandsOf({ path, line, language, text }: Block): Command[] {
  if (!shells.has(language)) return [];
  const joined = text.replace(/\\\n\s*/g, (gap) => ' '.padEnd(gap.split('\n').length, ' '));
  return joined.split('\n').flatMap((full, index) => {
    const [, found] = commandPattern.exec(full.trim()) ?? [];
    if (found === undefined) return [];
    const plain = found.replace(/ +#.*$/, '').trim();
    return plain.split(' && ').map((part) => ({ path, line: line + index, text: part }));
  });
}

/** The words of a command, as a shell would part them. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:'([^']*)'|"([^"]*)"|([^\s'"]))+/g)].map(([word]) => word.replace(/['"]/g, ''));
}

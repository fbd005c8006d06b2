import type { Command, Option } from 'commander';
import { swancVersion } from '../../src/support/version.js';

/** Manual pages in man(7), made of the program, which the table of options is in, and of what docs/cli.md says besides. */

export interface PageInput {
  readonly command: Command;
  /** All commands, for what else to see. */
  readonly names: readonly string[];
  /** What `--help` prints after the options. */
  readonly epilogue: string;
  /** Markdown of the section of docs/cli.md, without its heading. */
  readonly section: string;
}

/** The day of the pages' last edition, which readers of manuals are told at their foot. */
const edition = '2026-11-22';

/** Name of the page of a command: `swanc-profile-merge`. */
export function pageName(command: Command): string {
  return command.parent === null ? command.name() : `${pageName(command.parent)}-${command.name()}`;
}

export function manPage({ command, names, epilogue, section }: PageInput): string {
  const help = command.createHelp();
  const name = pageName(command);
  const [examples = '', exits] = epilogue.replace(/^\s*Examples:\n/, '').split(/^Exit codes:\n/m);
  const options = help.visibleOptions(command);
  const parts = [
    `.\\" Made by "npm run generate"; edit the program or docs/cli.md instead.`,
    `.TH ${name.toUpperCase()} 1 ${edition} "swanc ${swancVersion()}" "User Commands"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(command.summary())}`,
    '.SH SYNOPSIS',
    `.B ${roff(name.replaceAll('-', ' '))}`,
    roff(help.commandUsage(command).replace(/^(\S+ ?)*?(?=\[|<)/, '')),
    '.SH DESCRIPTION',
    ...paragraphs(command.description()),
    ...manOf(section, command.parent === null),
    ...(command.commands.length > 0 && command.parent === null ? ['.SH COMMANDS', ...commandList(command)] : []),
    '.SH OPTIONS',
    ...optionList(options),
    '.SH EXAMPLES',
    ...exampleList(examples),
    '.SH EXIT STATUS',
    ...(exits === undefined ? ['As of', '.BR swanc (1).'] : exitList(exits)),
    '.SH SEE ALSO',
    ...names
      .filter((other) => other !== name)
      .map((other, index, all) => `.BR ${roff(other)} (1)${index < all.length - 1 ? ',' : ''}`),
  ];
  return `${tidy(parts).join('\n')}\n`;
}

/** Without empty lines, sections in which nothing is left, and paragraphs that a heading begins anyway. */
function tidy(lines: readonly string[]): string[] {
  const full = lines.filter((line) => line !== '');
  const isHeading = (line = ''): boolean => line.startsWith('.S');
  const sections = full.filter((line, index) => !(line.startsWith('.SS') && isHeading(full[index + 1])));
  return sections.filter((line, index) => !(line === '.PP' && isHeading(sections[index - 1])));
}

function commandList(program: Command): string[] {
  return program.commands.flatMap((command) => [
    '.TP',
    `.BR ${roff(pageName(command))} (1)`,
    sentence(command.summary()),
  ]);
}

function optionList(options: readonly Option[]): string[] {
  const groups = new Map<string, Option[]>();
  for (const option of options) {
    const group = option.helpGroupHeading?.replace(/:$/, '') ?? 'General';
    groups.set(group, [...(groups.get(group) ?? []), option]);
  }
  return [...groups].flatMap(([group, members]) => [
    `.SS ${group}`,
    ...members.flatMap((option) => ['.TP', flagsOf(option.flags), ...paragraphs(option.description)]),
  ]);
}

/** Names in bold, what stands for a value in italics. */
function flagsOf(flags: string): string {
  const [, names = flags, value] = /^(.*?)(?: <(.*)>)?$/.exec(flags) ?? [];
  const bold = `\\fB${roff(names)}\\fR`;
  return value === undefined ? bold : `${bold} \\fI${roff(value)}\\fR`;
}

/** Commands, and what they do where that is said below them. */
function exampleList(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.flatMap((line, index) => {
    const isCommand = /^ {2}\S/.test(line);
    const follows = lines[index - 1] !== undefined && !/^ {2}\S/.test(lines[index - 1] ?? '');
    if (isCommand) return ['.PP', '.EX', roff(line.trim()), '.EE'];
    return [...(follows ? ['.br'] : ['.RS']), roff(line.trim()), ...(isLast(lines, index) ? ['.RE'] : [])];
  });
}

function isLast(lines: readonly string[], index: number): boolean {
  const next = lines[index + 1];
  return next === undefined || /^ {2}\S/.test(next);
}

function exitList(text: string): string[] {
  return [...text.matchAll(/^ +(\d+) +(.*)$/gm)].flatMap(([, code = '', meaning = '']) => [
    '.TP',
    `.B ${code}`,
    sentence(meaning),
  ]);
}

function sentence(text: string): string {
  return `${roff(text.replace(/^./, (first) => first.toUpperCase()))}.`;
}

/** The part of Markdown that docs/cli.md is written in, with tables only where they say what the page does not say anyway. */
function manOf(markdown: string, withTables: boolean): string[] {
  return markdown
    .split(/\n{2,}/)
    .map((block) => block.replace(/^\n+|\s+$/g, ''))
    .flatMap((block) => {
      if (block === '') return [];
      if (block.startsWith('|')) return withTables && !block.startsWith('| exit code') ? manOfTable(block) : [];
      if (block.startsWith('###')) return [`.SS ${roff(block.replace(/^#+ /, ''))}`];
      if (block.startsWith('    ')) return ['.PP', '.nf', ...block.split('\n').map((line) => roff(line)), '.fi'];
      if (block.startsWith('- ')) {
        return block
          .split(/^- /m)
          .slice(1)
          .flatMap((entry) => ['.IP \\(bu 2', ...paragraphs(entry)]);
      }
      return ['.PP', ...paragraphs(block)];
    });
}

/** A list: of the first cells with the others as text. */
function manOfTable(table: string): string[] {
  const rows = table.split('\n').slice(2);
  return rows.flatMap((row) => {
    const [name = '', text = '', otherwise] = row.slice(2, -2).split(' | ');
    const end = otherwise === undefined ? '' : ` (default: ${otherwise})`;
    return ['.TP', inline(name), ...paragraphs(`${text}${end}`)];
  });
}

/** A line for each sentence, as manuals are written. */
function paragraphs(text: string): string[] {
  const lines = text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split(/(?<=[a-z)`"\d][.:?]) (?=[A-Z`])/);
  return lines.map((line) => inline(line));
}

function inline(text: string): string {
  const plain = text
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll(/`([^`]+)`/g, '\u0001$1\u0003')
    .replaceAll(/\*\*([^*]+)\*\*/g, '\u0001$1\u0003')
    .replaceAll(/(?<![\w*])\*([^*]+)\*(?![\w*])/g, '\u0002$1\u0003');
  return roff(plain).replaceAll('\u0001', '\\fB').replaceAll('\u0002', '\\fI').replaceAll('\u0003', '\\fR');
}

/** What would be a command of the language, or another character in print. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[\u0080-\uffff]/g, (character) => `\\[u${hex(character)}]`)
    .replace(/^(?=[.'])/, '\\&');
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allCommands, factsOf } from '../../src/cli/completion/facts.js';
import { createProgram } from '../../src/cli/run.js';
import { optionRows } from '../../src/config/index.js';
import { quietTerminal } from '../cli/support.js';
import { root } from './sources.js';

/** What the documents of the command line say is what the table of options and the commands say. */

const read = (name: string): string => readFileSync(join(root, 'docs', name), 'utf8');
const program = createProgram(quietTerminal);

/** Cells of the rows of all tables, without marks of code. */
function rowsOf(text: string): string[][] {
  return [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) =>
    row.split(' | ').map((cell) => cell.replaceAll('`', '').trim()),
  );
}

describe('docs/cli.md', () => {
  const text = read('cli.md');

  it('has every option of the table, with what holds without it', () => {
    const told = rowsOf(text);
    const wrong = optionRows.flatMap(({ flag, short, placeholder, negated, default: otherwise }) => {
      const name = `--${negated === true ? 'no-' : ''}${flag}${placeholder === undefined ? '' : ` ${placeholder}`}`;
      const full = short === undefined ? name : `-${short}, ${name}`;
      const wanted = otherwise ?? (placeholder === undefined ? 'off' : 'none');
      const [, , last] = told.find(([first]) => first === full) ?? [];
      // Commands without a default have no column for it.
      return last === wanted || flag === 'plugin' ? [] : [`${full}: ${last}, not ${wanted}`];
    });
    expect(wrong).toEqual([]);
  });

  it('has a section for every command, with its own options', () => {
    const known = new Set(optionRows.flatMap(({ flag }) => [`--${flag}`, `--no-${flag}`]));
    const common = text.slice(0, text.indexOf('\n## '));
    for (const { name, options, word } of allCommands(factsOf(program))) {
      if (word === 'help' || word === 'swanc') continue;
      const [, section = ''] = text.split(new RegExp(`^## ${name}$`, 'm'));
      const own = section.split(/^## /m)[0] ?? '';
      expect(own, name).toContain(`    ${name} `);
      const names = options.map((option) => option.names.at(-1) ?? '').filter((option) => !known.has(option));
      expect(
        names.filter((option) => !own.includes(option) && !common.includes(option)),
        name,
      ).toEqual([]);
    }
  });

  it('has no option that does not exist', () => {
    const facts = allCommands(factsOf(program));
    const all = new Set(facts.flatMap(({ options }) => options.flatMap(({ names }) => names)));
    for (const { flag } of optionRows) for (const name of [`--${flag}`, `--no-${flag}`]) all.add(name);
    const told = [...text.matchAll(/`(?:[^`]* )?(--[a-z][\w-]*)/g)].map(([, name = '']) => name);
    expect(told.filter((name) => !all.has(name))).toEqual([]);
  });
});

describe('docs/config.md', () => {
  it('has every option of the table', () => {
    const told = rowsOf(read('config.md')).map(([key, flag]) => [key, flag]);
    expect(told.slice(2)).toEqual(
      optionRows.map(({ key, flag, placeholder, negated }) => {
        const name = `--${negated === true ? 'no-' : ''}${flag}`;
        return [key, placeholder === undefined ? name : `${name} ${placeholder}`];
      }),
    );
  });
});

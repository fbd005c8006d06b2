import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/run.js';
import { quietTerminal, swanc } from '../cli/support.js';
import { manPage, pageName } from './man-page.js';
import { root } from './sources.js';

/** The manual pages are what the program is. `npm run generate` writes them anew. */

const folder = join(root, 'docs', 'man');
const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];
const commands = allOf(createProgram(quietTerminal));
const names = commands.map(pageName);
const markdown = readFileSync(join(root, 'docs', 'cli.md'), 'utf8');

function sectionOf(name: string): string {
  if (name === 'swanc') return (markdown.split(/^## /m)[0] ?? '').replace(/^# .*\n/, '');
  const [, after = ''] = markdown.split(new RegExp(`^## ${name.replaceAll('-', ' ')}$`, 'm'));
  // The first block is the usage.
  return (after.split(/^## /m)[0] ?? '').replace(/^\s*\n {4}.*\n/, '');
}

const isInstalled = (tool: string): boolean => spawnSync('which', [tool]).status === 0;

describe('manual pages', () => {
  it.each(commands.map((command) => ({ command, name: pageName(command) })))('$name.1 is up to date', async (entry) => {
    const { command, name } = entry;
    const { stdout } = await swanc([...name.split('-').slice(1), '--help']);
    const epilogue = stdout.slice(stdout.indexOf('\nExamples:\n'));
    const page = manPage({ command, names, epilogue, section: sectionOf(name) });
    await expect(page).toMatchFileSnapshot(join(folder, `${name}.1`));
  });

  it('are there for every command, and for nothing else', () => {
    expect(readdirSync(folder).toSorted()).toEqual(names.map((name) => `${name}.1`).toSorted());
  });

  it.skipIf(!isInstalled('mandoc'))('are accepted by mandoc', () => {
    const pages = names.map((name) => join(folder, `${name}.1`)).filter((path) => existsSync(path));
    expect(spawnSync('mandoc', ['-Tlint', '-Wwarning', ...pages], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '',
    });
  });

  it.skipIf(!isInstalled('man'))('are shown by man', () => {
    const env = { ...process.env, MANWIDTH: '80', MANPAGER: 'cat', LC_ALL: 'C.UTF-8' };
    for (const name of names) {
      const text = execFileSync('man', ['-l', join(folder, `${name}.1`)], { encoding: 'utf8', env });
      expect(text).toMatch(/^SYNOPSIS$/m);
    }
  });
});

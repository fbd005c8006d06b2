import { describe, expect, it } from 'vitest';
import { operators } from '../../src/ops/index.js';
import { type SourceFile, sourceFiles } from './sources.js';

const files = sourceFiles('src', 'passes', 'targets');

function offenders(pattern: RegExp, read: (file: SourceFile) => string = ({ code }) => code): string[] {
  return files.flatMap((file) => {
    const found = pattern.exec(read(file));
    return found === null ? [] : [`${file.path}: ${found[0].trim()}`];
  });
}

describe('code', () => {
  it('has no unchecked types', () => {
    // Other uses of `any` are refused by the linter, which tells types from values.
    expect(offenders(/\bas any\b|<any>|\bany\[\]|Record<\w+, any>/)).toEqual([]);
    expect(offenders(/@ts-(ignore|nocheck|expect-error)/, ({ text }) => text)).toEqual([]);
  });

  it('has nothing left to be done', () => {
    expect(offenders(/\b(TODO|FIXME|XXX|HACK)\b/, ({ text }) => text)).toEqual([]);
  });

  it('prints nothing', () => {
    const prints = offenders(/\bconsole\.|process\.std(out|err)/);
    expect(prints.filter((entry) => !entry.startsWith('src/cli/'))).toEqual([]);
  });

  it('reads imports and strings of other files with comments taken out', () => {
    // Templates may hold the text of programs, with comments of their own.
    const withComments = files.filter(({ code }) => /^\s*\/\*\*/m.test(code.replace(/`(?:[^`\\]|\\.)*`/g, '')));
    expect(withComments.map(({ path }) => path)).toEqual([]);
  });
});

describe('passes and targets', () => {
  const small = files.filter(({ path }) => path.startsWith('passes/') || path.startsWith('targets/'));

  it('are files of at most 400 lines', () => {
    const long = small.filter(({ text }) => text.split('\n').length > 401);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('are named by what they do', () => {
    const passes = small.filter(({ path }) => path.startsWith('passes/'));
    const misnamed = passes.filter(({ path, code }) => {
      const name = /definePass\(\{\s*name: '([^']+)'/.exec(code)?.[1];
      return name === undefined || path !== `passes/${name}.ts`;
    });
    expect(misnamed.map(({ path }) => path)).toEqual([]);
  });

  it('say what they do and why it is sound', () => {
    const silent = small.filter(({ text }) => !/\/\*\*[\s\S]*?\*\/\nexport const/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('keep no lists of operators: what an operator does stands in its own file', () => {
    const names = new Set(operators.map(({ op }) => op));
    // What the kernels of a target run is a fact of the target.
    const passes = small.filter(({ path }) => path.startsWith('passes/'));
    const lists = passes.flatMap(({ path, code }) =>
      [...code.matchAll(/'\w+'(?:\s*,\s*'\w+'){2,}/g)].flatMap(([list]) => {
        const listed = [...list.matchAll(/'(\w+)'/g)].filter(([, name]) => names.has(name ?? ''));
        return listed.length >= 3 ? [`${path}: ${list}`] : [];
      }),
    );
    expect(lists).toEqual([]);
  });
});

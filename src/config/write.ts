import { relative, sep } from 'node:path';
import type { ConfigOptions } from './check.js';
import type { Config } from './define.js';
import type { OptionKey } from './row.js';
import { compileOptions, optionRows } from './table.js';

/** Languages that config files are written in. */
export const configKinds = ['ts', 'js', 'json'] as const;
export type ConfigKind = (typeof configKinds)[number];

/** What a new config file says. */
export interface NewConfig {
  /** Options that it has. Paths are absolute. */
  readonly options: ConfigOptions;
  /** Options that it shows how to have, in comments: values, or texts where these are what people would write. */
  readonly suggestions: Config;
  /** Folder of the file: paths are written from there. */
  readonly folder: string;
  /** Whether `swanc` can be imported there; else the file is a plain object. */
  readonly hasPackage: boolean;
}

/** Text of a config file, with a comment on each option where its language has comments. */
export function configText(kind: ConfigKind, config: NewConfig): string {
  return kind === 'json' ? jsonText(config) : moduleText(config);
}

function jsonText({ options, folder, hasPackage }: NewConfig): string {
  const members = membersOf(options, folder);
  const schema = hasPackage ? [['$schema', './node_modules/swanc/docs/config.schema.json'] as const] : [];
  return `${JSON.stringify(Object.fromEntries([...schema, ...members]), undefined, 2)}\n`;
}

function moduleText({ options, suggestions, folder, hasPackage }: NewConfig): string {
  const [open, close] = hasPackage ? ['export default defineConfig({', '});'] : ['export default {', '};'];
  const members = membersOf(options, folder).map(([key, value]) => [...comment(key), `  ${key}: ${literal(value)},`]);
  const shown = Object.entries(suggestions).map(([key, value]) => [...comment(key), `  // ${key}: ${literal(value)},`]);
  const lines = [
    ...(hasPackage ? ["import { defineConfig } from 'swanc';", ''] : []),
    '// Options of "swanc compile". What its command line says comes before them. Paths start at this file.',
    '// All options: "swanc compile --help"; what they mean: docs/cli.md of swanc.',
    open,
    ...[...members, ...shown].flatMap((own, index) => (index === 0 ? own : ['', ...own])),
    close,
  ];
  return `${lines.join('\n')}\n`;
}

/** The options that are given, the model first, in the order of the table. */
function membersOf({ model, ...options }: ConfigOptions, folder: string): (readonly [string, unknown])[] {
  const given: ReadonlyMap<string, unknown> = new Map(Object.entries(options));
  const others = optionRows.flatMap(({ key, kind }) => {
    const value = given.get(key);
    if (value === undefined) return [];
    return [[key, kind.relocate === undefined ? value : fromFolder(value, folder)] as const];
  });
  return model === undefined ? others : [['model', fromFolder(model, folder)], ...others];
}

/** A path as it is written in a file of this folder: alike on all systems. */
function fromFolder(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => fromFolder(entry, folder));
  if (typeof value !== 'string') return value;
  const path = relative(folder, value).split(sep).join('/');
  return path.startsWith('..') ? path : `./${path}`;
}

/** What the table says of an option, in lines that are not too long. */
function comment(key: string): string[] {
  const { text, default: otherwise } = textOf(key);
  const words = `${text}${otherwise === undefined ? '' : ` (default: ${otherwise})`}`.split(' ');
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= widest) lines.push(`  // ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

const widest = 100;

function textOf(key: string): { readonly text: string; readonly default?: string } {
  if (Object.hasOwn(compileOptions, key)) {
    const row = compileOptions[key as OptionKey];
    return { ...row, text: row.configText ?? row.text };
  }
  return { text: 'what is compiled: model.json, .onnx file, or a folder with one of them' };
}

/** A value as people write it in a program. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'string') return JSON.stringify(value);
  const escaped = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}

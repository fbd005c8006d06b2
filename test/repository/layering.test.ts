import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Import, importsOf, root, type SourceFile, sourceFiles } from './sources.js';

/**
 * The layers of the house: imports point down only. A path that ends in `/` stands for a folder, others for one file.
 * `types` may be imported as types only; `dynamic` at run time only, when they are needed.
 */
interface Room {
  readonly room: string;
  readonly may: readonly string[];
  readonly types?: readonly string[];
  readonly dynamic?: readonly string[];
}

/** What a profile is and what can be asked of it: no engine behind it. */
const profileQueries = ['src/runtime/profile/types.ts', 'src/runtime/profile/query.ts'];
const runtimeTypes = ['src/runtime/types.ts'];
const belowCompiler = [
  ...['src/support/', 'src/ir/', 'src/ops/', 'src/passkit/', 'src/onnx/', 'src/data/', 'src/frontends/'],
  ...['src/runtime/', 'src/formats/', 'passes/', 'targets/index.ts'],
];

const house: readonly Room[] = [
  { room: 'src/support/', may: [] },
  { room: 'src/ir/', may: ['src/support/'] },
  { room: 'src/ops/', may: ['src/support/', 'src/ir/'] },
  {
    room: 'src/passkit/',
    may: ['src/support/', 'src/ir/', 'src/ops/', ...profileQueries],
    types: runtimeTypes,
  },
  { room: 'src/onnx/', may: ['src/support/', 'src/ir/', 'src/ops/'] },
  { room: 'src/data/', may: ['src/support/', 'src/ir/'] },
  { room: 'src/frontends/', may: ['src/support/', 'src/ir/', 'src/ops/', 'src/onnx/'] },
  { room: 'src/runtime/', may: ['src/support/', 'src/ir/', 'src/ops/', 'src/onnx/'] },
  {
    room: 'passes/',
    may: ['src/support/', 'src/ir/', 'src/ops/', 'src/passkit/', ...profileQueries],
    types: runtimeTypes,
  },
  {
    room: 'src/formats/',
    may: ['src/support/', 'src/ir/', 'src/ops/', 'src/onnx/', 'src/passkit/target.ts'],
    types: runtimeTypes,
  },
  { room: 'targets/', may: ['src/formats/'], types: ['src/passkit/', 'src/ir/'] },
  { room: 'src/compiler/', may: belowCompiler, dynamic: ['src/tfjs/reference.ts'] },
  { room: 'src/report/', may: ['src/support/', ...profileQueries], types: ['src/compiler/'] },
  { room: 'src/config/', may: ['src/support/', 'src/compiler/options.ts'] },
  {
    room: 'src/cli/',
    may: ['src/support/', 'src/config/', 'src/report/', 'src/compiler/options.ts'],
    types: ['src/compiler/', ...profileQueries],
    // Help, completions and mistakes need no compiler.
    dynamic: ['src/index.ts', 'src/compiler/'],
  },
  {
    room: 'src/plugin/',
    may: ['src/support/', 'src/config/', 'src/frontends/model-files.ts', 'src/formats/loader/'],
    types: ['src/compiler/'],
    // A build that finds its models compiled loads no compiler.
    dynamic: ['src/index.ts', 'src/formats/loader.ts', 'targets/index.ts'],
  },
  {
    room: 'src/index.ts',
    may: [
      ...['src/support/', 'src/compiler/', 'src/config/', 'src/report/', 'src/frontends/index.ts'],
      ...['src/runtime/profile/json.ts', 'src/runtime/profile/merge.ts', 'src/runtime/profile/types.ts'],
    ],
  },
  { room: 'src/tfjs/', may: [] },
];

/** Folders whose files do not import each other, but for the list of all strategies. */
const strangers = ['passes/', 'src/passkit/gating/strategies/'];
const strategyList = 'src/passkit/gating/strategies/index.ts';

/** Packages, and the only rooms that may import them. */
const packageRooms: Readonly<Record<string, readonly string[]>> = {
  '@tensorflow/tfjs': ['src/tfjs/'],
  '@tensorflow/tfjs-backend-wasm': ['src/tfjs/'],
  '@tensorflow/tfjs-node': ['src/tfjs/'],
  // In the plugin they stand in texts of modules.
  'onnxruntime-node': ['src/runtime/session.ts', 'src/plugin/module-code.ts'],
  'onnxruntime-web': ['src/runtime/session.ts', 'src/plugin/module-code.ts'],
  'onnx-proto': ['src/onnx/'],
  protobufjs: ['src/onnx/'],
  fflate: ['src/data/'],
  hyparquet: ['src/data/'],
  'hyparquet-compressors': ['src/data/'],
  'jpeg-js': ['src/data/'],
  commander: ['src/cli/'],
  jiti: ['src/config/', 'src/support/load-anew.ts'],
  picocolors: ['src/report/colors.ts'],
  '@dagrejs/dagre': ['src/report/'],
  unplugin: ['src/plugin/'],
  // Bundlers, as types alone: whoever has one of them need not have the others. And this package, in texts of modules.
  vite: ['src/plugin/'],
  rollup: ['src/plugin/'],
  rolldown: ['src/plugin/'],
  webpack: ['src/plugin/'],
  '@rspack/core': ['src/plugin/'],
  esbuild: ['src/plugin/'],
  swanc: ['src/plugin/'],
  zod: ['src/compiler/', 'src/config/', 'src/plugin/', 'src/runtime/profile/', 'src/frontends/'],
};

const files = sourceFiles('src', 'passes', 'targets');
const imports = files.flatMap(importsOf);

const isIn = (path: string, places: readonly string[]): boolean =>
  places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));

function roomOf(path: string): Room | undefined {
  return house.find(({ room }) => isIn(path, [room]));
}

/** True for files of a folder that do not know each other; others are one piece each. */
function areStrangers(from: string, to: string): boolean {
  return from !== strategyList && strangers.some((folder) => isIn(from, [folder]) && isIn(to, [folder]));
}

function isAllowed({ from, to, isType, isDynamic }: Import): boolean {
  const room = roomOf(from);
  if (room === undefined) return false;
  const isOwn = isIn(to, [room.room]) && !areStrangers(from, to);
  if (isOwn || isIn(to, room.may)) return true;
  return (isType && isIn(to, room.types ?? [])) || (isDynamic && isIn(to, room.dynamic ?? []));
}

const show = ({ from, to, isType }: Import): string => `${from} -> ${to}${isType ? ' (type)' : ''}`;

describe('layering', () => {
  it('sees the imports', () => {
    expect(imports.length).toBeGreaterThan(files.length);
    expect(imports.some(({ isDynamic, to }) => isDynamic && to === 'src/tfjs/reference.ts')).toBe(true);
    expect(imports.some(({ isType }) => isType)).toBe(true);
  });

  it('every file is in a room', () => {
    expect(files.filter(({ path }) => roomOf(path) === undefined).map(({ path }) => path)).toEqual([]);
  });

  it('imports point down only', () => {
    expect(imports.filter((entry) => entry.isLocal && !isAllowed(entry)).map(show)).toEqual([]);
  });

  it('CONTRIBUTING.md has the same table', () => {
    const rows = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').matchAll(
      /^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$/gm,
    );
    const told = new Map([...rows].map(([, room = '', cell = '']) => [room, cell]));
    const wanted = new Map(house.map((room) => [room.room.replace(/\/$/, ''), inWords(room)]));
    expect([...told]).toEqual([...wanted]);
  });

  it('passes do not import each other, and strategies do not', () => {
    const between = (folder: string, from: string, to: string) =>
      areStrangers(`${folder}${from}.ts`, `${folder}${to}.ts`);
    for (const folder of strangers) expect(between(folder, 'one', 'other')).toBe(true);
    expect(between('src/passkit/gating/strategies/', 'index', 'other')).toBe(false);
    expect(imports.filter(({ from, to }) => areStrangers(from, to)).map(show)).toEqual([]);
  });

  it('packages stay in their rooms', () => {
    const outside = imports.filter(({ isLocal, from, to }) => {
      if (isLocal || to.startsWith('node:')) return false;
      return !Object.hasOwn(packageRooms, to) || !isIn(from, packageRooms[to] ?? []);
    });
    expect(outside.map(show)).toEqual([]);
  });

  it.each(['src/cli/main.ts', 'src/plugin/index.ts'])('%s loads no compiler before it is needed', (entry) => {
    const loaded = loadedWith(entry);
    expect(loaded).toContain('src/config/table.ts');
    // Words that options take, and what those read.
    const words = loadedWith('src/compiler/options.ts');
    expect(words.length).toBeLessThan(6);
    const heavy = ['src/compiler/', 'src/frontends/index.ts', 'src/runtime/session.ts', 'src/ops/', 'passes/'];
    expect(loaded.filter((path) => isIn(path, heavy) && !words.includes(path))).toEqual([]);
  });

  it('no file imports itself, directly or around', () => {
    expect(cycles(files, imports)).toEqual([]);
  });
});

/** What a room may import, as CONTRIBUTING.md has it. `src/support`, which nearly all may, is told there once. */
function inWords({ may, types = [], dynamic = [] }: Room): string {
  const names = (places: readonly string[]): string =>
    places
      .filter((place) => place !== 'src/support/')
      .map((place) => (place.endsWith('/') ? place.replace(/^src\/|\/$/g, '') : `\`${place}\``))
      .join(', ')
      .replace(profileQueries.map((path) => `\`${path}\``).join(', '), 'queries of profiles');
  const parts = [names(may)];
  if (types.length > 0) parts.push(`types of ${names(types)}`);
  if (dynamic.length > 0) parts.push(`when needed ${names(dynamic)}`);
  return parts.filter((part) => part !== '').join('; ') || 'nothing';
}

/** All files of this package that are loaded along with one: those it imports when it is loaded, and theirs. */
function loadedWith(entry: string): string[] {
  const loaded = new Set([entry]);
  // What is added while a set is gone through is gone through as well.
  for (const path of loaded) {
    for (const { from, to, isLocal, isType, isDynamic } of imports) {
      if (from === path && isLocal && !isType && !isDynamic) loaded.add(to);
    }
  }
  return [...loaded];
}

/** Cycles among imports that are there at run time, each as the path around it. */
function cycles(all: readonly SourceFile[], edges: readonly Import[]): string[] {
  const targets = new Map<string, string[]>(all.map(({ path }) => [path, []]));
  for (const { from, to, isLocal, isType } of edges) if (isLocal && !isType) targets.get(from)?.push(to);
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || finished.has(path)) return;
    for (const next of targets.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const { path } of all) visit(path, []);
  return found;
}

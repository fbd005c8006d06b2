import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { optionRows } from '../../src/config/index.js';
import type { LoadedModel } from '../../src/formats/loader/loaded-model.js';
import { TypesFile } from '../../src/plugin/types-file.js';
import { root } from '../repository/sources.js';
import { temporaryFolder } from '../temporary-folder.js';

/** What TypeScript says of imports with `?swanc`. */

const folder = temporaryFolder();
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');

/** As an app of today has them: with a bundler, and as strict as can be. */
const settings = {
  target: 'es2023',
  lib: ['es2023', 'dom'],
  module: 'esnext',
  moduleResolution: 'bundler',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  noEmit: true,
  skipLibCheck: false,
  resolveJsonModule: true,
  // The package is this repository.
  paths: {
    'swanc/*': [`${root}/src/plugin/../../src/plugin/*`],
    'swanc/plugin/model': [`${root}/src/plugin/model.d.ts`],
  },
};

async function typeErrors(files: Readonly<Record<string, string>>, types: readonly string[] = []): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const config = { compilerOptions: { ...settings, types }, files: Object.keys(files) };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: folder });
    return '';
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string') return error.stdout;
    throw error;
  }
}

const client = `/// <reference path="${root}/src/plugin/client.d.ts" />\n`;

const use = `${client}
import model, { type AnyResults, load, ModelError } from './model.json?swanc&target=webgpu&mode=dynamic';
import plain from './model.json?swanc';
import other from '@/models/model.json?samples=100&swanc';

const url: string = model.url;
const loaded = await load({ device: 'auto', precision: 'fp16', wasmPaths: '/ort/' });
const results: AnyResults = await loaded.run({ x: new Float32Array(5), y: { data: new Int32Array(2), dims: [1, 2] } });
export const values = results['y']?.data;
export const again: typeof plain = other;
export const names: readonly string[] = plain.inputs.map(({ name }) => name);
export const isOurs: boolean = new Error(url) instanceof ModelError && model.files[0]?.precision === 'fp32';
// @ts-expect-error No such option.
await load({ threats: 2 });
// @ts-expect-error No such precision.
await model.load({ precision: 'fp8' });
`;

test('imports have types, with options before the marker or a choice at the end', async () => {
  expect(await typeErrors({ 'use.ts': use })).toBe('');
  const unknown = `${client}import model from './model.json?swanc&samples=100';\nexport default model;\n`;
  expect(await typeErrors({ 'unknown.ts': unknown })).toContain('TS2307');
});

/** The published patterns: `npx vitest run test/plugin/types.test.ts -u` writes them after an option was added. */
function clientTypes(): string {
  const ends = optionRows.flatMap(({ flag, key, kind, placeholder, negated }) => {
    if (key === 'out' || key === 'dumpIr') return [];
    const denied = negated === undefined ? [] : [`no-${flag}`];
    if (placeholder === undefined) return negated === true ? denied : [flag];
    return [...(kind.choices ?? []).map((choice) => `${flag}=${choice}`), ...denied];
  });
  const patterns = ['*?swanc', '*&swanc', ...ends.map((end) => `*&${end}`)];
  const modules = patterns.map(
    (pattern) => `declare module '${pattern}' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
`,
  );
  return `// Types of imports with \`?swanc\`: add "swanc/client" to \`types\` in tsconfig.json, or write
// /// <reference types="swanc/client" />
//
// A pattern can have one star, so it says how an import ends: in \`?swanc\`, in \`&swanc\` behind any options, or in one of the
// options below, with any others before it: \`./model.json?samples=100&calibration=data.npy&swanc\`.

${modules.join('')}`;
}

// `npm run generate` writes it anew.
test('every choice and switch of an import has a pattern', async () => {
  await expect(clientTypes()).toMatchFileSnapshot(join(root, 'src/plugin/client.d.ts'));
});

const part = { path: 'model.onnx', bytes: 1, sha256: '00' };
const loaded: LoadedModel = {
  compiler: 'swanc 0',
  target: 'webgpu',
  inputs: [{ name: 'x', type: 'float32', shape: ['n', 5] }],
  outputs: [{ name: 'y', type: 'float32', shape: ['n', 2] }],
  files: [{ precision: 'fp32', devices: ['webgpu', 'wasm'], feature: null, graph: part, data: null }],
};

const exact = `/// <reference path="./swanc-env.d.ts" />
import model, { type Feeds, type Results } from './model.json?swanc&target=webgpu';
import sized from '../a b/sized.json?swanc';
import other from './other.json?swanc';

const loaded = await model.load({ precision: 'fp32' });
const feeds: Feeds = { x: new Float32Array(5) };
const { y }: Results = await loaded.run(feeds);
export const two: 2 = y.dims[1];
export const name: 'x' = model.inputs[0].name;
export const seven: 7 = (await (await sized.load()).run({ x: new Float32Array(5) })).z.dims[1];
export const any: string = other.inputs[0]?.name ?? 'none';
// @ts-expect-error There is no such file beside it.
await model.load({ precision: 'fp16' });
// @ts-expect-error An input is missing.
await loaded.run({});
`;

test('types are exact where they are asked for, and any model still has some', async () => {
  const file = new TypesFile(folder, true);
  const outputs = [{ name: 'z', type: 'float32' as const, shape: [1, 7] }];
  await Promise.all([
    file.add('./model.json?swanc&target=webgpu', loaded),
    file.add('../a b/sized.json?swanc', { ...loaded, outputs }),
  ]);
  const text = readFileSync(file.path, 'utf8');
  expect(await typeErrors({ 'exact.ts': exact })).toBe('');
  await file.add('./model.json?swanc&target=webgpu', loaded);
  expect(readFileSync(file.path, 'utf8')).toBe(text);
  // Another run of the bundler knows what the last one wrote.
  await new TypesFile(folder, 'swanc-env.d.ts').add('./third.json?swanc', loaded);
  const after = readFileSync(file.path, 'utf8');
  for (const name of ['model', 'sized', 'third']) expect(after).toContain(`/${name}.json?swanc`);
  expect(await typeErrors({ 'exact.ts': exact })).toBe('');
});

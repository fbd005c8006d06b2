import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../cli/support.js';
import { root } from '../repository/sources.js';
import { filesOf, writeAll } from './loader-support.js';

/** What TypeScript says of the modules and their types. */

const strict = [
  ...['--ignoreConfig', '--noEmit', '--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'],
  ...['--target', 'es2022', '--lib', 'es2022,dom', '--module', 'nodenext', '--moduleResolution', 'nodenext'],
  ...['--types', ''],
];

/** The errors that tsc lists. */
async function typeErrors(folder: string, files: readonly string[], ...options: readonly string[]): Promise<string> {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, ...strict, ...options, ...files], { cwd: folder });
    return '';
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string') return error.stdout;
    throw error;
  }
}

const source = `
  agraph (float[n, 3] x, int64[n, m] "token's \\\\ ids", bool[2, 2] mask) => (float[n, 3] y, float16[4] "a-b")
  <float[1] k = {2}, float[4] h = {1, 2, 3, 4}>
  { y = Mul(x, k)
    "a-b" = Cast<to = 10>(h) }`;

const use = `
import * as node from 'onnxruntime-node';
import * as ort from 'onnxruntime-web';
import { inputs, load, type Model, ModelError, type Results } from './model.mjs';

const model: Model = await load({ device: 'auto', ort, wasmPaths: { wasm: '/a.wasm' }, onWarning: (text: string) => text });
await load({ ort: node, signal: AbortSignal.timeout(1), threads: 2, baseUrl: new URL('https://example.org/') });
const ids = { data: new BigInt64Array(6), dims: [2, 3] as const };
const fed = { "token's \\\\ ids": ids, mask: new Uint8Array(4) };
const { y, 'a-b': half }: Results = await model.run({ ...fed, x: new Float32Array(6) });
await model.run({ ...fed, x: { data: new Float32Array(6), dims: [2, 3] } });
export const three: 3 = y.dims[1];
export const values: Float32Array = y.data;
export const first: number | undefined = half.data[0];
export const name: 'x' = inputs[0].name;
export const symbol: 'n' = model.inputs[0].shape[0];
export const code: string | undefined = new Error() instanceof ModelError ? 'hash' : undefined;
// @ts-expect-error An input is missing.
await model.run({ x: new Float32Array(3) });
// @ts-expect-error Of another type.
await model.run({ ...fed, x: new Float64Array(3) });
// @ts-expect-error Of another size.
await model.run({ ...fed, x: { data: new Float32Array(8), dims: [2, 4] } });
// @ts-expect-error Two sizes are open.
await model.run({ ...fed, "token's \\\\ ids": ids.data, x: new Float32Array(3) });
// @ts-expect-error No such device.
await load({ device: 'cuda' });
// @ts-expect-error No such precision beside it.
await load({ precision: 'int8' });
// @ts-expect-error No ONNX Runtime.
await load({ ort: {} });
// @ts-expect-error A model is got by loading it.
new Model();
`;

it('the parts of the module are right by their own types', async () => {
  const folder = join(root, 'src', 'formats', 'loader', 'module');
  expect(await typeErrors(folder, readdirSync(folder), '--allowJs', '--checkJs')).toBe('');
});

it('the module in one file is, too, and its declared types say what it takes and gives', async () => {
  const folder = join(temporaryFolder(), 'types');
  mkdirSync(folder);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeAll(folder, await filesOf({ fp32: source, fp16: source }));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'use.ts'), use);
  expect(await typeErrors(folder, ['use.ts'])).toBe('');
  expect(await typeErrors(folder, ['model.mjs'], '--allowJs', '--checkJs')).toBe('');
});

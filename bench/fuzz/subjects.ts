import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fixtureFolder } from '../../fixtures/root.js';
import { npyBytes } from '../../src/data/npy.js';
import { importModel } from '../../src/frontends/index.js';
import type { CompileOptions } from '../../src/index.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { seededRandom } from '../../src/support/random.js';
import { type Files, once, type Subject } from './kind.js';

/** The real files that cases are made from: fixtures, and what is made of them. */

/** Files below a folder, in the order of their names. */
export function filesIn(folder: string): Files {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = paths.map((path) => join(folder, path)).filter((path) => statSync(path).isFile());
  return new Map(files.map((path) => [relative(folder, path), new Uint8Array(readFileSync(path))]));
}

/** Small models of all that gates do. */
export const trapNames: readonly string[] = readdirSync(fixtureFolder('traps'))
  .filter((name) => !name.includes('.'))
  .sort();

export function trapFolder(name: string): string {
  return fixtureFolder('traps', name);
}

/** Those from which compiled files are made. */
export const compiledTraps: readonly string[] = [
  'gate-before-activation-dense',
  'residual-gated-on-both-sides',
  'depthwise',
  'gates-at-positions',
  'groups-of-two',
  'self-gated-conv',
];

/** Models as TensorFlow.js and its converter write them. */
export const modelSubjects = once(async (): Promise<readonly Subject[]> => {
  const converted = ['separable', 'text-float16', 'digits-uint16', 'mobilenet-uint8'];
  return [
    ...trapNames.map((name) => ({ name, files: filesIn(trapFolder(name)) })),
    ...converted.map((name) => ({ name, files: modelFilesIn(fixtureFolder('converter', name)) })),
  ];
});

function modelFilesIn(folder: string): Files {
  return new Map([...filesIn(folder)].filter(([name]) => /\.(json|bin)$/.test(name)));
}

/** Seeded samples for a trap, as a .npy file; gates are seen on and off. */
export function samplesFor(name: string, count: number): Uint8Array {
  const [input] = importModel(trapFolder(name)).graph.inputs;
  const shape = (input?.shape ?? []).slice(1).map((dim) => (typeof dim === 'number' ? dim : 3));
  const random = seededRandom(1);
  const dims = [count, ...shape];
  return npyBytes(
    Tensor.floats(
      dims,
      Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
    ),
  );
}

/** All files of a compile. */
export async function compiled(name: string, options: Partial<CompileOptions> = {}): Promise<Files> {
  const out = mkdtempSync(join(tmpdir(), 'swanc-fuzz-'));
  try {
    await compile({ model: trapFolder(name), tunedCosts: false, tune: 'predicted', ...options, out });
    return filesIn(out);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

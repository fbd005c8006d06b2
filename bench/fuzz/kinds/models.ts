import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importModel } from '../../../src/frontends/index.js';
import { type CompileOptions, compile, reportSchema } from '../../../src/index.js';
import { type Random, seededRandom } from '../../../src/support/random.js';
import { replaceFiles } from '../../../src/support/replace-file.js';
import { changeBytes } from '../bytes.js';
import { pick, rarely } from '../choice.js';
import { changeJson } from '../json.js';
import { type Files, type Kind, namesOf, withChanged } from '../kind.js';
import { PartialOutput } from '../outcome.js';
import { modelSubjects, trapFolder } from '../subjects.js';

/** Documents that parts are taken from: each has layers that the others lack. */
const donors: readonly unknown[] = ['self-gated-conv', 'shared-layer', 'layer-normalization'].map((name) =>
  JSON.parse(readFileSync(join(trapFolder(name), 'model.json'), 'utf8')),
);

const isWeights = (name: string): boolean => name.endsWith('.bin');

function changeModel(files: Files, random: Random): Files {
  return withChanged(files, 'model.json', (bytes) => changeJson(bytes, random, donors));
}

/** Weights, the manifest that tells of them, and what lies in their place. */
function changeWeights(files: Files, random: Random): Files {
  const names = namesOf(files, isWeights);
  // An earlier change took it away.
  if (names.length === 0) return changeModel(files, random);
  const name = pick(random, names);
  if (rarely(random, 12)) {
    const to = pick(random, ['/etc/passwd', '/dev/zero', '..', '.', name, 'model.json', '/nowhere', '../model.json']);
    return new Map([...files, [name, { to }]]);
  }
  if (rarely(random, 15)) return new Map([...files].filter(([own]) => own !== name));
  if (rarely(random, 4)) return withChanged(files, 'model.json', (bytes) => changeManifest(bytes, random));
  return withChanged(files, name, (bytes) => changeBytes(bytes, random));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function changeManifest(bytes: Uint8Array, random: Random): Uint8Array {
  const document = parsed(bytes);
  if (typeof document !== 'object' || document === null || !('weightsManifest' in document)) return bytes;
  const manifest = changeJson(Buffer.from(JSON.stringify(document.weightsManifest)), random);
  // As text: it may be no JSON by now.
  const text = JSON.stringify({ ...document, weightsManifest: '#' });
  return Buffer.from(text.replace('"#"', () => Buffer.from(manifest).toString('utf8')));
}

/** Imports alone: some thousand a minute. */
export const models: Kind = {
  name: 'model',
  share: 30,
  memory: 1200,
  subjects: modelSubjects,
  change: changeModel,
  run: async (folder) => {
    importModel(folder);
  },
};

export const weights: Kind = { ...models, name: 'weights', share: 12, change: changeWeights };

/** What an earlier compile left. */
const earlier: readonly { readonly path: string; readonly content: string }[] = [
  { path: 'cpu/model.onnx', content: 'earlier model' },
  { path: 'profile.json', content: 'earlier profile' },
  { path: 'report.json', content: 'earlier report' },
];

/**
 * Compiles into a folder that has the files of an earlier compile. @throws PartialOutput where a compile that fails does
 * not leave them as they were, and nothing else, or one that succeeds leaves more than it tells of.
 */
export async function compileOver(folder: string, options: Omit<CompileOptions, 'out'>): Promise<void> {
  const out = join(folder, 'out');
  await replaceFiles(earlier.map(({ path, content }) => ({ path: join(out, path), content })));
  try {
    await compile({ tunedCosts: false, tune: 'predicted', ...options, out });
  } catch (error) {
    const left = new Map(listed(out).map((path) => [path, readFileSync(join(out, path), 'utf8')]));
    const isWhole = left.size === earlier.length && earlier.every(({ path, content }) => left.get(path) === content);
    if (!isWhole) throw new PartialOutput(`left ${[...left.keys()].join(', ')}`, { cause: error });
    throw error;
  }
  const report = reportSchema.safeParse(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')));
  const rest = listed(out).filter((path) => path.endsWith('.tmp'));
  if (!report.success || rest.length > 0) throw new PartialOutput(`left ${rest.join(', ')}; report: ${report.success}`);
}

function listed(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** The same choice for the same files. */
function choiceFrom(folder: string): Random {
  const text = readFileSync(join(folder, 'model.json'));
  return seededRandom(text.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0));
}

/** Whole compiles, with verification. */
export const compiles: Kind = {
  name: 'compile',
  share: 6,
  memory: 6000,
  subjects: async () => (await modelSubjects()).filter(({ name }) => !name.startsWith('mobilenet')),
  change: (files, random) => (rarely(random, 3) ? changeWeights(files, random) : changeModel(files, random)),
  run: async (folder) => {
    const random = choiceFrom(folder);
    const target = pick(random, ['cpu', 'cpu', 'cpu', 'webgpu', 'edge']);
    const mode = pick(random, ['auto', 'dense', 'dynamic'] as const);
    await compileOver(folder, { model: folder, targets: [target], mode });
  },
};

import { join } from 'node:path';
import { importModel } from '../../../src/frontends/index.js';
import { verify } from '../../../src/index.js';
import { modelBytes } from '../../../src/onnx/write.js';
import type { Random } from '../../../src/support/random.js';
import { changeBytes } from '../bytes.js';
import { pick, rarely } from '../choice.js';
import { type Files, type Kind, once, type Subject, withChanged } from '../kind.js';
import { changeMessage } from '../protobuf.js';
import { compiled, compiledTraps, filesIn, trapFolder } from '../subjects.js';
import { compileOver } from './models.js';

function changeOnnx(files: Files, random: Random): Files {
  return withChanged(files, 'model.onnx', (bytes) => (rarely(random, 5) ? changeBytes : changeMessage)(bytes, random));
}

/** Models with gates as nodes, and compiled ones with branches; one with its weights in a file beside it. */
const onnxSubjects = once(async (): Promise<readonly Subject[]> => {
  const subjects: Subject[] = [];
  for (const name of compiledTraps) {
    const { graph } = importModel(trapFolder(name));
    subjects.push({ name: `${name}, as it is`, files: new Map([['model.onnx', modelBytes(graph)]]) });
    for (const mode of ['dense', 'dynamic'] as const) {
      const files = await compiled(name, { mode });
      const bytes = files.get('cpu/model.onnx');
      if (bytes !== undefined) subjects.push({ name: `${name}, ${mode}`, files: new Map([['model.onnx', bytes]]) });
    }
  }
  const files = await compiled('depthwise', { externalData: true });
  const beside = [...files].filter(([name]) => name.startsWith('cpu/model.onnx'));
  subjects.push({ name: 'beside', files: new Map(beside.map(([name, bytes]) => [name.slice('cpu/'.length), bytes])) });
  return subjects;
});

export const onnx: Kind = {
  name: 'onnx',
  share: 20,
  memory: 1200,
  subjects: onnxSubjects,
  change: changeOnnx,
  run: async (folder) => {
    importModel(join(folder, 'model.onnx'));
  },
};

export const onnxCompiles: Kind = {
  ...onnx,
  name: 'onnx-compile',
  share: 4,
  memory: 6000,
  run: (folder) => compileOver(folder, { model: join(folder, 'model.onnx') }),
};

/** Compiled files beside their original. Those with other weights differ from it, which is for `verify` to say. */
const compiledSubjects = once(async (): Promise<readonly Subject[]> => {
  const subjects: Subject[] = [];
  for (const [index, name] of compiledTraps.entries()) {
    const target = index % 2 === 0 ? 'edge' : 'cpu';
    const original = [...filesIn(trapFolder(name))].map(([path, bytes]) => [`original/${path}`, bytes] as const);
    const files = await compiled(name, { targets: [target], batch: 2 });
    const own = [...files]
      .filter(([path]) => /\.(onnx|ort)$/.test(path))
      .map(([path, bytes]) => [path, bytes] as const);
    subjects.push({ name, files: new Map([...original, ...own]) });
  }
  return subjects;
});

function isCompiled(name: string): boolean {
  return !name.startsWith('original/');
}

/** Verifies whatever file of the compile is there; what it finds different is what was changed. */
async function verifyAll(folder: string): Promise<void> {
  for (const [name] of filesIn(folder)) {
    if (isCompiled(name)) await verify({ model: join(folder, 'original'), compiled: join(folder, name) });
  }
}

export const verified: Kind = {
  name: 'verify',
  share: 3,
  memory: 3000,
  exits: [3, 4],
  subjects: async () => (await compiledSubjects()).map(({ name, files }) => ({ name, files: withoutOrt(files) })),
  change: (files, random) => {
    const name = pick(random, [...files.keys()].filter(isCompiled));
    return withChanged(files, name, (bytes) => (rarely(random, 3) ? changeBytes : changeMessage)(bytes, random));
  },
  run: verifyAll,
};

function withoutOrt(files: Files): Files {
  return new Map([...files].filter(([name]) => !name.endsWith('.ort')));
}

/** Flatbuffers have no structure that can be changed without knowing it: bytes are. */
export const ort: Kind = {
  ...verified,
  name: 'ort',
  subjects: async () =>
    (await compiledSubjects()).filter(({ files }) => [...files.keys()].some((name) => name.endsWith('.ort'))),
  change: (files, random) => {
    const name = pick(
      random,
      [...files.keys()].filter((path) => path.endsWith('.ort')),
    );
    return withChanged(files, name, (bytes) => changeBytes(bytes, random));
  },
  run: async (folder) => {
    for (const [name] of filesIn(folder)) {
      if (name.endsWith('.ort')) await verify({ model: join(folder, 'original'), compiled: join(folder, name) });
    }
  },
};

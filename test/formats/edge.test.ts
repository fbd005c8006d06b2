import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireFormats } from '../../src/compiler/deploy.js';
import { canonicalOrtFile } from '../../src/formats/ort/canonical.js';
import { readFlatBuffer, type Table, tableOf, tablesOf, textOf, textsOf } from '../../src/formats/ort/flatbuffer.js';
import { inferenceSession, ortIdentifier } from '../../src/formats/ort/schema.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { readModel } from '../../src/onnx/read.js';
import { openRuntime } from '../../src/runtime/session.js';
import type { Runtime, Tensors } from '../../src/runtime/types.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { cpu } from '../../targets/cpu.js';
import { edge } from '../../targets/edge.js';
import { temporaryFolder } from '../compiler/support.js';
import { root } from '../repository/sources.js';
import { hasOrtTools, parsedByTools, requiredByTools } from './ort-tools.js';

const folder = await temporaryFolder();
const native = await openRuntime({ prefer: 'node' });
const wasm = await openRuntime({ prefer: 'web' });

const fixtures = join(root, 'fixtures');
const names = ['', 'traps'].flatMap((group) =>
  readdirSync(join(fixtures, group))
    .map((name) => join(group, name))
    .filter((name) => existsSync(join(fixtures, name, 'model.json')) && !name.startsWith('mnist-wide-')),
);

async function compiled(name: string, mode: 'dense' | 'dynamic'): Promise<string> {
  const out = join(folder, `${name.replaceAll('/', '-')}-${mode}`);
  await compile({ model: join(fixtures, name), targets: ['edge'], mode, out, verify: false, tunedCosts: false });
  return join(out, 'edge');
}

const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

function samplesOf(model: Uint8Array): Tensors {
  const random = seededRandom(11);
  return Object.fromEntries(
    readModel(model).inputs.map(({ name, shape = [] }) => {
      const dims = shape.map(Number);
      const size = dims.reduce((product, dim) => product * dim, 1);
      return [
        name,
        Tensor.floats(
          dims,
          Float32Array.from({ length: size }, () => random.normal()),
        ),
      ];
    }),
  );
}

async function run(runtime: Runtime, model: Uint8Array, feeds: Tensors): Promise<Record<string, Tensor>> {
  const session = await runtime.load(model);
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** In parts of the larger of 1 and the largest expected value. */
function difference(actual: Record<string, Tensor>, expected: Record<string, Tensor>): number {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  return Math.max(
    ...Object.entries(expected).map(([name, tensor]) => {
      const other = defined(actual[name], name).numbers();
      const scale = Math.max(1, ...tensor.numbers().map(Math.abs));
      return Math.max(...tensor.numbers().map((x, index) => Math.abs(x - (other[index] ?? Number.NaN)))) / scale;
    }),
  );
}

describe('an .ort file', () => {
  it.each(names.flatMap((name) => (['dense', 'dynamic'] as const).map((mode) => ({ name, mode }))))(
    'computes what the .onnx file does: $name, $mode',
    async ({ name, mode }) => {
      const path = await compiled(name, mode);
      const onnx = bytesOf(join(path, 'model.onnx'));
      const ort = bytesOf(join(path, 'model.ort'));
      const feeds = samplesOf(onnx);
      const expected = await run(native, onnx, feeds);
      expect(difference(await run(native, ort, feeds), expected)).toBeLessThan(1e-5);
      expect(difference(await run(wasm, ort, feeds), expected)).toBeLessThan(1e-5);
    },
  );
});

describe('the order of an .ort file', () => {
  const model = join(fixtures, 'mnist-cnn');

  it('is the same whatever order ONNX Runtime wrote it in', async () => {
    const { models } = await compile({ model, targets: ['edge'], mode: 'dynamic', verify: false, tunedCosts: false });
    const onnx = defined(models.get('edge'), 'the model');
    const written = [];
    for (let turn = 0; turn < 3; turn++) written.push(await native.toOrtFormat(onnx, 'extended'));
    const ordered = written.map(canonicalOrtFile);
    expect(same(ordered[1], ordered[0])).toBe(true);
    expect(same(ordered[2], ordered[0])).toBe(true);
    const [first] = ordered;
    expect(same(first, written[0])).toBe(false);
    expect(same(canonicalOrtFile(defined(first, 'a file')), first)).toBe(true);
  });

  it('has the weights at the end, aligned, as they are read', async () => {
    const bytes = bytesOf(join(await compiled('mnist-cnn', 'dense'), 'model.ort'));
    const graph = defined(
      tableOf(defined(tableOf(readFlatBuffer(bytes, ortIdentifier, inferenceSession), 'model'), 'model'), 'graph'),
      'graph',
    );
    const places = tablesOf(graph, 'initializers').flatMap((weight) => {
      const data = weight.fields.get('raw_data');
      return data instanceof Uint8Array && data.length >= 1024 ? [data.byteOffset - bytes.byteOffset] : [];
    });
    expect(places.length).toBeGreaterThan(3);
    expect(places.every((place) => place % 64 === 0)).toBe(true);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
    expect(places[0]).toBeGreaterThan(bytes.length - places.length * 64 - weightBytes(graph));
    const names = tablesOf(graph, 'initializers').map((weight) => textOf(weight, 'name'));
    const reads = tablesOf(graph, 'nodes').flatMap((node) => textsOf(node, 'inputs'));
    expect(names.length).toBeGreaterThan(0);
    expect(names.every((name) => reads.includes(name))).toBe(true);
  });

  it('is left alone in a version of the format that is not known', () => {
    const broken = Uint8Array.from([4, 0, 0, 0, 79, 82, 84, 77, 255, 255, 255, 127]);
    expect(canonicalOrtFile(broken)).toBe(broken);
    const other = Uint8Array.from([1, 2, 3]);
    expect(canonicalOrtFile(other)).toBe(other);
  });
});

const weightBytes = (graph: Table): number =>
  tablesOf(graph, 'initializers').reduce((sum, weight) => {
    const data = weight.fields.get('raw_data');
    return sum + (data instanceof Uint8Array ? data.length : 0);
  }, 0);

describe('ORT format without the native engine', () => {
  it('is refused with what to do', async () => {
    await expect(wasm.toOrtFormat(new Uint8Array(), 'none')).rejects.toMatchObject({ kind: 'unsupported' });
    expect(() => requireFormats([edge], wasm)).toThrow(/install onnxruntime-node/);
    expect(() => requireFormats([edge], native)).not.toThrow();
    expect(() => requireFormats([cpu], wasm)).not.toThrow();
  });
});

describe.skipIf(!hasOrtTools())('required_operators.config', () => {
  it.each([
    { name: 'mnist-cnn', mode: 'dense' },
    { name: 'mnist-mlp', mode: 'dynamic' },
    { name: 'traps/depthwise', mode: 'dynamic' },
  ] as const)('has what the .ort and the .onnx file run: $name, $mode', async ({ name, mode }) => {
    const path = await compiled(name, mode);
    const config = parsedByTools(join(path, 'required_operators.config'));
    const onnx = bytesOf(join(path, 'model.onnx'));
    const files = [join(path, 'model.ort')];
    for (const level of ['none', 'all'] as const) {
      const file = join(path, `${level}.ort`);
      await writeFile(file, await native.toOrtFormat(onnx, level));
      files.push(file);
    }
    const expected = new Map(
      requiredByTools(files)
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line): [string, string[]] => {
          const [domain = '', version = '', operators = ''] = line.split(';');
          return [`${domain};${version}`, operators.split(',')];
        }),
    );
    // A level between may have an operator that the next one replaces.
    for (const [set, operators] of expected) expect(config.operators[set]).toEqual(expect.arrayContaining(operators));
    const listed = Object.values(config.operators).flat().length;
    expect(listed).toBeLessThanOrEqual([...expected.values()].flat().length + 3);
    expect(config.types).toBe(true);
  });
});

/** Much faster than an equality that could say where they differ. */
const same = (left: Uint8Array | undefined, right: Uint8Array | undefined): boolean =>
  Buffer.from(left ?? []).equals(Buffer.from(right ?? []));

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileForms } from '../../src/compiler/forms/compile-forms.js';
import { requireFormats } from '../../src/compiler/forms/deploy.js';
import { bytesOfForm, type Form } from '../../src/compiler/forms/forms.js';
import { passContext } from '../../src/compiler/model/context.js';
import { openSource } from '../../src/compiler/model/source.js';
import { batchOf } from '../../src/compiler/samples/timed-samples.js';
import { planByPrediction } from '../../src/compiler/tuning/plan-dynamic.js';
import { writeNpy } from '../../src/data/npy.js';
import type { FormatFile, FormatInput } from '../../src/formats/format.js';
import { canonicalOrtFile } from '../../src/formats/ort/canonical.js';
import {
  FlatBufferError,
  readFlatBuffer,
  type Table,
  tableOf,
  tablesOf,
  textOf,
  textsOf,
} from '../../src/formats/ort/flatbuffer.js';
import { inferenceSession, ortIdentifier } from '../../src/formats/ort/schema.js';
import { ort } from '../../src/formats/ort.js';
import { requiredOperators } from '../../src/formats/required-operators.js';
import { compile } from '../../src/index.js';
import { Tensor } from '../../src/ir/tensor.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { openRuntime } from '../../src/runtime/session.js';
import type { Runtime, Tensors } from '../../src/runtime/types.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { cpu } from '../../targets/cpu.js';
import { edge } from '../../targets/edge.js';
import { digits, temporaryFolder } from '../compiler/support.js';
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

/** Both forms of a model as they are for the target, without its files; dense alone where no gate has a plan. */
async function lowered(name: string): Promise<readonly Form[]> {
  const model = join(fixtures, name);
  const base = passContext(native, { targets: ['edge'] });
  const source = await openSource(model, base, {});
  const context = { ...base, batch: batchOf(undefined, source.prepared.graph) };
  const options = { model, mode: 'dynamic' as const };
  const nothing = { costsFile: undefined, reference: undefined, data: undefined };
  const forms = await compileForms(
    { ...nothing, options, source, context, runtime: native, hooks: async () => [] },
    [],
  );
  const planned = forms.dynamic && (await planByPrediction(forms.dynamic, true));
  return [forms.dense, ...(planned?.form === undefined ? [] : [planned.form])];
}

const inOrtFormat = (forms: readonly Form[]): FormatInput => ({
  target: edge,
  models: forms.map(({ graph, writing }) => ({ precision: 'fp32', graph, writing })),
  files: [],
  externalData: undefined,
  runtime: native,
  warn: (message) => {
    throw new Error(message);
  },
});

const joined = ({ content }: FormatFile): Uint8Array => new Uint8Array(Buffer.concat([...content]));

describe('an .ort file', () => {
  it.each(names)('computes what the .onnx file does, dense and dynamic: %s', async (name) => {
    for (const form of await lowered(name)) {
      const [file] = await ort.files(inOrtFormat([form]));
      const bytes = joined(defined(file, 'a file'));
      const onnx = bytesOfForm(form);
      const feeds = samplesOf(onnx);
      const expected = await run(native, onnx, feeds);
      expect(difference(await run(native, bytes, feeds), expected)).toBeLessThan(1e-5);
      expect(difference(await run(wasm, bytes, feeds), expected)).toBeLessThan(1e-5);
    }
  });

  it('computes what the .onnx file does in int8', async () => {
    const out = join(folder, 'int8');
    const calibration = join(folder, 'digits.npy');
    await writeNpy(calibration, digits('train', 32, true));
    const model = join(fixtures, 'mnist-mlp');
    const options = { mode: 'dense', precision: 'int8', tunedCosts: false } as const;
    const { report } = await compile({ ...options, model, calibration, targets: ['edge'], out });
    expect(report.warnings.filter((text) => text.includes('.ort'))).toEqual([]);
    const [onnx, written] = ['onnx', 'ort'].map((ending) => bytesOf(join(out, 'edge', `model.int8.${ending}`)));
    const file = defined(written, 'the .ort file');
    const feeds = { [readModel(defined(onnx, 'the model')).inputs[0]?.name ?? '']: digits('test', 1, true) };
    for (const runtime of [native, wasm]) {
      const expected = await run(runtime, defined(onnx, 'the .onnx file'), feeds);
      expect(difference(await run(runtime, file, feeds), expected)).toBeLessThan(1e-5);
    }
  });

  it('is run by the compiler, which tells of one that is another model', async () => {
    const input = inOrtFormat((await lowered('mnist-mlp')).slice(0, 1));
    const [file] = await ort.files(input);
    const whole = defined(file, 'a file');
    const feeds = samplesOf(modelBytes(defined(input.models[0], 'a model').graph));
    const check = (content: Uint8Array) =>
      defined(ort.check, 'the check')({ ...input, feeds, files: [{ ...whole, content: [content] }] });
    expect(await check(joined(whole))).toEqual([]);
    // Weights are at the end.
    const other = joined(whole);
    other.fill(63, other.length - 512);
    expect(await check(other)).toMatchObject([
      { where: 'edge/model.ort', what: expect.stringMatching(/^output '.+'/) },
    ]);
    expect(await check(joined(whole).subarray(0, 100))).toMatchObject([
      { what: expect.stringMatching(/cannot be run/) },
    ]);
  });
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

  it('is left as it is in a version of the format that is not known, with a warning', async () => {
    const [form] = await lowered('mnist-mlp');
    const input = inOrtFormat([defined(form, 'a form')]);
    const warnings: string[] = [];
    for (const bytes of [
      [4, 0, 0, 0, 79, 82, 84, 77, 255, 255, 255, 127],
      [1, 2, 3],
    ]) {
      const strange = Uint8Array.from(bytes);
      expect(() => canonicalOrtFile(strange)).toThrow(FlatBufferError);
      const runtime: Runtime = {
        ...{ name: native.name, version: native.version, writesOrtFormat: true },
        load: (model, options) => native.load(model, options),
        toOrtFormat: async () => strange,
      };
      const odd = { ...input, runtime, warn: (message: string) => void warnings.push(message) };
      const [file] = await ort.files(odd);
      expect(same(joined(defined(file, 'a file')), strange)).toBe(true);
      expect(await requiredOperators.files(odd)).toEqual([]);
    }
    expect(warnings).toHaveLength(4);
    expect(warnings[0]).toMatch(/^edge\/model\.ort: .+ does not know .+ differs from run to run/);
    expect(warnings[1]).toMatch(/^edge\/required_operators\.config is not written: /);
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

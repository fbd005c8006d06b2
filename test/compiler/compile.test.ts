import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { bytesOfForm, compileForm, reduced, settled } from '../../src/compiler/forms/forms.js';
import { compaction, densifying, preparation } from '../../src/compiler/forms/pipeline.js';
import { passContext } from '../../src/compiler/model/context.js';
import { openSource } from '../../src/compiler/model/source.js';
import {
  type CompileOptions,
  compile,
  inspect,
  profile,
  profileToJson,
  reportSchema,
  SwancError,
  verify,
} from '../../src/index.js';
import { openRuntime } from '../../src/runtime/session.js';
import { fixture, temporaryFolder, writeNormalSamples } from './support.js';

const folder = await temporaryFolder();
const model = join(fixture('traps'), 'observed-dead');
const calibration = join(folder, 'samples.npy');
const { inputs } = await inspect({ model });
await writeNormalSamples(calibration, inputs[0]?.type ?? '', 300, 7);

async function errorOf(options: CompileOptions): Promise<SwancError> {
  const error = await compile(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SwancError) return error;
  throw new Error(`expected a SwancError, got ${String(error)}`);
}

describe('files', () => {
  test('model, profile and report are written, and the report keeps its schema', async () => {
    const out = join(folder, 'files');
    const { files } = await compile({ model, calibration, out });
    expect(files.map(({ path }) => path.slice(out.length + 1))).toEqual([
      'cpu/model.onnx',
      'profile.json',
      'report.json',
    ]);
    const report = reportSchema.parse(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')));
    expect(report.targets[0]?.gates[0]?.removedOff).toEqual({ proved: 1, observed: 1 });
    expect(readdirSync(out).sort()).toEqual(['cpu', 'profile.json', 'report.json']);
  });

  test('the same input gives the same bytes', async () => {
    const hashes = await Promise.all(
      [1, 2].map(async () => {
        const { models } = await compile({ model, calibration, mode: 'dense', verify: false });
        return createHash('sha256')
          .update(models.get('cpu') ?? new Uint8Array())
          .digest('hex');
      }),
    );
    expect(hashes[0]).toBe(hashes[1]);
  });

  test('models are in the result only where no folder has them', async () => {
    const out = join(folder, 'written');
    const written = await compile({ model, out, verify: false });
    const { models, files } = await compile({ model, verify: false });
    expect([written.models.size, files]).toEqual([0, []]);
    const bytes = models.get('cpu') ?? new Uint8Array();
    expect(Buffer.compare(await readFile(join(out, 'cpu', 'model.onnx')), bytes)).toBe(0);
    expect(written.report.targets[0]?.files).toEqual([{ path: 'cpu/model.onnx', bytes: bytes.length }]);
  });

  test('weights can be in a file of their own, which goes when they no longer are', async () => {
    const out = join(folder, 'external');
    const convolution = join(fixture('mnist-cnn'), 'model.json');
    const { files, report } = await compile({ model: convolution, out, externalData: true });
    const names = ['cpu/model.onnx', 'cpu/model.onnx.data'];
    expect(files.map(({ path }) => path.slice(out.length + 1))).toEqual([...names, 'report.json']);
    expect(report.targets[0]?.files.map(({ path }) => path)).toEqual(names);
    expect(report.targets[0]?.size.bytes).toBe((files[0]?.bytes ?? 0) + (files[1]?.bytes ?? 0));
    const session = await InferenceSession.create(join(out, 'cpu', 'model.onnx'));
    await session.release();
    await compile({ model: convolution, out, verify: false });
    expect(readdirSync(join(out, 'cpu'))).toEqual(['model.onnx']);
  });

  test('without statistics of gates the report names no model that they are of', async () => {
    expect((await compile({ model })).report.model.sha256).toBeNull();
    const { report, profile: collected } = await compile({ model, calibration });
    expect(report.model.sha256).toBe(collected?.model);
  });

  test('a failed compile leaves what was there as it was', async () => {
    const out = join(folder, 'kept');
    await mkdir(join(out, 'cpu'), { recursive: true });
    await writeFile(join(out, 'cpu', 'model.onnx'), 'old');
    const broken = join(folder, 'broken');
    await cp(model, broken, { recursive: true });
    await truncate(join(broken, 'weights.bin'), 40);
    const error = await errorOf({ model: broken, out });
    expect(error.kind).toBe('invalid');
    expect(await readFile(join(out, 'cpu', 'model.onnx'), 'utf8')).toBe('old');
    expect(readdirSync(out)).toEqual(['cpu']);
  });

  test('dumped graphs can be read as models', async () => {
    const dumpIr = join(folder, 'dump');
    await compile({ model, calibration, dumpIr, mode: 'dense' });
    const dumped = readdirSync(join(dumpIr, 'cpu-dense')).filter((name) => name.endsWith('.onnx'));
    expect(dumped.length).toBeGreaterThan(3);
    const inspection = await inspect({
      model: join(dumpIr, 'prepare', readdirSync(join(dumpIr, 'prepare')).find((name) => name.endsWith('.onnx')) ?? ''),
    });
    expect(inspection.gates).toHaveLength(1);
  });
});

test('a model without gates loses what is proved to be of no use, and no more', async () => {
  const plain = join(fixture('converter'), 'separable');
  const dumpIr = join(folder, 'plain');
  const { report, models } = await compile({ model: plain, dumpIr, verifyEach: true });
  expect(report.targets[0]?.modeReason).toBe('the model has no gates');
  expect(report.targets[0]?.passes.map(({ pass }) => pass)).toEqual(
    [...preparation, ...compaction, ...densifying].map(({ name }) => name),
  );
  expect(readdirSync(dumpIr).sort()).toEqual(['cpu-compact', 'cpu-dense', 'prepare']);
  expect(readdirSync(join(dumpIr, 'cpu-dense'))).toHaveLength(2 * densifying.length);
  // What the conformance suite compiles is what users get.
  const context = passContext(await openRuntime(), {});
  const { prepared } = await openSource(plain, context, {});
  const dense = await compileForm('dense', await settled(await reduced(prepared, context), context), context);
  expect(Buffer.compare(models.get('cpu') ?? Buffer.of(), bytesOfForm(dense))).toBe(0);
});

describe('options', () => {
  test('all that do not fit are listed at once', async () => {
    const error = await errorOf({ model, targets: ['gpu'], samples: 0, inputRange: [1, 0] });
    expect(error.kind).toBe('usage');
    expect(error.problems.map(({ where }) => where)).toEqual(['target', 'samples', 'input range']);
  });

  test('without calibration only what is proved is removed: a score without weights', async () => {
    const { report } = await compile({ model });
    expect(report.calibration).toBeNull();
    expect(report.targets[0]?.gates[0]?.removedOff).toEqual({ proved: 1, observed: 0 });
    expect(report.targets[0]?.verification?.randomInputs).toBe(true);
  });

  test.each([13, 15, 17, 20])('opset %i is written', async (opset) => {
    const { report } = await compile({ model, opset });
    expect(report.targets[0]?.opset).toBe(opset);
  });

  test('an aborted compile stops with its own error', async () => {
    const controller = new AbortController();
    controller.abort();
    expect((await errorOf({ model, calibration, signal: controller.signal })).kind).toBe('aborted');
  });

  test('progress is told', async () => {
    const stages: string[] = [];
    await compile({ model, calibration, onProgress: ({ stage }) => stages.push(stage) });
    expect([...new Set(stages)]).toEqual(['import', 'prepare', 'profile', 'verify', 'optimize', 'measure']);
  });
});

describe('profiles', () => {
  test('a profile that was saved serves as if it were collected', async () => {
    const path = join(folder, 'profile.json');
    await writeFile(path, profileToJson(await profile({ model, calibration })));
    const { report } = await compile({ model, profile: path });
    expect(report.calibration).toEqual({ samples: 300, source: 'profile' });
    expect(report.targets[0]?.gates[0]?.removedOff).toEqual({ proved: 1, observed: 1 });
  });

  test('a profile of another model is refused', async () => {
    const path = join(folder, 'other.json');
    const other = await profile({ model: join(fixture('traps'), 'gates-of-each-sample'), calibration });
    await writeFile(path, profileToJson(other));
    const error = await errorOf({ model, profile: path });
    expect(error.kind).toBe('invalid');
    expect(error.message).toContain('another model');
  });
});

describe('verify', () => {
  test('a compiled file is found equal, and one of another model different', async () => {
    const out = join(folder, 'verified');
    await compile({ model, calibration, out });
    const compiled = join(out, 'cpu', 'model.onnx');
    const result = await verify({ model, compiled, calibration });
    expect(result.clear + result.boundary).toBe(result.samples);
    const other = join(fixture('traps'), 'gates-of-each-sample');
    await expect(verify({ model: other, compiled, calibration })).rejects.toMatchObject({ kind: 'verification' });
  });
});

test('every fixture and trap has its files', () => {
  for (const name of ['mnist-mlp', 'mnist-cnn', 'mnist-resnet'])
    expect(existsSync(join(fixture(name), 'model.json'))).toBe(true);
});

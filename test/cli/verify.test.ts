import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { readMnist } from '../../fixtures/mnist.js';
import { writeNpy } from '../../src/data/npy.js';
import { Tensor } from '../../src/ir/tensor.js';
import { digits, fixture } from '../compiler/support.js';
import { swanc, temporaryFolder, trap, writeSamples } from './support.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = temporaryFolder();
const at = (...parts: string[]): string => join(folder, ...parts);

describe('swanc verify of a folder', () => {
  const model = trap('proved-dead');
  const out = at('targets');
  const files = [join(out, 'edge', 'model.onnx'), join(out, 'edge', 'model.ort'), join(out, 'webgpu', 'model.onnx')];

  beforeAll(async () => {
    const compiled = await swanc(['compile', model, '--target', 'edge,webgpu', '-o', out, '--no-verify']);
    expect(compiled.code).toBe(0);
  });

  it('verifies every model in it, with its path, as the report lists them or as they lie there', async () => {
    const { code, stdout } = await swanc(['verify', model, out]);
    expect(code).toBe(0);
    expect(stdout.match(/^\S+ {2}equal to the original$/gm)).toEqual(
      files.map((file) => `${file}  equal to the original`),
    );
    const json = JSON.parse((await swanc(['verify', model, out, '--json'])).stdout);
    expect(json).toMatchObject({
      equal: true,
      files: files.map((file) => ({ file, equal: true, randomInputs: true })),
    });
    const edge = await swanc(['verify', model, join(out, 'edge')]);
    expect(edge.stdout.match(/equal to the original/g)).toHaveLength(2);
    const stray = at('stray');
    mkdirSync(join(stray, 'edge'), { recursive: true });
    copyFileSync(join(out, 'edge', 'model.onnx'), join(stray, 'edge', 'model.onnx'));
    writeFileSync(join(stray, 'report.json'), '{');
    expect((await swanc(['verify', model, stray])).stdout).toContain(join(stray, 'edge', 'model.onnx'));
  });

  it('says which files fail, and ends as the worst of them', async () => {
    const bad = at('bad');
    for (const name of ['edge', 'webgpu']) mkdirSync(join(bad, name), { recursive: true });
    copyFileSync(join(out, 'edge', 'model.onnx'), join(bad, 'edge', 'model.onnx'));
    writeFileSync(join(bad, 'webgpu', 'model.onnx'), 'no model');
    const { code, stdout, stderr } = await swanc(['verify', model, bad]);
    expect({ code, stdout }).toMatchObject({ code: 3, stdout: expect.stringContaining('equal to the original') });
    expect(stderr).toMatch(
      /1 of 2 files failed\n {2}\S+webgpu.model\.onnx: the ONNX file is damaged\n {2}\S+webgpu.model\.onnx: this is no ONNX/,
    );
    const json = await swanc(['verify', model, bad, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { kind: 'invalid' } });
  });

  it('runs .ort files, which the .onnx file beside them tells of', async () => {
    const ort = join(out, 'edge', 'model.ort');
    expect(await swanc(['verify', model, ort])).toMatchObject({ code: 0, stdout: expect.stringContaining(ort) });
    const alone = at('alone');
    mkdirSync(alone);
    copyFileSync(ort, join(alone, 'model.ort'));
    const { code, stderr } = await swanc(['verify', model, join(alone, 'model.ort')]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/in ORT format, and .*model\.onnx, which tells what it rests on, is not there/);
    // With other weights than the model.
    const changed = at('changed');
    cpSync(model, changed, { recursive: true });
    const weights = join(changed, 'weights.bin');
    writeFileSync(
      weights,
      readFileSync(weights).map((byte, index) => (index % 4 === 3 ? byte ^ 0x80 : byte)),
    );
    const compiled = await swanc(['compile', changed, '--target', 'edge', '-o', at('other'), '--no-verify']);
    expect(compiled.code).toBe(0);
    expect((await swanc(['verify', model, at('other', 'edge', 'model.ort')])).code).toBe(4);
    rmSync(alone, { recursive: true });
  });
});

describe('a model on integers', () => {
  const model = fixture('mnist-mlp');
  const calibration = at('digits.npy');
  const labels = at('labels.npy');
  const out = at('integers');
  const count = 300;
  let compiled: Awaited<ReturnType<typeof swanc>>;

  beforeAll(async () => {
    await writeNpy(calibration, digits('test', count, true));
    await writeNpy(labels, Tensor.int64([count], Array.from(readMnist('test').labels.subarray(0, count))));
    const data = ['--calibration', calibration, '--labels', labels, '--samples', '40', '--no-tuned-costs'];
    const how = ['--target', 'edge', '--precision', 'int8', '--mode', 'dense', '--batch', '2'];
    compiled = await swanc(['compile', model, ...how, ...data, '-o', out, '--verbose']);
    expect(compiled.code).toBe(0);
  });

  it('is told of with the files that lines are about, and without warnings of what is used', () => {
    const { stdout, stderr } = compiled;
    expect(stderr).not.toMatch(/labels were not used|--batch/);
    expect(stdout).toMatch(/memory {5}model\.int8\.onnx: activations/);
    expect(stdout).toMatch(/int8: model\.int8\.onnx [\d.]+ kB, 0\.\d+x of fp32/);
    expect(stdout).toMatch(/deployed as model\.int8\.ort [\d.]+ kB, 0\.\d+x of fp32/);
    expect(stdout).toMatch(/model\.int8\.onnx judged on 20 held-out samples/);
    // Of the first 40 samples, not of all that there are.
    expect(stdout).toMatch(/compared {3}model\.onnx against .*, 40 calibration samples/);
  });

  it('is judged by what it lost, on other samples within chance, by accuracy where there are labels', async () => {
    const byChange = await swanc(['verify', model, out, '--calibration', calibration]);
    expect(byChange.code).toBe(0);
    expect(byChange.stdout).toMatch(
      /model\.int8\.onnx {2}(no more|by chance more) lost than when it was compiled \(\d/,
    );
    expect(byChange.stdout + byChange.stderr).not.toContain('budget');
    const byLabels = await swanc(['verify', model, out, '--calibration', calibration, '--labels', labels]);
    expect(byLabels).toMatchObject({ code: 0, stdout: expect.stringMatching(/compiled \([−\d.]+ points? then\)/) });
  });

  it('is not judged on random inputs', async () => {
    const { code, stdout, stderr } = await swanc(['verify', model, join(out, 'edge', 'model.int8.onnx'), '--json']);
    expect(code).toBe(0);
    const { approximation } = JSON.parse(stdout);
    expect(approximation).toMatchObject({ budget: null, verdict: 'unknown', precision: 'int8' });
    expect(stderr).toMatch(/random inputs, which it cannot be judged by: give --calibration/);
  });
});

it('says why nothing was measured: the device is not here, or there are no data', async () => {
  const model = trap('observed-dead');
  const data = ['--calibration', writeSamples(at('normal.npy'), 40, [5])];
  const compile = (...options: string[]) =>
    swanc(['compile', model, '-o', at('unmeasured'), '--no-verify', ...options]);
  const onDevice = await compile('--target', 'webgpu', ...data);
  expect(onDevice.stdout).toMatch(/speed {5}not measured: the device is not one/);
  expect((await compile()).stdout).toMatch(/speed {5}not measured: it takes calibration data/);
});

it('says which part of a budget is for removals', async () => {
  const model = fixture('mnist-mlp');
  const calibration = at('shared.npy');
  await writeNpy(calibration, digits('test', 100, true));
  const options = ['--max-error', '20%', '--precision', 'int8', '--mode', 'dense', '--no-verify', '--no-tuned-costs'];
  const { stdout } = await swanc([
    'compile',
    model,
    ...options,
    '--calibration',
    calibration,
    '-o',
    at('shared'),
    '-v',
  ]);
  expect(stdout).toMatch(/at most a change of 1\.0e-1 of the 2\.0e-1 asked for, the rest is for int8:/);
});

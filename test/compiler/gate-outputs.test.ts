import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeNpy } from '../../src/data/npy.js';
import { compile, verify } from '../../src/index.js';
import { openRuntime } from '../../src/runtime/session.js';
import { swanc } from '../cli/support.js';
import { digits, fixture, temporaryFolder, writeNormalSamples } from './support.js';

/** What a compiled model tells of its gates is what the profile counted. */

const folder = await temporaryFolder();
const runtime = await openRuntime();
const samples = 100;

/** Sums of each column of each `/fires` output over the samples, by gate and unit of the source. */
async function firedBy(path: string, images: ReturnType<typeof digits>, gates: readonly GateOf[]) {
  const session = await runtime.load(readFileSync(path));
  try {
    const results = await session.run({ [session.inputs[0] ?? '']: images });
    return gates.map(({ name, output }) => {
      const fires = results[output?.name ?? '']?.numbers() ?? [];
      const units = output?.units ?? [];
      const count = (column: number) => fires.filter((fire, at) => at % units.length === column && fire === 1).length;
      return { name, fired: units.map((unit, column): [number, number] => [unit, count(column)]) };
    });
  } finally {
    await session.close();
  }
}

interface GateOf {
  readonly name: string;
  readonly output: { readonly name: string; readonly units: readonly number[] } | null;
}

describe.each([
  { name: 'mnist-cnn', mode: 'dense' },
  { name: 'mnist-cnn', mode: 'dynamic' },
  { name: 'mnist-wide-modal', mode: 'dynamic' },
  { name: 'mnist-resnet', mode: 'dense' },
] as const)('$name, $mode', ({ name, mode }) => {
  test('outputs tell of every unit left how often the profile saw it fire', { timeout: 120_000 }, async () => {
    const images = digits('test', samples, false);
    const calibration = join(folder, `${name}.npy`);
    await writeNpy(calibration, images);
    const out = join(folder, `${name}-${mode}`);
    const model = fixture(name);
    const verifyEach = name === 'mnist-cnn';
    const options = { model, calibration, mode, out, tune: 'predicted', gateOutputs: true, verifyEach } as const;
    const { report, profile } = await compile(options);
    const [target] = report.targets;
    const gates = target?.gates ?? [];
    expect(target?.mode).toBe(mode);
    expect(gates.some(({ output }) => (output?.units.length ?? 0) > 4)).toBe(true);
    const found = await firedBy(join(out, 'cpu', 'model.onnx'), images, gates);
    for (const { name: gate, fired } of found) {
      const counted = profile?.gates.find((own) => own.name === gate)?.fired ?? [];
      expect(fired, gate).toEqual(fired.map(([unit]) => [unit, counted[unit]]));
    }
    const verified = await verify({ model, compiled: join(out, 'cpu', 'model.onnx'), calibration });
    expect(verified.clear).toBeGreaterThan(samples / 2);
  });
});

test('gates that decide at every position, also within a budget, and what is compiled without has none', async () => {
  const calibration = join(folder, 'positions.npy');
  const { inspect } = await import('../../src/index.js');
  const model = fixture('traps/gates-at-positions');
  const type = (await inspect({ model })).inputs[0]?.type ?? '';
  await writeNormalSamples(calibration, type, 400, 3);
  const plain = await compile({ model, calibration, mode: 'dense' });
  expect(plain.report.targets[0]?.gates.map(({ output }) => output)).toEqual([null]);
  const { report } = await compile({ model, calibration, mode: 'dense', gateOutputs: true, maxError: 0.05 });
  const [gate] = report.targets[0]?.gates ?? [];
  expect(gate?.output?.name).toBe(`${gate?.name}/fires`);
  expect(report.targets[0]?.verification?.clear).toBeGreaterThan(0);
});

test('--gate-outputs', async () => {
  const { code, stdout } = await swanc([
    ...['compile', fixture('traps/groups-of-two'), '--gate-outputs', '--mode', 'dense', '--json'],
    ...['-o', join(folder, 'groups')],
  ]);
  expect(code).toBe(0);
  expect(stdout).toContain('/fires"');
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type Compacted, compacted, dynamic, masked, planningOf } from '../../bench/dynamic/compiled.js';
import { type GatedModel, type GatedSpec, joined, type Sample, writeGated } from '../../bench/networks/gated.js';
import { modePatterns } from '../../bench/networks/gated-firing.js';
import { GateScores } from '../../src/compiler/gates/gate-scores.js';
import { passContext } from '../../src/compiler/model/context.js';
import { openSource } from '../../src/compiler/model/source.js';
import { parseNpy } from '../../src/data/npy.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { loadTfjs, openModel } from '../../src/tfjs/reference.js';

const runtime = await openRuntime();
await loadTfjs();
const folder = await mkdtemp(join(tmpdir(), 'swanc-gated-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const conv: GatedSpec = {
  kind: 'conv',
  inputs: 8,
  width: 32,
  outputs: 8,
  size: 5,
  firing: { kind: 'modes', modes: 4, density: 0.25 },
};
const dense: GatedSpec = { kind: 'dense', inputs: 24, width: 64, outputs: 16, firing: conv.firing };
const independent = { kind: 'independent', density: 0.25 } as const;

const specs: Readonly<Record<string, GatedSpec>> = {
  'conv, modes': conv,
  'conv, as many outputs as units': { ...conv, outputs: 32, firing: independent },
  'conv, 1x1, groups': { ...conv, kernel: 1, groupSize: 4 },
  'conv, residual': { ...conv, structure: 'residual', depth: 3 },
  'conv, three in a row': { ...conv, depth: 3 },
  'conv, independent': { ...conv, firing: independent, depth: 2 },
  'conv, block': { ...conv, firing: { kind: 'independent', density: 0.5 }, groupSize: 32 },
  'conv, hidden units': { ...conv, hiddenUnits: 16 },
  'dense, modes': dense,
  'dense, residual, uneven modes': {
    ...dense,
    outputs: 24,
    structure: 'residual',
    depth: 2,
    firing: { kind: 'modes', modes: 3, density: 0.5, weights: [0.8, 0.15, 0.05] },
  },
  'dense, independent': { ...dense, firing: independent },
  'dense, no hidden units': { ...dense, hiddenUnits: 0 },
  'dense, always on': { ...dense, firing: { kind: 'independent', density: 1 } },
  'dense, modal': { ...dense, firing: { kind: 'modal', modes: 4, density: 0.25 }, groupSize: 2 },
  'conv, modal': { ...conv, firing: { kind: 'modal', modes: 3, density: 0.5 }, depth: 2 },
  'dense, no gates': { ...dense, firing: { kind: 'none' } },
};

/** What gates do in the prepared graph, [sample][gate][unit]. */
async function firesIn(model: GatedModel, samples: readonly Sample[]): Promise<boolean[][][]> {
  const source = await openSource(model.path, passContext(runtime, {}), {});
  const scores = await GateScores.open(source.prepared.graph, runtime);
  try {
    const fires: boolean[][][] = [];
    for (const { x } of samples) {
      const { scores: found } = await scores.run({ x });
      fires.push([...found].map(([gate, rows]) => Array.from(rows.floats(), (score) => score >= gate.threshold)));
    }
    return fires;
  } finally {
    await scores.close();
  }
}

async function outputOf(model: Uint8Array, x: Tensor): Promise<Float32Array> {
  const session = await runtime.load(model);
  try {
    const results = await session.run({ x });
    return defined(Object.values(results)[0], 'an output').floats();
  } finally {
    await session.close();
  }
}

function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expect(scale).toBeGreaterThan(1e-3);
  return Math.max(...actual.map((value, index) => Math.abs(value - at(expected, index)))) / scale;
}

/** A plan of each kind for one region, and the units of all gates gathered. */
async function plansOf(graph: Compacted): Promise<ReadonlyMap<string, string>[]> {
  const { regions = [] } = await planningOf(graph);
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const { region, considered } of regions) {
    for (const { plan } of considered.slice(1)) found.set(plan.replace(/-[\dx]+$/, ''), new Map([[region, plan]]));
  }
  const gathered = regions.filter(
    ({ gates, considered }) => gates.length === 1 && considered.some(({ plan }) => plan === 'gather'),
  );
  return [
    ...found.values(),
    ...(gathered.length > 1 ? [new Map(gathered.map(({ region }) => [region, 'gather']))] : []),
  ];
}

describe.each(Object.entries(specs))('%s', (name, spec) => {
  const written = writeGated(spec, join(folder, name), 64);

  it('has gates that fire as it says', async () => {
    const model = await written;
    const samples = model.samples(8);
    const expected = samples.map(({ fires }) => fires.map((units) => [...units]));
    // A gate for the whole block has one score.
    const isOne = spec.groupSize === spec.width;
    expect(await firesIn(model, samples)).toEqual(
      isOne ? expected.map((gates) => gates.map((units) => units.slice(0, 1))) : expected,
    );
  });

  it('computes in TensorFlow.js what its graph does, with masks and with units skipped', async () => {
    const model = await written;
    const { path, calibration } = model;
    const x = joined(model.samples(6).map((sample) => sample.x));
    const reference = await openModel(path);
    const [expected] = await reference.predict([{ name: 'x', dims: [...x.dims], data: x.data }]);
    reference.close();
    const graph = await compacted(path, runtime, { calibration });
    const { bytes: kept } = await dynamic(graph, new Map());
    const forms = [await masked(graph)];
    // By prediction networks as small as these would keep their masks.
    for (const plans of await plansOf(graph)) {
      const { bytes } = await dynamic(graph, plans);
      expect(Buffer.from(bytes).equals(kept), `the same as with masks: ${[...plans]}`).toBe(false);
      forms.push(bytes);
    }
    expect(forms.length > 1).toBe(spec.firing.kind !== 'none');
    for (const form of forms) {
      const output = await outputOf(form, x);
      expect(relativeDifference(output, Float32Array.from(defined(expected, 'an output').data))).toBeLessThan(1e-4);
    }
  });
});

const density = fc.constantFrom(0.05, 0.1, 0.25, 0.5, 0.75, 1);
const shape = { inputs: 16, width: 40, outputs: 16 };

it('has modes with as many patterns of exactly the density that is asked for', async () => {
  const cases = fc.record({ density, modes: fc.integer({ min: 1, max: 8 }), seed: fc.integer({ min: 1, max: 1e6 }) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ density, modes, seed }) => {
      const firing = { kind: 'modes', modes, density } as const;
      const model = await writeGated({ kind: 'dense', ...shape, firing, seed }, join(folder, 'modes'), 32);
      const patterns = new Set(model.samples(64).map(({ fires }) => fires.flat().map(Number).join('')));
      expect(patterns.size).toBeLessThanOrEqual(modes);
      for (const pattern of patterns) expect(pattern.replaceAll('0', '').length).toBe(Math.round(density * 40));
      expect(model.density).toBeCloseTo(Math.round(density * 40) / 40, 12);
    }),
    { numRuns: 20 },
  );
});

it('has modes that switch whole blocks on and off, as often as the density is', async () => {
  for (const kind of ['modes', 'modal'] as const) {
    for (const [density, on] of [
      [0.05, 1],
      [0.25, 1],
      [0.5, 2],
      [0.75, 3],
      [1, 4],
    ] as const) {
      const patterns = modePatterns(4, 1, density, seededRandom(3));
      expect(patterns.flat().filter(Boolean).length, `density ${density}`).toBe(on);
      const firing = { kind, modes: 4, density };
      const model = await writeGated({ ...dense, firing, groupSize: 64 }, join(folder, 'blocks'), 64);
      expect(Math.abs(model.density - on / 4), `${kind}, density ${density}`).toBeLessThan(0.15);
      const samples = model.samples(16);
      const fired = await firesIn(model, samples);
      expect(fired.flat().map(([first]) => first)).toEqual(samples.map(({ fires }) => at(at(fires, 0), 0)));
    }
  }
});

it('has modes with groups, fewer than there are modes, that fire as often as the density is', () => {
  const cases = fc.record({ modes: fc.integer({ min: 1, max: 9 }), groups: fc.integer({ min: 1, max: 9 }), density });
  fc.assert(
    fc.property(cases, ({ modes, groups, density }) => {
      const counts = modePatterns(modes, groups, density, seededRandom(1)).map((on) => on.filter(Boolean).length);
      const total = counts.reduce((sum, count) => sum + count, 0);
      expect(total).toBeGreaterThanOrEqual(1);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      const wanted = Math.max(1, density * groups * modes);
      expect(Math.abs(total - wanted)).toBeLessThanOrEqual(density * groups < 1 ? 0.5 : 0.5 * modes);
    }),
  );
});

it('has units that fire on their own as often as is asked for', async () => {
  for (const spec of [dense, conv]) {
    const model = await writeGated(
      { ...spec, inputs: 64, width: 40, firing: independent },
      join(folder, 'independent'),
    );
    expect(model.density).toBe(0.25);
    const samples = model.samples(400).map(({ fires }) => at(fires, 0));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean(samples.flat().map(Number)) - 0.25)).toBeLessThan(0.02);
    // Of patterns of 40 units that fire on their own, hardly two are alike, and their sizes spread as binomial ones do, or
    // half as much again: 64 features do not hold 40 directions quite apart.
    expect(new Set(samples.map(String)).size).toBeGreaterThan(390);
    const sizes = samples.map((units) => units.filter(Boolean).length);
    const variance = mean(sizes.map((size) => (size - mean(sizes)) ** 2));
    expect(variance).toBeLessThan(2 * 40 * 0.25 * 0.75);
  }
});

it('draws modes as often as it is told', async () => {
  const firing = { kind: 'modes', modes: 3, density: 0.2, weights: [6, 3, 1] } as const;
  const model = await writeGated({ kind: 'dense', ...shape, firing }, join(folder, 'weights'), 32);
  const counts = new Map<string, number>();
  for (const { fires } of model.samples(1000)) counts.set(String(fires), (counts.get(String(fires)) ?? 0) + 1);
  const [most = 0, middle = 0, least = 0] = [...counts.values()].sort((left, right) => right - left);
  expect([most, middle, least].map((count) => Math.round(count / 100))).toEqual([6, 3, 1]);
});

it('is the same for the same spec, and its samples are none of those it is calibrated with', async () => {
  const [one, other] = [
    await writeGated(conv, join(folder, 'one'), 16),
    await writeGated(conv, join(folder, 'other'), 16),
  ];
  for (const file of ['model.json', 'weights.bin', 'calibration.npy']) {
    expect((await readFile(join(folder, 'one', file))).equals(await readFile(join(folder, 'other', file)))).toBe(true);
  }
  const samples = one.samples(16).map(({ x }) => x);
  expect(other.samples(16).map(({ x }) => x)).toEqual(samples);
  const calibration = (await parseNpy(await readFile(one.calibration))).floats();
  const size = at(samples, 0).size;
  for (const sample of samples) {
    for (let row = 0; row < 16; row++) {
      expect(calibration.subarray(row * size, (row + 1) * size)).not.toEqual(sample.floats());
    }
  }
});

it('refuses what cannot be', async () => {
  const write = (spec: Partial<GatedSpec>) => writeGated({ ...conv, ...spec }, join(folder, 'refused'), 4);
  await expect(write({ groupSize: 5 })).rejects.toThrow('groups of 5 do not divide 32 units');
  await expect(write({ structure: 'residual', outputs: 9 })).rejects.toThrow('as many outputs as inputs');
  await expect(write({ firing: { kind: 'modes', modes: 9, density: 0.5 } })).rejects.toThrow(
    'more modes than features',
  );
  await expect(write({ hiddenUnits: 2 })).rejects.toThrow('more modes than hidden units');
});

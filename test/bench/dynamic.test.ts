import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type Compacted, compacted, dynamic, masked, planningOf } from '../../bench/dynamic/compiled.js';
import { neededPart } from '../../bench/dynamic/ideal.js';
import { modalOracle } from '../../bench/dynamic/modal.js';
import { oracleOf, oracleTime } from '../../bench/dynamic/oracle.js';
import { type GatedSpec, joined, writeGated } from '../../bench/networks/gated.js';
import type { Firing } from '../../bench/networks/gated-firing.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { flopsOf } from '../../src/ops/index.js';
import { openRuntime } from '../../src/runtime/session.js';
import type { Tensors } from '../../src/runtime/types.js';
import { at, defined } from '../../src/support/assert.js';

const runtime = await openRuntime();
const folder = await mkdtemp(join(tmpdir(), 'swanc-dynamic-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function outputsOf(model: Uint8Array, runs: readonly Tensors[]): Promise<Float32Array[]> {
  const session = await runtime.load(model);
  try {
    const outputs: Float32Array[] = [];
    for (const feeds of runs) {
      outputs.push(defined(Object.values(await session.run(feeds))[0], 'an output').floats());
    }
    return outputs;
  } finally {
    await session.close();
  }
}

function expectClose(actual: readonly Float32Array[], expected: readonly Float32Array[], what: string): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  const [found, wanted] = [actual, expected].map((lists) => lists.flatMap((list) => [...list]));
  const scale = Math.max(1e-3, ...(wanted ?? []).map(Math.abs));
  const difference = Math.max(...(found ?? []).map((value, index) => Math.abs(value - at(wanted ?? [], index))));
  expect(difference / scale, what).toBeLessThan(1e-4);
}

const density = fc.constantFrom(0.05, 0.25, 0.5, 0.9);
const firing: fc.Arbitrary<Firing> = fc.oneof(
  fc.record({ kind: fc.constantFrom('modes', 'modal'), modes: fc.integer({ min: 2, max: 6 }), density }),
  fc.record({ kind: fc.constant('independent'), density }),
);
const spec: fc.Arbitrary<GatedSpec> = fc.record({
  kind: fc.constantFrom('conv', 'dense'),
  inputs: fc.constant(12),
  width: fc.constantFrom(16, 48),
  outputs: fc.constantFrom(12, 16),
  kernel: fc.constantFrom(1, 3),
  size: fc.constantFrom(4, 5),
  structure: fc.constant('row'),
  depth: fc.integer({ min: 1, max: 2 }),
  firing,
  groupSize: fc.constantFrom(1, 4, 16),
  hiddenUnits: fc.constantFrom(0, 8),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

/** Modes that are worth branches. */
const coherent: GatedSpec = {
  kind: 'conv',
  inputs: 12,
  width: 48,
  outputs: 16,
  size: 5,
  firing: { kind: 'modes', modes: 3, density: 0.25 },
};

/** The graph with every plan of every region, one at a time. */
async function plansOf(graph: Compacted): Promise<Map<string, Uint8Array>> {
  const { regions = [] } = await planningOf(graph);
  const plans = new Map<string, Uint8Array>();
  for (const { region, considered } of regions) {
    for (const { plan } of considered) {
      plans.set(`${region}: ${plan}`, (await dynamic(graph, new Map([[region, plan]]))).bytes);
    }
  }
  return plans;
}

it.each([1, 3])('has plans that all compute what masks do, made for a batch of %i', async (batch) => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(spec, fc.boolean(), async (random, isResidual) => {
      const structure = isResidual ? { structure: 'residual' as const, outputs: random.inputs } : {};
      const model = await writeGated({ ...random, ...structure }, join(folder, `plans-${batch}`), 48);
      const { calibration, path } = model;
      const graph = await compacted(path, runtime, { calibration, batch });
      const samples = model.samples(6).map(({ x }) => x);
      const runs: { x: Tensor }[] = [...samples.map((x) => ({ x })), { x: joined(samples) }];
      const { bytes: kept } = await dynamic(graph, new Map());
      const expected = await outputsOf(await masked(graph), runs);
      for (const [plan, bytes] of await plansOf(graph)) {
        expect(Buffer.from(bytes).equals(kept), plan).toBe(plan.endsWith(': mask'));
        seen.add(plan.replace(/^.*: |-\d.*$/g, ''));
        expectClose(await outputsOf(bytes, runs), expected, plan);
      }
    }),
    { numRuns: 5, seed: 3, examples: [[coherent, false]] },
  );
  for (const plan of ['mask', 'gather', 'dispatch']) expect([...seen]).toContain(plan);
});

const pair: GatedSpec = {
  kind: 'dense',
  inputs: 24,
  width: 64,
  outputs: 16,
  firing: { kind: 'modes', modes: 3, density: 0.25 },
};

describe('oracle', () => {
  it('has the layers alone, of the width that fires, and nothing', async () => {
    for (const spec of [
      pair,
      { ...pair, kind: 'conv', size: 5, firing: { kind: 'independent', density: 0.3 } } as const,
    ]) {
      const model = await writeGated(spec, join(folder, 'oracle'), 32);
      const samples = model.samples(4);
      const feeds = samples.map(({ x }) => ({ x }));
      const graph = await compacted(model.path, runtime, { calibration: model.calibration });
      const oracle = await oracleOf(model, graph, samples, join(folder, 'oracle'), runtime);
      expect(oracle.layers.length).toBe(spec === pair ? 1 : 2);
      expect(oracle.share).toBe(1);
      for (const bytes of [...oracle.layers, oracle.nothing]) {
        expect((await outputsOf(bytes, feeds)).map(({ length }) => length)).toEqual([16, 16, 16, 16]);
      }
    }
  });

  it('of a whole block runs as often as the block does', async () => {
    const spec: GatedSpec = { ...pair, firing: { kind: 'independent', density: 0.5 }, groupSize: 64 };
    const model = await writeGated(spec, join(folder, 'block'), 32);
    const samples = model.samples(64);
    const on = samples.filter(({ fires }) => at(at(fires, 0), 0));
    const graph = await compacted(model.path, runtime, { calibration: model.calibration });
    const oracle = await oracleOf(model, graph, samples, join(folder, 'block'), runtime);
    expect(oracle.share).toBe(on.length / 64);
    expect(oracleTime(oracle, [100], 10)).toBeCloseTo(oracle.share * 100 + (1 - oracle.share) * 10);
  });

  it('of a modal gate computes for each mode what the network does', async () => {
    for (const kind of ['dense', 'conv'] as const) {
      const spec: GatedSpec = { ...pair, kind, size: 5, firing: { kind: 'modal', modes: 3, density: 0.25 } };
      const model = await writeGated(spec, join(folder, 'modal'), 32);
      const feeds = model.samples(12).map(({ x }) => ({ x }));
      const graph = await compacted(model.path, runtime, { calibration: model.calibration });
      const { networks, shares } = defined(await modalOracle(graph, feeds, runtime), 'a modal oracle');
      expect(networks.length).toBe(3);
      expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1);
      const expected = await outputsOf(await masked(graph), feeds);
      const byMode = await Promise.all(networks.map((bytes) => outputsOf(bytes, feeds)));
      // Of the modes one is right for a sample, and with random masks the others are not.
      for (const [sample, wanted] of expected.entries()) {
        const differences = byMode.map((outputs) => differenceOf(at(outputs, sample), wanted)).sort((a, b) => a - b);
        expect(differences[0]).toBeLessThan(1e-4);
        expect(differences[1]).toBeGreaterThan(1e-2);
      }
    }
  });
});

function differenceOf(actual: Float32Array, expected: Float32Array): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...actual.map((value, index) => Math.abs(value - at(expected, index)))) / scale;
}

it('needs the part of the operations that the density tells', async () => {
  const model = await writeGated({ ...pair, depth: 2, hiddenUnits: 8 }, join(folder, 'needed'), 32);
  const { start, context } = await compacted(model.path, runtime, { calibration: model.calibration });
  const all = [...start.graph.allNodes()].reduce((sum, node) => sum + flopsOf(node), 0);
  // Units that do not fire are needed neither where they are made nor where they are read.
  const saved = 2 * (24 * 64 * (1 - 0.25) + 64 * 64 * (1 - 0.25 ** 2) + 64 * 16 * (1 - 0.25));
  const needed = neededPart(start.graph, defined(context.profile, 'a profile'));
  expect(needed).toBeGreaterThan(0.98 * (1 - saved / all));
  expect(needed).toBeLessThan(1.02 * (1 - saved / all));
});

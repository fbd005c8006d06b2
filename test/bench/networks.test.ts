import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NetworkForm } from '../../bench/networks/features.js';
import { markedNetworks, networks } from '../../bench/networks/index.js';
import { compilePlanted } from '../../bench/planted.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { validateGraph } from '../../src/ir/validate.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { runGraph } from '../passes/support.js';

const runtime = await openRuntime();
const samples = 16;
const seeds = [1, 2, 3];

function build(name: string, form: NetworkForm, seed: number) {
  return defined(networks[name], name).buildSmall(form, seed);
}

/** Standard normal samples for a network's only input. */
function samplesFor({ graph }: ReturnType<typeof build>): Tensor {
  const dims = [samples, ...defined(at(graph.inputs, 0).shape, 'a shape').slice(1).map(Number)];
  const random = seededRandom(5);
  return Tensor.floats(
    dims,
    Array.from({ length: sizeOf(dims) }, () => random.normal()),
  );
}

async function outputOf(network: ReturnType<typeof build>): Promise<Float32Array> {
  return defined((await runGraph(network.graph, { x: samplesFor(network) })).y, 'y').floats();
}

/** Largest difference in parts of the largest expected value. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expect(scale).toBeGreaterThan(1e-3);
  return Math.max(...actual.map((value, index) => Math.abs(value - at(expected, index)))) / scale;
}

describe.each(Object.keys(networks))('%s', (name) => {
  it.each(seeds)('computes the same when built by hand with the live units only (seed %i)', async (seed) => {
    const [gated, cut] = [build(name, 'gated', seed), build(name, 'cut', seed)];
    for (const { graph } of [gated, cut]) validateGraph(graph);
    expect(relativeDifference(await outputOf(cut), await outputOf(gated))).toBeLessThan(1e-4);
  });

  it('loses all planted units and computes the same when it is compiled', async () => {
    const network = build(name, 'gated', 1);
    const folder = await mkdtemp(join(tmpdir(), 'swanc-planted-'));
    try {
      const { account, bytes } = await compilePlanted(network, join(folder, 'model.onnx'), runtime);
      expect(account.missed).toEqual([]);
      expect(account.removed).toBe(account.planted);
      const session = await runtime.load(bytes);
      const { y } = await session.run({ x: samplesFor(network) });
      await session.close();
      expect(relativeDifference(defined(y, 'y').floats(), await outputOf(network))).toBeLessThan(1e-4);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('has 30 to 70 % of the units of each gated layer planted, as far as its size allows', () => {
    const { planted } = build(name, 'gated', 1);
    expect(planted.size).toBeGreaterThan(2);
    for (const { size, dead } of planted.values()) {
      expect(dead.size).toBeLessThan(size);
      expect(dead.size).toBeGreaterThanOrEqual(Math.round(0.3 * size));
      expect(dead.size).toBeLessThanOrEqual(Math.round(0.7 * size));
    }
  });

  it('has gates whose planted units never fire, while the others do for some samples and not for others', async () => {
    const network = build(name, 'gated', 1);
    const { graph, planted } = network;
    const gates = [...graph.allNodes()].filter(({ op }) => op === 'Gate');
    graph.setOutputs(gates.map((gate) => gate.input(1)));
    const scores = await runGraph(graph, { x: samplesFor(network) });
    for (const gate of gates) {
      const { size, dead } = defined(planted.get(gate.string('name', '')), 'a planted gate');
      const values = defined(scores[gate.input(1).name], 'scores').floats();
      for (let unit = 0; unit < size; unit++) {
        const fired = Array.from({ length: samples }, (_, row) => at(values, row * size + unit) >= 0);
        expect(new Set(fired)).toEqual(new Set(dead.has(unit) ? [false] : [false, true]));
      }
    }
  });
});

describe.each(markedNetworks)('%s, %s', (name, form) => {
  it('has layers whose planted units are zero for every sample, and no gates', async () => {
    const network = build(name, form, 1);
    const { graph, marked } = network;
    expect([...graph.allNodes()].filter(({ op }) => op === 'Gate')).toEqual([]);
    const values = [...graph.allNodes()].map(({ output }) => output).filter((output) => marked.has(output.name));
    expect(values.length).toBe(marked.size);
    graph.setOutputs(values);
    const results = await runGraph(graph, { x: samplesFor(network) });
    for (const [value, { size, dead }] of marked) {
      const result = defined(results[value], value);
      const inner = result.size / (samples * size);
      const isZero = (unit: number): boolean =>
        result.floats().every((number, place) => Math.floor(place / inner) % size !== unit || number === 0);
      expect(Array.from({ length: size }, (_, unit) => unit).filter(isZero)).toEqual([...dead.keys()]);
    }
  });
});

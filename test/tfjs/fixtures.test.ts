import { existsSync, readFileSync, statSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { accuracyOn, type GateSummary, gateSummary } from '../../fixtures/metrics.js';
import { type Digits, PIXELS, readMnist } from '../../fixtures/mnist.js';
import { fixtureFolder } from '../../fixtures/root.js';
import { fileHandler, SwanGate, swanGates } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';

interface Metrics {
  testAccuracy: number;
  ungatedTwinTestAccuracy: number;
  meanDensity: number;
  gatesOnTest: GateSummary[];
  gatesOnTestAndTrain: GateSummary[];
}

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});

function load(...folder: string[]): Promise<tf.LayersModel> {
  return tf.loadLayersModel(fileHandler(fixtureFolder(...folder, 'model.json')));
}

const { images, labels } = readMnist('test');

function firstImages(count: number): Digits {
  return { count, images: images.subarray(0, count * PIXELS), labels: labels.subarray(0, count) };
}

/** The wide ones were trained for gates that depend on the input, the others for all kinds. */
const WIDE = ['mnist-wide', 'mnist-wide-groups', 'mnist-wide-modal', 'mnist-wide-coherent'] as const;
const ALL_KINDS = ['dead', 'alwaysOn', 'inputDependent'] as const;

describe.each([
  { name: 'mnist-mlp', least: 0.978, kinds: ALL_KINDS },
  { name: 'mnist-cnn', least: 0.99, kinds: ALL_KINDS },
  { name: 'mnist-resnet', least: 0.99, kinds: ALL_KINDS },
  ...WIDE.map((name) => ({ name, least: 0.98, kinds: ['inputDependent'] as const })),
])('the trained fixture $name', ({ name, least, kinds }) => {
  const metrics: Metrics = JSON.parse(readFileSync(fixtureFolder(name, 'metrics.json'), 'utf8'));

  it('is as accurate as required, and as its ungated twin up to half a point', () => {
    expect(metrics.testAccuracy).toBeGreaterThanOrEqual(least);
    expect(metrics.testAccuracy).toBeGreaterThanOrEqual(metrics.ungatedTwinTestAccuracy - 0.005);
    expect(metrics.meanDensity).toBeLessThanOrEqual(0.5);
  });

  it(`has units of these kinds: ${kinds.join(', ')}`, () => {
    for (const kind of kinds) {
      expect(
        metrics.gatesOnTestAndTrain.reduce((sum, gate) => sum + gate[kind], 0),
        kind,
      ).toBeGreaterThan(0);
    }
  });

  it('behaves as its metrics say', async () => {
    const model = await load(name);
    const part = firstImages(250);
    expect(accuracyOn(model, part)).toBeGreaterThan(0.97);
    const { layers } = gateSummary(model, [part]);
    expect(layers.map(({ layer }) => layer)).toEqual(metrics.gatesOnTest.map(({ layer }) => layer));
    layers.forEach((gate, i) => {
      const whole = metrics.gatesOnTestAndTrain[i];
      expect(gate.dead).toBeGreaterThanOrEqual(whole?.dead ?? Number.NaN);
      expect(gate.alwaysOn).toBeGreaterThanOrEqual(whole?.alwaysOn ?? Number.NaN);
      expect(Math.abs(gate.density - (metrics.gatesOnTest[i]?.density ?? Number.NaN))).toBeLessThan(0.15);
    });
    model.dispose();
  });
});

describe('the summary of gates', () => {
  it('is empty for a network without any', () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 10, inputShape: [PIXELS] })] });
    expect(gateSummary(model, [firstImages(3)])).toEqual({ layers: [], density: 1 });
  });

  it('counts what gates do, image by image', () => {
    const gate = new SwanGate({ modes: 2 });
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [PIXELS] }), gate] });
    // One pixel decides: mode 0 where it is at least 0.5.
    const pixel = tf
      .oneHot(tf.tensor1d([PIXELS / 2 + 10], 'int32'), PIXELS)
      .toFloat()
      .reshape([PIXELS, 1]);
    const kernel = tf.concat([pixel, tf.zeros([PIXELS, 1])], 1);
    model.setWeights([kernel, tf.tensor1d([0, 0.5]), tf.eye(2), tf.zeros([2]), tf.tensor2d([1, 1, -1, 1], [2, 2])]);
    const digits = firstImages(100);
    const bright = Array.from({ length: 100 }, (_, i) => (images[i * PIXELS + PIXELS / 2 + 10] ?? 0) >= 0.5);
    const share = bright.filter(Boolean).length / 100;
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    const { layers, density } = gateSummary(model, [digits], 30);
    expect(density).toBeCloseTo((1 + share) / 2, 6);
    expect(layers[0]).toMatchObject({ units: 2, samples: 100, dead: 0, alwaysOn: 1, patterns: 2, inFourPatterns: 1 });
    expect(layers[0]?.modes).toEqual([share, 1 - share]);
  });
});

describe('the wide fixtures', () => {
  const read = (name: string): Metrics => JSON.parse(readFileSync(fixtureFolder(name, 'metrics.json'), 'utf8'));
  const wide = read('mnist-wide');
  const coherent = ['mnist-wide-groups', 'mnist-wide-modal', 'mnist-wide-coherent'].map(read);

  it('have gates at 20 to 40 % density, of which most depend on the input, all alike', () => {
    for (const metrics of [wide, ...coherent]) {
      expect(metrics.meanDensity).toBeGreaterThan(0.2);
      expect(metrics.meanDensity).toBeLessThan(0.4);
      expect(Math.abs(metrics.meanDensity - wide.meanDensity)).toBeLessThan(0.03);
      const [gate] = metrics.gatesOnTestAndTrain;
      expect(2 * (gate?.inputDependent ?? 0)).toBeGreaterThan(gate?.units ?? 0);
    }
  });

  it('lose less than half a point by coherent gates', () => {
    for (const { testAccuracy } of coherent) expect(testAccuracy).toBeGreaterThan(wide.testAccuracy - 0.005);
  });

  it('show four patterns with modes, all used, and many samples in few with the coherence penalty', () => {
    const [, modal, penalized] = coherent.map((metrics) => metrics.gatesOnTest[0]);
    expect(modal?.patterns).toBe(4);
    expect(Math.min(...(modal?.modes ?? [0]))).toBeGreaterThan(0.05);
    expect(penalized?.inFourPatterns).toBeGreaterThan(10 * (wide.gatesOnTest[0]?.inFourPatterns ?? 1));
  });

  it.each(WIDE)('%s is small', (name) => {
    expect(statSync(fixtureFolder(name, 'weights.bin')).size).toBeLessThan(5e6);
  });
});

describe('the traps', () => {
  const index: { name: string; trap: number; inputShape: number[] }[] = JSON.parse(
    readFileSync(fixtureFolder('traps', 'index.json'), 'utf8'),
  );

  it('cover all seven of them', () => {
    expect([...new Set(index.map(({ trap }) => trap))].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it.each(index)('$name is a small model that runs, with a gate', async ({ name, inputShape }) => {
    const model = await load('traps', name);
    expect(swanGates(model).length).toBeGreaterThan(0);
    expect(statSync(fixtureFolder('traps', name, 'weights.bin')).size).toBeLessThan(16_000);
    const outputs = [model.predict(tf.randomNormal([20, ...inputShape], 0, 1, 'float32', 1))].flat();
    for (const output of outputs) expect(Array.from(output.dataSync()).every(Number.isFinite)).toBe(true);
    model.dispose();
    expect(existsSync(fixtureFolder('traps', name, 'model.json'))).toBe(true);
  });
});

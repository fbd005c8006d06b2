import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { nearestPatterns } from '../../src/tfjs/coherence.js';
import { SwanGate } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { call, expectClose, numbers } from './helpers.js';
import { differences, rows, scores, sigmoid } from './plain.js';

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});

function targets(gates: readonly (readonly number[])[], patterns: number): number[][] {
  return tf.tidy(() => nearestPatterns(tf.tensor2d(gates.map((row) => [...row])), patterns).arraySync());
}

/** Some rows of as many gates each. */
const gateRows = fc
  .record({ count: fc.integer({ min: 1, max: 20 }), units: fc.integer({ min: 1, max: 12 }) })
  .chain(({ count, units }) => {
    const row = fc.array(fc.constantFrom(0, 1), { minLength: units, maxLength: units });
    return fc.array(row, { minLength: count, maxLength: count });
  });

describe('the patterns that a batch is pulled towards', () => {
  it('are the rows themselves when these have no more patterns than asked for', () => {
    fc.assert(
      fc.property(gateRows, fc.integer({ min: 0, max: 3 }), (gates, more) => {
        const different = new Set(gates.map((row) => row.join('')));
        expect(targets(gates, different.size + more)).toEqual(gates);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('are at most as many as asked for, of zeros and ones, the same in each run, and the majority with one', () => {
    fc.assert(
      fc.property(gateRows, fc.integer({ min: 1, max: 5 }), (gates, patterns) => {
        const found = targets(gates, patterns);
        expect(new Set(found.map((row) => row.join(''))).size).toBeLessThanOrEqual(patterns);
        expect(found.flat().every((value) => value === 0 || value === 1)).toBe(true);
        expect(targets(gates, patterns)).toEqual(found);
        const units = gates[0]?.map((_, unit) => gates.filter((row) => row[unit] === 1).length) ?? [];
        const majority = units.map((count) => (2 * count >= gates.length ? 1 : 0));
        expect(targets(gates, 1)).toEqual(gates.map(() => majority));
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it('are found through noise', () => {
    const patterns = [0, 1, 2].map((k) => Array.from({ length: 30 }, (_, unit) => +(Math.floor(unit / 10) === k)));
    // Row i follows pattern i mod 3, but for one unit, another in each row.
    const gates = Array.from(
      { length: 24 },
      (_, i) => patterns[i % 3]?.map((on, unit) => (unit === i ? 1 - on : on)) ?? [],
    );
    expect(targets(gates, 3)).toEqual(gates.map((_, i) => patterns[i % 3]));
  });
});

describe('the coherence penalty', () => {
  const [batch, groups, controls] = [8, 5, 3] as const;
  const control = numbers(batch * controls, 101, 2);
  const kernel = numbers(controls * groups, 102);
  const bias = numbers(groups, 103);

  function makeLayer(coherenceWeight: number, threshold = 0.5): SwanGate {
    const layer = new SwanGate({ coherenceWeight, coherencePatterns: 2, temperature: 0.6, threshold });
    layer.build([
      [null, groups],
      [null, controls],
    ]);
    layer.setWeights([tf.tensor2d(kernel, [controls, groups]), tf.tensor1d(bias)]);
    return layer;
  }

  it.each([0.5, 0.35])('has the gradient of w * mean((sigma - pattern)^2), threshold %d', (threshold) => {
    const layer = makeLayer(3, threshold);
    const inputs = [tf.zeros([batch, groups]), tf.tensor2d(control, [batch, controls])];
    const pattern = targets(rows(Array.from(layer.gates(inputs).dataSync()), groups), 2);
    // The features are zero: the penalty alone has a gradient.
    const { grads } = tf.variableGrads(() => tf.sum(call(layer, inputs, true)).asScalar());
    const penalty = (list: readonly number[]) => {
      const gate = { kernel: rows(list.slice(0, kernel.length), groups), bias: list.slice(kernel.length) };
      const errors = rows(control, controls).flatMap((row, i) =>
        scores(row, gate).map((s, unit) => (sigmoid(s / 0.6) - (pattern[i]?.[unit] ?? 0)) ** 2),
      );
      return (3 * errors.reduce((a, b) => a + b, 0)) / errors.length;
    };
    const found = layer.weights.flatMap((weight) => Array.from(grads[weight.name]?.dataSync() ?? []));
    expectClose(found, differences(penalty, [...kernel, ...bias]), 2e-5);
    expect(found.some((value) => value !== 0)).toBe(true);
  });

  it('is off by default, and changes nothing when the network runs forward', () => {
    const inputs = [tf.ones([batch, groups]), tf.tensor2d(control, [batch, controls])];
    expect(call(makeLayer(5), inputs, true).dataSync()).toEqual(call(makeLayer(0), inputs).dataSync());
    expect(new SwanGate().coherenceWeight).toBe(0);
  });

  it('leaves fewer patterns', () => {
    const units = 24;
    const x = [tf.zeros([64, units]), tf.tensor2d(numbers(64 * controls, 104, 2), [64, controls])];
    const gate = new SwanGate({ coherenceWeight: 1, coherencePatterns: 3 });
    gate.build([
      [null, units],
      [null, controls],
    ]);
    gate.setWeights([tf.tensor2d(numbers(controls * units, 105), [controls, units]), tf.tensor1d(numbers(units, 106))]);
    const different = () => new Set(rows(Array.from(gate.gates(x).dataSync()), units).map(String)).size;
    const before = different();
    const optimizer = tf.train.adam(0.03);
    const variables = gate.trainableWeights.map((weight) => weight.read()).filter((w) => w instanceof tf.Variable);
    for (let step = 0; step < 120; step++) {
      optimizer.minimize(() => tf.sum(call(gate, x, true)).asScalar(), false, variables);
    }
    expect(before).toBeGreaterThan(30);
    expect(different()).toBeLessThan(before / 2);
  });

  it('works for a gate at each position', () => {
    const layer = new SwanGate({ pooling: 'none', coherenceWeight: 2 });
    const x = tf.tensor4d(numbers(2 * 3 * 3 * 2, 107), [2, 3, 3, 2]);
    layer.build(x.shape);
    const { grads } = tf.variableGrads(() => tf.sum(call(layer, x, true)).asScalar());
    for (const weight of layer.weights) expect(grads[weight.name]?.shape).toEqual(weight.shape);
  });
});

describe('a coherence penalty is refused with', () => {
  it.each([
    ['a negative weight', { coherenceWeight: -1 }],
    ['no patterns', { coherenceWeight: 1, coherencePatterns: 0 }],
    ['half a pattern', { coherenceWeight: 1, coherencePatterns: 1.5 }],
    ['patterns, but no weight', { coherencePatterns: 3 }],
  ])('%s', (_, args) => {
    expect(() => new SwanGate(args)).toThrow(/SwanGate/);
  });
});

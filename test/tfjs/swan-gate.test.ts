import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { SwanGate, type SwanGateArgs } from '../../src/tfjs/index.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { call, expectClose, fillWeights, numbers } from './helpers.js';
import { gated, type PlainGate, rows, scores, sigmoid } from './plain.js';

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  await loadTfjs();
});

/** The layer's weights as plain numbers. */
function plainGate(layer: SwanGate): PlainGate {
  const weight = (name: string) => {
    const found = layer.weights.find(({ originalName }) => originalName === name);
    return found ? { values: Array.from(found.read().dataSync()), width: found.shape.at(-1) ?? 1 } : undefined;
  };
  const [kernel, bias, hiddenKernel, hiddenBias] = ['kernel', 'bias', 'hidden_kernel', 'hidden_bias'].map(weight);
  return {
    kernel: kernel ? rows(kernel.values, kernel.width) : [],
    ...(bias && { bias: bias.values }),
    ...(hiddenKernel && { hiddenKernel: rows(hiddenKernel.values, hiddenKernel.width) }),
    ...(hiddenBias && { hiddenBias: hiddenBias.values }),
  };
}

function built(args: SwanGateArgs, shapes: tf.Shape | tf.Shape[], seed = 1): SwanGate {
  const layer = new SwanGate(args);
  layer.build(shapes);
  fillWeights(layer, seed);
  return layer;
}

describe('SwanGate on vectors', () => {
  it('multiplies by 1 where the probability reaches the threshold, by 0 elsewhere', () => {
    const layer = new SwanGate({ threshold: 0.5 });
    layer.build([
      [null, 3],
      [null, 2],
    ]);
    layer.setWeights([tf.tensor2d([1, 0, -1, 0, 1, 1], [2, 3]), tf.tensor1d([0.5, -1, 0])]);
    // Scores of control (1, 2): 1.5, 1, 1. Of (-1, 0.5): -0.5, -0.5, 1.5. Of (0, 0): 0.5, -1, 0.
    const y = call(layer, [
      tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]),
      tf.tensor2d([1, 2, -1, 0.5, 0, 0], [3, 2]),
    ]);
    expect(Array.from(y.dataSync())).toEqual([1, 2, 3, 0, 0, 6, 7, 0, 9]);
  });

  it('agrees with the formulas for every choice of options', () => {
    const shape = fc.record({
      groups: fc.integer({ min: 1, max: 4 }),
      groupSize: fc.integer({ min: 1, max: 3 }),
      control: fc.integer({ min: 1, max: 5 }),
      hiddenUnits: fc.integer({ min: 0, max: 4 }),
      useBias: fc.boolean(),
      threshold: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      seed: fc.integer({ min: 0, max: 1e6 }),
    });
    fc.assert(
      fc.property(shape, ({ groups, groupSize, control, hiddenUnits, useBias, threshold, seed }) => {
        const channels = groups * groupSize;
        const shapes = [
          [null, channels],
          [null, control],
        ];
        const layer = built({ groupSize, hiddenUnits, useBias, threshold }, shapes, seed);
        const x = numbers(4 * channels, seed + 100);
        const c = numbers(4 * control, seed + 200, 2);
        const gate = plainGate(layer);
        // A score within rounding of the threshold may fall on either side.
        const margins = rows(c, control).flatMap((row) => scores(row, gate).map((s) => sigmoid(s) - threshold));
        fc.pre(margins.every((margin) => Math.abs(margin) > 1e-5));
        const y = call(layer, [tf.tensor2d(x, [4, channels]), tf.tensor2d(c, [4, control])]);
        const expected = rows(x, channels).flatMap((row, i) =>
          gated(row, rows(c, control)[i] ?? [], gate, threshold, groupSize),
        );
        expect(Array.from(y.dataSync()).map((v) => v + 0)).toEqual(expected.map((v) => v + 0));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('reads the features themselves when it has no control', () => {
    const layer = built({}, [null, 4]);
    const x = numbers(12, 3);
    const expected = rows(x, 4).flatMap((row) => gated(row, row, plainGate(layer)));
    expectClose(call(layer, tf.tensor2d(x, [3, 4])).dataSync(), expected, 0);
  });

  it('gives each sample of a batch its own gates', () => {
    const layer = built(
      {},
      [
        [null, 4],
        [null, 3],
      ],
      5,
    );
    const x = tf.tensor2d(numbers(24, 1), [6, 4]);
    const c = tf.tensor2d(numbers(18, 2, 3), [6, 3]);
    const together = Array.from(call(layer, [x, c]).dataSync());
    const alone = Array.from({ length: 6 }, (_, i) => {
      return Array.from(call(layer, [tf.slice(x, [i, 0], [1, 4]), tf.slice(c, [i, 0], [1, 3])]).dataSync());
    }).flat();
    expect(together).toEqual(alone);
    expect(
      new Set(
        rows(
          together.map((v) => (v === 0 ? 0 : 1)),
          4,
        ).map(String),
      ).size,
    ).toBeGreaterThan(1);
  });
});

describe('SwanGate on images', () => {
  const [height, width, channels, controls] = [2, 3, 4, 3] as const;
  const x = numbers(2 * height * width * channels, 11);
  const c = numbers(2 * height * width * controls, 12, 2);
  const features = () => tf.tensor4d(x, [2, height, width, channels]);
  const control = () => tf.tensor4d(c, [2, height, width, controls]);
  const pixels = rows(x, channels);

  it('pools its control over the positions and gates whole channels', () => {
    const layer = built({ groupSize: 2 }, [
      [null, height, width, channels],
      [null, null, null, controls],
    ]);
    const gate = plainGate(layer);
    const expected = pixels.flatMap((pixel, i) => {
      const sample = Math.floor(i / (height * width));
      const part = rows(c, controls).slice(sample * height * width, (sample + 1) * height * width);
      const mean = Array.from(
        { length: controls },
        (_, k) => part.reduce((sum, p) => sum + (p[k] ?? 0), 0) / part.length,
      );
      return gated(pixel, mean, gate, 0.5, 2);
    });
    expectClose(call(layer, [features(), control()]).dataSync(), expected, 0);
    expect(layer.scores([features(), control()]).shape).toEqual([2, 2]);
  });

  it("gates every position by itself with pooling 'none'", () => {
    const layer = built({ pooling: 'none', hiddenUnits: 5 }, [
      [null, height, width, channels],
      [null, height, width, controls],
    ]);
    const gate = plainGate(layer);
    const expected = pixels.flatMap((pixel, i) => gated(pixel, rows(c, controls)[i] ?? [], gate));
    expectClose(call(layer, [features(), control()]).dataSync(), expected, 0);
  });

  it('takes a vector as the control of images', () => {
    const layer = built({ groupSize: channels }, [
      [null, height, width, channels],
      [null, 2],
    ]);
    const vector = [1, 2, -3, 0.5];
    const expected = pixels.flatMap((pixel, i) => {
      return gated(pixel, rows(vector, 2)[Math.floor(i / (height * width))] ?? [], plainGate(layer), 0.5, channels);
    });
    expectClose(call(layer, [features(), tf.tensor2d(vector, [2, 2])]).dataSync(), expected, 0);
  });

  it('gates sequences, rank 3', () => {
    const layer = built({}, [null, 5, 4]);
    const y = call(layer, tf.tensor3d(numbers(40, 3), [2, 5, 4]));
    expect(y.shape).toEqual([2, 5, 4]);
    expect(layer.gates(tf.tensor3d(numbers(40, 3), [2, 5, 4])).shape).toEqual([2, 4]);
  });
});

describe('SwanGate refuses', () => {
  it.each<[string, SwanGateArgs]>([
    ['a threshold of 0', { threshold: 0 }],
    ['a threshold of 1', { threshold: 1 }],
    ['a group of nothing', { groupSize: 0 }],
    ['half a hidden unit', { hiddenUnits: 0.5 }],
    ['a temperature of 0', { temperature: 0 }],
    ['a target above 1', { targetDensity: 1.1 }],
    ['a negative weight', { densityWeight: -1 }],
  ])('%s', (_, args) => {
    expect(() => new SwanGate(args)).toThrow(/SwanGate/);
  });

  it('groups that do not divide the channels', () => {
    expect(() => new SwanGate({ groupSize: 3 }).build([null, 4])).toThrow(/does not divide/);
  });

  it('three inputs', () => {
    const shape = [null, 4];
    expect(() => new SwanGate().build([shape, shape, shape])).toThrow(/3 inputs/);
  });

  it('a gate at each position when features have none', () => {
    const shapes = [
      [null, 4],
      [null, 2, 2, 4],
    ];
    expect(() => new SwanGate({ pooling: 'none' }).build(shapes)).toThrow(/pooling/);
  });
});

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { registerConvGradients } from '../../fixtures/conv-gradient.js';
import { registerFastWasmKernels } from '../../fixtures/wasm-kernels.js';
import { loadTfjs } from '../../src/tfjs/reference.js';
import { expectClose, numbers } from './helpers.js';

let hasWasm = false;

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

beforeAll(async () => {
  hasWasm = (await loadTfjs()).backend === 'wasm';
  if (!hasWasm) return;
  registerFastWasmKernels();
  registerConvGradients('wasm', { imageGradient: true });
});

/** The result of f on each of both backends. */
async function onBoth(f: () => tf.Tensor[]): Promise<(readonly [ours: number[], cpu: number[]])[]> {
  const results: number[][][] = [];
  for (const backend of ['wasm', 'cpu']) {
    await tf.setBackend(backend);
    results.push(f().map((tensor) => Array.from(tensor.dataSync())));
  }
  await tf.setBackend('wasm');
  const [ours = [], cpu = []] = results;
  return ours.map((values, i) => [values, cpu[i] ?? []]);
}

function tensor(shape: number[], seed: number): tf.Tensor {
  return tf.tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );
}

describe('the gradients of convolutions that fixtures are trained with', () => {
  const cases = [
    { size: 6, kernel: 3, strides: 1, pad: 'same', channels: [3, 4] },
    { size: 7, kernel: 3, strides: 2, pad: 'same', channels: [2, 5] },
    { size: 8, kernel: 3, strides: 2, pad: 'same', channels: [2, 3] },
    { size: 8, kernel: 5, strides: 2, pad: 'same', channels: [1, 3] },
    { size: 6, kernel: 1, strides: 2, pad: 'same', channels: [3, 2] },
    { size: 7, kernel: 3, strides: 1, pad: 'valid', channels: [2, 2] },
    { size: 8, kernel: 3, strides: 3, pad: 'valid', channels: [2, 2] },
  ] as const;

  it.each(cases)('are those of the cpu backend: %o', async ({ size, kernel, strides, pad, channels }) => {
    if (!hasWasm) return;
    const compared = await onBoth(() => {
      const x = tensor([2, size, size, channels[0]], 71);
      const w = tensor([kernel, kernel, channels[0], channels[1]], 72);
      const [dx, dw] = tf.grads((a, b) =>
        tf.square(tf.conv2d(a.as4D(...fourOf(a)), b.as4D(...fourOf(b)), strides, pad)),
      )([x, w]);
      return [dx, dw].filter((gradient) => gradient !== undefined);
    });
    expect(compared).toHaveLength(2);
    for (const [ours, cpu] of compared) expectClose(ours, cpu, 2e-5);
  });
});

function fourOf(t: tf.Tensor): [number, number, number, number] {
  return [t.shape[0] ?? 0, t.shape[1] ?? 0, t.shape[2] ?? 0, t.shape[3] ?? 0];
}

describe('the faster kernels that fixtures are trained with', () => {
  const cases: [string, () => tf.Tensor[]][] = [
    ['sum to channels', () => [tf.sum(tensor([5, 4, 4, 3], 1), [0, 1, 2]), tf.sum(tensor([90, 3], 2), 0, true)]],
    ['sum of few rows and of other axes', () => [tf.sum(tensor([3, 4], 3), 0), tf.sum(tensor([80, 4], 3), 1)]],
    ['sum and mean of everything', () => [tf.sum(tensor([80, 4], 4)), tf.mean(tensor([80, 4], 4))]],
    ['mean to channels', () => [tf.mean(tensor([5, 4, 4, 3], 5), [0, 1, 2], true), tf.mean(tensor([90, 3], 6), [0])]],
    ['mean over positions', () => [tf.mean(tensor([5, 4, 4, 3], 5), [1, 2])]],
    ['tile', () => [tf.tile(tensor([1, 1, 3], 7), [4, 5, 1]), tf.tile(tensor([2, 3], 8), [2, 2])]],
    [
      'products with transposed operands',
      () => [
        tf.matMul(tensor([4, 3], 1), tensor([4, 5], 2), true),
        tf.matMul(tensor([3, 4], 1), tensor([5, 4], 2), false, true),
        tf.matMul(tensor([4, 3], 1), tensor([5, 4], 2), true, true),
        tf.matMul(tensor([2, 4, 3], 1), tensor([2, 4, 5], 2), true),
      ],
    ],
    ['clones', () => [tf.add(tf.clone(tensor([3, 4], 9)), 1)]],
  ];

  it.each(cases)('%s: as the cpu backend', async (_, f) => {
    if (!hasWasm) return;
    for (const [ours, cpu] of await onBoth(f)) expectClose(ours, cpu, 1e-5);
  });

  it('a clone lives on when its original is disposed', async () => {
    const original = tensor([4], 10);
    const copy = tf.clone(original);
    original.dispose();
    expectClose(copy.dataSync(), numbers(4, 10), 0);
    copy.dispose();
  });
});

import { expect, it, vi } from 'vitest';
import { PIXELS, readMnist } from '../../fixtures/mnist.js';
import { seededRandom, shuffled } from '../../fixtures/random.js';

// Generous: how long a test takes says nothing about it on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

it('reads both sets of MNIST', () => {
  const [train, test] = [readMnist('train'), readMnist('test')];
  expect([train.count, test.count]).toEqual([60000, 10000]);
  expect(Array.from(train.labels.subarray(0, 10))).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect(Array.from(test.labels.subarray(0, 10))).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  expect([train.images.length, test.images.length]).toEqual([60000 * PIXELS, 10000 * PIXELS]);
  let [low, high, sum] = [1, 0, 0];
  for (const value of test.images) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
  }
  expect([low, high]).toEqual([0, 1]);
  expect(sum / test.images.length).toBeCloseTo(0.1325, 4);
});

it('shuffles every number once, the same way for the same seed', () => {
  const order = shuffled(1000, seededRandom(5));
  expect(new Set(order).size).toBe(1000);
  expect(order).toEqual(shuffled(1000, seededRandom(5)));
  expect(order).not.toEqual(shuffled(1000, seededRandom(6)));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SplitOptions, splitCalibration } from '../../src/data/split.js';
import type { Batch, BatchOptions, Calibration } from '../../src/data/types.js';
import { Tensor } from '../../src/ir/tensor.js';

/** Samples that are their own numbers, with labels ten times as large; `fixed` gives padded batches of that size. */
function numbered(count: number, fixed?: number): Calibration {
  return {
    count,
    labelled: true,
    async *batches(batchSize: number, { limit = Number.POSITIVE_INFINITY }: BatchOptions = {}): AsyncGenerator<Batch> {
      const size = fixed ?? batchSize;
      const end = Math.min(count, limit);
      for (let start = 0; start < end; start += size) {
        const samples = Math.min(size, end - start);
        const rows = fixed ?? samples;
        const numbers = Array.from({ length: rows }, (_, row) => start + Math.min(row, samples - 1));
        const labels = Tensor.int64(
          [samples],
          numbers.slice(0, samples).map((number) => 10 * number),
        );
        yield { feeds: { x: Tensor.floats([rows, 1], numbers) }, samples, labels };
      }
    },
  };
}

async function drawn(data: Calibration, batchSize: number, options: BatchOptions = {}): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { feeds, samples, labels } of data.batches(batchSize, options)) {
    const own = feeds.x?.numbers().slice(0, samples) ?? [];
    expect(labels?.numbers()).toEqual(own.map((number) => 10 * number));
    numbers.push(...own);
  }
  return numbers;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function halves(data: Calibration, batchSize: number, options: SplitOptions): Promise<[number[], number[]]> {
  const { ranking, heldOut } = splitCalibration(data, options);
  return [await drawn(ranking, batchSize), await drawn(heldOut, batchSize)];
}

describe('a split', () => {
  it('deals every sample to one half, whatever the batches', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.integer({ min: 1, max: 9 }), fc.nat(), async (count, batchSize, seed) => {
        const { ranking, heldOut } = splitCalibration(numbered(count), { seed });
        const [left, right] = [await drawn(ranking, batchSize), await drawn(heldOut, batchSize)];
        expect([...left, ...right].sort((a, b) => a - b)).toEqual(range(count));
        expect([ranking.count, heldOut.count]).toEqual([left.length, right.length]);
        expect(Math.abs(left.length - right.length)).toBeLessThanOrEqual(1);
        // One of every two that follow each other.
        const pairs = left.map((number) => Math.floor(number / 2));
        expect(new Set(pairs).size).toBe(left.length);
        expect(await drawn(ranking, 3)).toEqual(left);
      }),
    );
  });

  it('follows its seed, and no period', async () => {
    const [left] = await halves(numbered(400), 7, { seed: 1 });
    expect(await halves(numbered(400), 32, { seed: 1 })).toEqual([left, range(400).filter((n) => !left.includes(n))]);
    expect((await halves(numbered(400), 7, { seed: 2 }))[0]).not.toEqual(left);
    const even = left.filter((number) => number % 2 === 0).length;
    expect(even).toBeGreaterThan(60);
    expect(even).toBeLessThan(140);
  });

  it('keeps to a limit of all samples, and of those asked for', async () => {
    const [left, right] = await halves(numbered(50), 4, { seed: 3, limit: 20 });
    expect([...left, ...right].sort((a, b) => a - b)).toEqual(range(20));
    const { ranking } = splitCalibration(numbered(50), { seed: 3 });
    expect(await drawn(ranking, 4, { limit: 6 })).toEqual((await drawn(ranking, 4)).slice(0, 6));
  });

  it('deals out whole batches of a model that takes no others', async () => {
    const [left, right] = await halves(numbered(22, 4), 4, { seed: 5, wholeBatches: true });
    expect([...left, ...right].sort((a, b) => a - b)).toEqual(range(22));
    const batches = new Set(left.map((number) => Math.floor(number / 4)));
    expect(right.some((number) => batches.has(Math.floor(number / 4)))).toBe(false);
    expect(Math.min(left.length, right.length)).toBeGreaterThan(0);
  });
});

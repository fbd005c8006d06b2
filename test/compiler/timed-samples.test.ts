import { describe, expect, it } from 'vitest';
import { requireSamples, timedRuns, tooFewRuns } from '../../src/compiler/samples/timed-samples.js';
import type { Calibration } from '../../src/data/types.js';
import { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';

/** Samples that hold their own numbers, each with as many elements as `widthOf` says. */
function numbered(count: number, widthOf: (sample: number) => number = () => 2): Calibration {
  async function* batches(size: number, { limit = count, pad = false } = {}) {
    const last = Math.min(count, limit);
    for (let start = 0; start < last; ) {
      const width = widthOf(start);
      let end = start;
      while (end < last && end < start + size && widthOf(end) === width) end++;
      const rows = pad ? size : end - start;
      const values = Array.from({ length: rows }, (_, row) => Array(width).fill(Math.min(start + row, end - 1))).flat();
      yield { feeds: { x: Tensor.floats([rows, width], values) }, samples: end - start };
      start = end;
    }
  }
  return { count, labelled: false, batches };
}

async function samplesOfRuns(data: Calibration, batch: number, samples?: number): Promise<number[][]> {
  const runs = await timedRuns(data, batch, { samples });
  return runs.map(({ x }) => {
    const [rows = 0, width = 0] = x?.dims ?? [];
    return Array.from({ length: rows }, (_, row) => Number(x?.data[row * width]));
  });
}

describe('runs to be timed', () => {
  it('are spread over all samples where there are enough', async () => {
    const runs = await samplesOfRuns(numbered(1000), 4);
    expect(runs).toHaveLength(32);
    expect(runs[0]).toEqual([0, 1, 2, 3]);
    expect(new Set(runs.flat()).size).toBe(128);
    expect(Math.max(...runs.flat())).toBeGreaterThan(950);
  });

  it('share samples where there are few, each run with other ones, none twice in a run', async () => {
    const runs = await samplesOfRuns(numbered(24), 16);
    expect(runs).toHaveLength(32);
    expect(new Set(runs.map((run) => run.join())).size).toBe(32);
    for (const run of runs) expect(new Set(run).size).toBe(16);
    expect(new Set(runs.flat()).size).toBe(24);
    expect(await samplesOfRuns(numbered(24), 16)).toEqual(runs);
  });

  it('are as many as differ', async () => {
    expect(await samplesOfRuns(numbered(5), 4)).toHaveLength(5);
    expect(await samplesOfRuns(numbered(100), 16, 16)).toEqual([Array.from({ length: 16 }, (_, index) => index)]);
    expect(await samplesOfRuns(numbered(20), 1)).toHaveLength(20);
  });

  it('hold samples of one size', async () => {
    const runs = await samplesOfRuns(
      numbered(40, (sample) => (sample < 30 ? 2 : 3)),
      4,
    );
    expect(runs.every((run) => run.every((sample) => sample < 30) || run.every((sample) => sample >= 30))).toBe(true);
  });

  it('are none without data', async () => {
    expect(await timedRuns(undefined, 4, {})).toEqual([]);
  });
});

it('few runs are told of, and runs of more samples than there are refused', () => {
  expect(tooFewRuns(0)).toBeUndefined();
  expect(tooFewRuns(8)).toBeUndefined();
  expect(tooFewRuns(7)).toMatch(/^too few samples to measure plans/);
  const open = new Graph('open');
  open.addInput('x', { type: 'float32', shape: ['N', 2] });
  expect(() => requireSamples(17, open, numbered(100), 16)).toThrow(/runs of 17 samples cannot be measured with 16/);
  expect(() => requireSamples(16, open, numbered(100), 16)).not.toThrow();
  const fixed = new Graph('fixed');
  fixed.addInput('x', { type: 'float32', shape: [8, 2] });
  expect(() => requireSamples(8, fixed, numbered(5), undefined)).not.toThrow();
});

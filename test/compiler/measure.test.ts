import { describe, expect, it } from 'vitest';
import { measure, quantile, timeSamples } from '../../src/compiler/measure.js';
import { Tensor } from '../../src/ir/tensor.js';
import type { Session, Tensors } from '../../src/runtime/types.js';

/** Notes the samples that it is run on. */
function recorder(): { readonly session: Session; readonly runs: Tensors[] } {
  const runs: Tensors[] = [];
  const session: Session = {
    inputs: [],
    outputs: [],
    run: async (feeds) => {
      runs.push(feeds);
      return {};
    },
    close: async () => undefined,
  };
  return { session, runs };
}

const samples = Array.from({ length: 12 }, (_, index) => ({ x: Tensor.scalar(index) }));

describe('measuring', () => {
  it('runs every session equally often on the same samples', async () => {
    const recorders = [recorder(), recorder(), recorder()];
    const times = await timeSamples(
      recorders.map(({ session }) => session),
      samples,
      { milliseconds: 1 },
    );
    expect(times.map((own) => own.length)).toEqual([12, 12, 12]);
    const [first, ...others] = recorders.map(({ runs }) => runs);
    for (const runs of others) expect(runs).toEqual(first);
    expect(first?.length).toBeGreaterThanOrEqual(3 * samples.length);
  });

  it('takes a summary of the runs of each sample', async () => {
    const { session } = recorder();
    const times = await timeSamples([session], samples, { milliseconds: 1, summary: ({ length }) => length });
    expect(new Set(times[0]).size).toBe(1);
    expect(times[0]?.[0]).toBeGreaterThanOrEqual(3);
  });

  it('ends when it is told to', async () => {
    const { session } = recorder();
    const interrupt = new AbortController();
    interrupt.abort();
    await expect(measure([session], samples, interrupt.signal)).rejects.toMatchObject({ kind: 'aborted' });
  });
});

describe('a quantile', () => {
  it('is a value with so many below it', () => {
    expect([0, 0.2, 0.5, 1].map((part) => quantile([5, 1, 4, 2, 3], part))).toEqual([1, 2, 3, 5]);
  });
});

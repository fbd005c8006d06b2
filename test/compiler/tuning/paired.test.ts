import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isClearlyFaster, isUndecided, paired } from '../../../src/compiler/tuning/paired.js';

describe('paired times', () => {
  it('do not blur where samples differ from one another but not the ratio', () => {
    const base = [10, 20, 30, 40];
    const { ratio, upper } = paired(
      base.map((time) => time - 1),
      base,
    );
    expect(ratio).toBeCloseTo(0.96, 12);
    expect(upper).toBeCloseTo(0.96, 12);
  });

  it('are unsure where differences scatter', () => {
    const { ratio, upper } = paired([5, 14, 5, 14], [10, 10, 10, 10]);
    expect(ratio).toBeLessThan(1);
    expect(upper).toBeGreaterThan(1);
  });

  it('tell nothing sure by one sample', () => {
    expect(paired([1], [10]).upper).toBe(Number.POSITIVE_INFINITY);
  });

  it('tell less sure by two samples than by many', () => {
    const own = [8, 9];
    const [base, many] = [own.map(() => 10), Array.from({ length: 16 }, () => own).flat()];
    expect(paired(own, base).upper).toBeGreaterThan(1);
    expect(
      paired(
        many,
        many.map(() => 10),
      ).upper,
    ).toBeLessThan(0.9);
    // By Student's t with one degree of freedom.
    expect(paired(own, base).upper).toBeCloseTo(0.85 + 12.706 * 0.05, 3);
  });

  it('of graphs that are equally fast hardly ever seem faster', () => {
    const times = fc.array(fc.tuple(fc.double({ min: 5, max: 10, noNaN: true }), fc.boolean()), {
      minLength: 8,
      maxLength: 32,
    });
    fc.assert(
      fc.property(times, (list) => {
        const base = list.map(([time]) => time);
        const { upper, ratio } = paired(base, base);
        expect([upper, ratio]).toEqual([1, 1]);
        const swapped = list.map(([time, isFaster]) => (isFaster ? time * 0.9 : time));
        expect(paired(swapped, base).upper).toBeGreaterThanOrEqual(paired(swapped, base).ratio);
      }),
    );
  });
});

describe('what is measured', () => {
  it.each([
    { ratio: 0.9, upper: 0.95, clear: true, open: false },
    { ratio: 0.9, upper: 1.02, clear: false, open: true },
    { ratio: 0.995, upper: 0.998, clear: false, open: false },
    { ratio: 1.1, upper: 1.3, clear: false, open: false },
  ])('is decided or open: $ratio, at most $upper', ({ clear, open, ...times }) => {
    expect(isClearlyFaster(times)).toBe(clear);
    expect(isUndecided(times)).toBe(open);
  });
});

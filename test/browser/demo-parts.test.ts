import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { side, toDigit } from '../../examples/web/page/digit.mjs';
import { measure, median } from '../../examples/web/page/measure.mjs';

/** What the demo page does besides showing: drawings as digits, and timings. */

const width = 280;

/** A drawing with a filled rectangle. */
function rectangle(left: number, top: number, wide: number, high: number): Float32Array {
  return Float32Array.from({ length: width * width }, (_, index) => {
    const [x, y] = [index % width, Math.floor(index / width)];
    return x >= left && x < left + wide && y >= top && y < top + high ? 1 : 0;
  });
}

describe('a drawing becomes a digit', () => {
  test('not at all while nothing is drawn', () => {
    expect(toDigit(new Float32Array(width * width), width)).toBeUndefined();
  });

  test('of 20 pixels, wherever and however large it was drawn, with its centre of mass in the middle', () => {
    const size = fc.integer({ min: 20, max: 200 });
    fc.assert(
      fc.property(size, size, fc.nat(), fc.nat(), (wide, high, x, y) => {
        const digit = toDigit(rectangle(x % (width - wide), y % (width - high), wide, high), width) ?? [];
        expect(digit).toHaveLength(side * side);
        let [sum, column, row] = [0, 0, 0];
        for (const [index, value] of digit.entries()) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1 + 1e-6);
          sum += value;
          column += value * ((index % side) + 0.5);
          row += value * (Math.floor(index / side) + 0.5);
        }
        const long = Math.max(wide, high);
        expect(sum).toBeCloseTo((20 * wide * 20 * high) / (long * long), 2);
        expect(column / sum).toBeCloseTo(14, 2);
        expect(row / sum).toBeCloseTo(14, 2);
      }),
      { numRuns: 30 },
    );
  });
});

describe('runs are timed', () => {
  /** A clock that only runs move on. */
  const clockOf = () => {
    let time = 0;
    const order: number[] = [];
    const run = (name: number, takes: number) => async () => {
      order.push(name);
      time += takes;
    };
    return { now: () => time, run, order };
  };

  test('in turns, each as often as the others, short ones many in a row', async () => {
    const { now, run, order } = clockOf();
    const { medians, rounds, repeats } = await measure([run(0, 0.5), run(1, 0.25)], { now });
    expect(medians).toEqual([0.5, 0.25]);
    expect(rounds).toBe(31);
    expect(repeats).toBe(8);
    const timed = order.slice(-2 * rounds * repeats);
    expect(timed.filter((name) => name === 0)).toHaveLength(rounds * repeats);
    const rows = order.slice(-4 * repeats).filter((_, index) => index % repeats === 0);
    expect(rows).toEqual([1, 0, 0, 1]);
  });

  test('fewer times where one takes long', async () => {
    const { now, run } = clockOf();
    const { medians, rounds, repeats } = await measure([run(0, 400)], { now });
    expect({ medians, rounds, repeats }).toEqual({ medians: [400], rounds: 8, repeats: 1 });
  });

  test('by a clock that stands still, too', async () => {
    const { medians, repeats } = await measure([async () => undefined], { now: () => 0 });
    expect({ medians, repeats }).toEqual({ medians: [0], repeats: 64 });
  });

  test('until they are given up', async () => {
    const abort = new AbortController();
    let parts = 0;
    const onProgress = () => {
      parts++;
      abort.abort(new Error('given up'));
    };
    await expect(measure([async () => undefined], { signal: abort.signal, onProgress })).rejects.toThrow('given up');
    expect(parts).toBe(1);
  });

  test('by the median', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tensor } from '../../src/ir/tensor.js';
import {
  Comparator,
  type Comparison,
  type ComparisonBatch,
  type ComparisonOptions,
} from '../../src/runtime/compare.js';

/** Compares rows of two elements. */
function compare(
  expected: number[],
  actual: number[],
  more: Partial<ComparisonBatch> = {},
  options?: ComparisonOptions,
): Comparison {
  const comparator = new Comparator(options);
  const dims = [expected.length / 2, 2];
  comparator.add({
    expected: { y: Tensor.floats(dims, expected) },
    actual: { y: Tensor.floats(dims, actual) },
    ...more,
  });
  return comparator.result();
}

describe('comparison', () => {
  it('passes equal outputs', () => {
    expect(compare([1, 2, 3, 4], [1, 2, 3, 4])).toMatchObject({
      samples: 2,
      clear: 2,
      boundary: 0,
      maxDifference: 0,
      verdict: 'equal',
      passed: true,
    });
  });

  it('measures against the scale of the sample', () => {
    const options = { relative: 0.01, absolute: 0 };
    expect(compare([100, 0], [100, 0.5], {}, options)).toMatchObject({
      passed: true,
      maxDifference: 0.5,
      maxRelative: 0.005,
    });
    // The large outputs of one sample do not excuse another.
    expect(compare([100, 0, 1, 0], [100, 0, 1, 0.5], {}, options)).toMatchObject({
      passed: false,
      failed: 1,
      failures: [{ sample: 1, output: 'y', index: 1, expected: 0, actual: 0.5 }],
    });
  });

  it('counts samples near a threshold instead of comparing them', () => {
    const result = compare([1, 1, 1, 1, 1, 1], [1, 1, 9, 1, 1, 1], { margins: [0.5, 1e-6, 0.5] });
    expect(result).toMatchObject({ samples: 3, clear: 2, boundary: 1, maxDifference: 0, verdict: 'equal' });
    expect(result.boundaryDifference).toEqual({ absolute: 8, relative: 8 });
    // A margin at the bound, or one that is no number, is not clear.
    const edge = compare([1, 1, 1, 1], [1, 1, 1, 1], { margins: [0.25, Number.NaN] }, { marginBound: 0.25 });
    expect(edge).toMatchObject({ boundary: 2, verdict: 'incomparable', passed: false });
  });

  it('still fails when a clear sample differs', () => {
    const result = compare([1, 1, 1, 1], [9, 1, 9, 1], { margins: [1e-7, 1] });
    expect(result).toMatchObject({ verdict: 'different', passed: false, failed: 1 });
    expect(result.failures[0]?.sample).toBe(1);
  });

  it('sets aside what the profile never saw', () => {
    const result = compare([1, 1, 1, 1], [1, 1, 5, 1], { margins: [1, 1e-9], outside: [0, 1] });
    expect(result).toMatchObject({ clear: 1, boundary: 0, outsideProfile: 1, passed: true });
    expect(result.outsideDifference.absolute).toBe(4);
  });

  it('leaves padding out', () => {
    const result = compare([1, 1, 1, 1], [1, 1, 9, 9], { margins: [1], samples: 1 });
    expect(result).toMatchObject({ samples: 1, maxDifference: 0, passed: true });
  });

  it('says when nothing could be compared', () => {
    expect(new Comparator().result()).toMatchObject({ samples: 0, verdict: 'incomparable', passed: false });
    expect(compare([1, 1], [1, 1], { margins: [0] })).toMatchObject({ verdict: 'incomparable', passed: false });
  });

  it('takes NaN for NaN and an infinity for itself, and nothing else', () => {
    const { NaN: nan } = Number;
    expect(compare([nan, Infinity], [nan, Infinity])).toMatchObject({ passed: true, maxDifference: 0 });
    for (const [left, right] of [
      [nan, 1],
      [1, nan],
      [Infinity, -Infinity],
      [1, Infinity],
      [-Infinity, nan],
    ]) {
      expect(compare([left ?? 0, 1], [right ?? 0, 1])).toMatchObject({ passed: false, maxDifference: Infinity });
    }
  });

  it('compares integers exactly and decodes float16', () => {
    const int = (value: bigint) => ({ y: new Tensor('int64', [1, 1], BigInt64Array.of(value)) });
    const far = new Comparator();
    far.add({ expected: int(2n ** 60n), actual: int(2n ** 60n + 1n) });
    expect(far.result()).toMatchObject({ maxDifference: 1 });
    const half = new Comparator();
    const one = { y: new Tensor('float16', [1, 1], Uint16Array.of(0x3c00)) };
    half.add({ expected: one, actual: { y: Tensor.floats([1, 1], [1]) } });
    expect(half.result()).toMatchObject({ passed: true });
  });

  it('refuses outputs of other names or shapes', () => {
    const y = Tensor.floats([1, 2], [1, 2]);
    const add = (batch: ComparisonBatch) => () => new Comparator().add(batch);
    expect(add({ expected: { y }, actual: {} })).toThrow(/'y': is missing/);
    expect(add({ expected: { y }, actual: { y: y.reshaped([2, 1]) } })).toThrow(/\[2, 1\], not \[1, 2\]/);
    expect(add({ expected: { y }, actual: { y, z: y } })).toThrow(/'z': is not one/);
    expect(add({ expected: { y }, actual: { y }, margins: [] })).toThrow(/margins: 0 for 1/);
    expect(add({ expected: { y: Tensor.scalar(1) }, actual: { y: Tensor.scalar(1) } })).toThrow(/first axis/);
  });

  it('does not depend on the batches', () => {
    const rows = fc.array(fc.tuple(fc.float({ noNaN: true }), fc.float({ noNaN: true }), fc.constantFrom(0, 1)), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 5 }), (samples, size) => {
        const run = (batch: number): Comparison => {
          const comparator = new Comparator();
          for (let start = 0; start < samples.length; start += batch) {
            const part = samples.slice(start, start + batch);
            const output = (index: 0 | 1) => ({
              y: Tensor.floats(
                [part.length, 1],
                part.map((row) => row[index]),
              ),
            });
            comparator.add({ expected: output(0), actual: output(1), margins: part.map((row) => row[2]) });
          }
          return comparator.result();
        };
        expect(run(size)).toEqual(run(samples.length));
      }),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { measureMagnitudes } from '../../../src/compiler/precision/measure-magnitudes.js';
import { marginsUnder } from '../../../src/compiler/precision/noisy-margins.js';
import { measureSpread } from '../../../src/compiler/precision/rounding-spread.js';
import { Tensor } from '../../../src/ir/tensor.js';
import { PassManager } from '../../../src/passkit/manager.js';
import { planHalf } from '../../../src/passkit/precision/half-plan.js';
import { openRuntime } from '../../../src/runtime/session.js';
import { at, defined } from '../../../src/support/assert.js';
import { contextOf, graphOf } from '../../passes/support.js';

const runtime = await openRuntime();

async function spreadOf(text: string, x: Tensor) {
  const prepared = new PassManager(graphOf(text), contextOf(), ['gates', 'layout']);
  const samples = at(x.dims, 0);
  return at(await measureSpread({ prepared, context: contextOf(), batches: [{ feeds: { x }, samples }], runtime }), 0);
}

describe('rounding as noise', () => {
  test('is told batch by batch, also of small ones that are run together', async () => {
    const text = `g (float[N, 1] x) => (float[N, 1] y)
<float c = {1.0}>
{
  y = Mul (x, c)
}`;
    const prepared = new PassManager(graphOf(text), contextOf(), ['gates', 'layout']);
    const batches = [[1], [100], [0, 10]].map((row) => ({
      feeds: { x: Tensor.floats([row.length, 1], row) },
      samples: row.length,
    }));
    const spread = await measureSpread({ prepared, context: contextOf(), batches, runtime });
    expect(spread.map(({ margins }) => margins.length)).toEqual([1, 1, 2]);
    const [one, hundred, two] = spread.map(({ allowances }) => Array.from(defined(allowances.y, 'y')));
    expect((hundred?.[0] ?? 0) / (one?.[0] ?? 1)).toBeGreaterThan(30);
    expect(two?.[0]).toBe(0);
    expect((two?.[1] ?? 0) / (one?.[0] ?? 1)).toBeGreaterThan(3);
  });

  test('moves outputs by what float16 may', async () => {
    const text = `g (float[N, 1] x) => (float[N, 1] y)
<float c = {1.0}>
{
  y = Mul (x, c)
}`;
    const { allowances } = await spreadOf(text, Tensor.floats([3, 1], [1, 100, 0]));
    const [one = 0, hundred = 0, none] = defined(allowances.y, 'y');
    // Three roundings of up to 2^-11, the input's, the constant's and the result's, deviate by 2^-11 together.
    const expected = 6 * 2 ** -11;
    expect(one / expected).toBeGreaterThan(0.4);
    expect(one / expected).toBeLessThan(1.8);
    expect(hundred / expected / 100).toBeGreaterThan(0.4);
    expect(hundred / expected / 100).toBeLessThan(1.8);
    expect(none).toBe(0);
  });

  test('leaves decisions as they are, and tells how near they are', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, 0.5, -1.0, 1.0}, float[2, 2] k = {1.0, 0.0, 0.0, 1.0}>
{
  f = MatMul (x, w)
  s = MatMul (f, k)
  y = ai.swan.Gate <threshold: float = 0.0> (f, s)
}`;
    // The first unit's score is 1e-4 in the second sample: noise of some 2^-11 turns it over, and in the first none does.
    const { margins, allowances } = await spreadOf(text, Tensor.floats([2, 2], [3, 1, 1, 0.9999]));
    expect(margins[0]).toBeGreaterThan(20);
    expect(margins[1]).toBeLessThan(1);
    // As if the gate had not turned over.
    expect(defined(allowances.y, 'y')[1]).toBeLessThan(0.02);
  });

  test('does not touch scores of the input, which stay in float32', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, 0.5, -1.0, 1.0}, float[2, 2] k = {1.0, 0.0, 0.0, 1.0}>
{
  f = MatMul (x, w)
  s = MatMul (x, k)
  y = ai.swan.Gate <threshold: float = 0.0> (f, s)
}`;
    const { margins } = await spreadOf(text, Tensor.floats([1, 2], [0.00001, 1]));
    expect(Array.from(margins)).toEqual([Number.POSITIVE_INFINITY]);
  });
});

describe('rounding as noise leaves alone', () => {
  const one = Tensor.floats([1, 2], [-1.5, 2.5]);
  const largest = async (text: string, x: Tensor) => {
    const { margins, allowances } = await spreadOf(text, x);
    return { margin: at(Array.from(margins), 0), allowance: at(Array.from(defined(allowances.y, 'y')), 0) };
  };

  test('what shapes follow from', async () => {
    const resized = `g (float[N, 1, 2, 2] x) => (float[N, 1, 4, 4] y)
<float[4] scales = {1.0, 1.0, 2.0, 2.0}>
{
  y = Resize <mode: string = "nearest"> (x, , scales)
}`;
    const image = Tensor.floats([1, 1, 2, 2], [1, 2, 3, 4]);
    expect((await largest(resized, image)).allowance).toBeGreaterThan(0);
    const range = `g (float[N, 1] x) => (float[N, 64] y)
<float zero = {0.0}, float limit = {6.4}, float step = {0.1}>
{
  r = Range (zero, limit, step)
  y = Mul (x, r)
}`;
    expect((await largest(range, Tensor.floats([1, 1], [1]))).allowance).toBeGreaterThan(0);
  });

  test('constants that float16 has, as exponents of negative numbers', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<float two = {2.0}>
{
  y = Pow (x, two)
}`;
    const { margin, allowance } = await largest(text, one);
    expect(margin).toBe(Number.POSITIVE_INFINITY);
    expect(allowance).toBeGreaterThan(6.25 * 2 ** -11);
    expect(allowance).toBeLessThan(1);
  });

  test('samples in which it makes no numbers of numbers', async () => {
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<float c = {1.0}>
{
  d = Sub (x, c)
  y = Log (d)
}`;
    expect((await spreadOf(text, Tensor.floats([2, 2], [1.0001, 2, 3, 4]))).margins).toEqual(
      Float64Array.of(0, Number.POSITIVE_INFINITY),
    );
  });

  test('what rounds to whole numbers, where that is clear', async () => {
    const text = (op: string): string => `g (float[N, 1] x) => (float[N, 1] y, float[N, 1] z)
<float[1, 1] w = {1.0}>
{
  z = MatMul (x, w)
  y = ${op} (z)
}`;
    const x = Tensor.floats([3, 1], [30.5, 99.9999, 0.0001]);
    for (const [op, clear] of [
      ['Floor', [true, false, true]],
      ['Ceil', [true, false, true]],
      ['Round', [false, true, true]],
      ['Sign', [true, true, true]],
    ] as const) {
      const { margins } = await spreadOf(text(op), x);
      expect(Array.from(margins, (margin) => margin > 1)).toEqual(clear);
    }
  });
});

describe('rounding as noise goes', () => {
  const outer = `g (float[N, 1] x, bool c) => (float[N, 1] y)
<float[1, 1] w = {1.0}, float big = {1000.0}, int64 n = {2}>
{
  p = MatMul (x, w)
  q = Add (p, big)`;

  test.each([
    [
      'into the branches of an If',
      `y = If <then_branch: graph = on () => (float[N, 1] z)
    {
      z = Sub (q, big)
    }, else_branch: graph = off () => (float[N, 1] v)
    {
      v = Identity (x)
    }> (c)`,
    ],
    [
      'through a loop',
      `y = Loop <body: graph = b (int64 i, bool go, float[N, 1] s) => (bool more, float[N, 1] t)
    {
      more = Identity (go)
      h = Sub (s, big)
      t = Identity (h)
    }> (n, c, q)`,
    ],
  ])('%s', async (_, inner) => {
    const prepared = new PassManager(graphOf(`${outer}\n  ${inner}\n}`), contextOf(), ['gates', 'layout']);
    const feeds = { x: Tensor.floats([1, 1], [0.5]), c: new Tensor('bool', [], Uint8Array.of(1)) };
    const spread = await measureSpread({ prepared, context: contextOf(), batches: [{ feeds, samples: 1 }], runtime });
    // That of 1000, not of what is left of it.
    expect(at(Array.from(defined(at(spread, 0).allowances.y, 'y')), 0)).toBeGreaterThan(1);
  });

  test('nowhere before a loop that decides', async () => {
    const text = `${outer}
  y = Loop <body: graph = b (int64 i, bool go, float[N, 1] s) => (bool more, float[N, 1] t)
    {
      m = ReduceMax <keepdims: int = 0> (s)
      more = Greater (m, big)
      t = Identity (s)
    }> (n, c, q)
}`;
    const { half, kept } = planHalf(graphOf(text), contextOf().target, {
      values: new Map(),
      sums: new Map(),
      least: new Map(),
    });
    expect(half.size).toBe(0);
    expect(kept.map(({ reason }) => reason)).toContain('it leads to a loop that decides by it');
  });
});

test('margins of a search are those of the best from each other one', () => {
  const logits = Tensor.floats([2, 3], [1, 3, 2, 5, 5.1, 0]);
  const deviations = new Float64Array(6).fill(0.1);
  const search = { exact: 'r', noisy: 'n', kind: 'search', axis: 1, least: false } as const;
  const [first, second] = marginsUnder(logits, deviations, search);
  expect(first).toBeCloseTo(1 / (6 * 0.1 * Math.SQRT2), 6);
  expect(second).toBeCloseTo(0.1 / (6 * 0.1 * Math.SQRT2), 4);
  const [least] = marginsUnder(logits, deviations, { ...search, least: true });
  expect(least).toBeCloseTo(1 / (6 * 0.1 * Math.SQRT2), 6);
});

test('magnitudes are those of values, of partial sums, and of what is in branches', async () => {
  const graph = graphOf(`g (float[N, 2] x, bool c) => (float[N, 2] y)
<float[2, 2] w = {100.0, 0.0, -100.0, 1.0}, float two = {2.0}, float three = {3.0}>
{
  p = MatMul (x, w)
  y = If <then_branch: graph = on () => (float[N, 2] z)
    {
      z = Mul (p, two)
    }, else_branch: graph = off () => (float[N, 2] v)
    {
      v = Mul (p, three)
    }> (c)
}`);
  const feeds = (c: number) => ({
    feeds: { x: Tensor.floats([1, 2], [4, 3]), c: new Tensor('bool', [], Uint8Array.of(c)) },
  });
  const { values, sums } = await measureMagnitudes(graph, [feeds(1)], runtime);
  expect(Object.fromEntries(values)).toEqual({ x: 4, p: 100, z: 200, v: 0 });
  expect(Object.fromEntries(sums)).toEqual({ p: 700 });
  const both = await measureMagnitudes(graph, [feeds(1), feeds(0)], runtime);
  expect(both.values.get('v')).toBe(300);
});

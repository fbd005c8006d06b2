import { describe, expect, test } from 'vitest';
import { removeDeadUnits } from '../../passes/remove-dead-units.js';
import { compaction, densifying, preparation } from '../../src/compiler/forms/pipeline.js';
import { Tensor } from '../../src/ir/tensor.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { expectSameFunction, fakeProfile, graphOf, profileOf, runGraph, runPass } from './support.js';

/** What goes into and comes out of Loop, Scan and If keeps its shape, whatever the nested graph reads of it. */

const stages = [...preparation, ...compaction, ...densifying];

describe('a nested graph that reads few slots of its inputs keeps its function', () => {
  test('Loop', async () => {
    const text = `g (float[4] x) => (float[4] y)
<
  int64 trip = {3},
  bool go = {1}
>
{
  y = Loop <body: graph = body (int64 i, bool on, float[4] state) => (bool still, float[4] next)
    <
      int64[4] order = {1, 1, 3, 3}
    >
    {
      next = Gather <axis: int = 0> (state, order)
      still = Identity (on)
    }> (trip, go, x)
}`;
    const { graph } = await runPass(text, stages, { facts: [] });
    const feeds = { x: Tensor.floats([4], [10, 20, 30, 40]) };
    expect((await runGraph(graph, feeds)).y?.numbers()).toEqual([20, 20, 40, 40]);
  });

  test('Scan', async () => {
    const text = `g (float[1] start, float[N, 4] x) => (float[1] last, float[N, 1] y)
{
  last, y = Scan <num_scan_inputs: int = 1, body: graph = body (float[1] state, float[4] row) => (float[1] s, float[1] r)
    <
      int64[1] two = {2}
    >
    {
      r = Gather <axis: int = 0> (row, two)
      s = Add (state, r)
    }> (start, x)
}`;
    const { graph } = await runPass(text, stages, { facts: [] });
    const feeds = { start: Tensor.floats([1], [0]), x: Tensor.floats([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) };
    const { last, y } = await runGraph(graph, feeds);
    expect([last?.numbers(), y?.numbers()]).toEqual([[10], [3, 7]]);
  });

  test('Scan over time from zeros for each sample', async () => {
    const text = `g (float[N, T, 2] x) => (float[N, 3] last, float[N, T, 3] y)
<
  float[2, 3] w = {1.0, -1.0, 0.5, 0.25, 2.0, -0.5},
  float[3, 3] r = {0.5, 0.0, 0.25, -0.5, 1.0, 0.0, 0.0, 0.5, -1.0},
  int64[1] width = {3}
>
{
  batch = Shape <end: int = 1> (x)
  shape = Concat <axis: int = 0> (batch, width)
  zeros = ConstantOfShape (shape)
  last, y = Scan <num_scan_inputs: int = 1, scan_input_axes: ints = [1], scan_output_axes: ints = [1],
    body: graph = body (float[N, 3] state, float[N, 2] step) => (float[N, 3] next, float[N, 3] out)
    {
      a = Gemm (step, w)
      b = Gemm (state, r)
      c = Add (a, b)
      next = Tanh (c)
      out = Identity (next)
    }> (zeros, x)
}`;
    const { graph } = await runPass(text, stages, { facts: [] });
    expect(graph.outputs.map((value) => value.shape)).toEqual([
      ['N', 3],
      ['N', 'T', 3],
    ]);
    expect(await expectSameFunction(graphOf(text), graph)).toBeGreaterThan(0);
  });
});

/** Ways in which a nested graph or a recurrence reads `gated` [N, H] or gates itself, each giving `z` [N, 2]. */
const uses: Readonly<Record<string, (order: readonly number[]) => string>> = {
  'branches that read the gate': () => `
  z = If <then_branch: graph = on () => (float[N, 2] p)
    {
      p = Gemm (gated, w2)
    }, else_branch: graph = off () => (float[N, 2] q)
    {
      r = Sigmoid (gated)
      q = Gemm (r, w3)
    }> (c)`,
  'a branch that picks units': () => `
  z = If <then_branch: graph = on () => (float[N, 2] p)
    <
      int64[2] ends = {0, -1}
    >
    {
      p = Gather <axis: int = 1> (gated, ends)
    }, else_branch: graph = off () => (float[N, 2] q)
    {
      q = Gemm (gated, w3)
    }> (c)`,
  'a gate in a branch': () => `
  z = If <then_branch: graph = on () => (float[N, 2] p)
    {
      r = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
      p = Gemm (r, w2)
    }, else_branch: graph = off () => (float[N, 2] q)
    {
      q = Gemm (x, w0)
    }> (c)`,
  'a loop that captures the gate': () => `
  first = Gemm (x, w0)
  z = Loop <body: graph = body (int64 i, bool on, float[N, 2] state) => (bool still, float[N, 2] next)
    {
      t = Gemm (gated, w2)
      next = Add (state, t)
      still = Identity (on)
    }> (trip, go, first)`,
  'a loop that carries the gate': (order) => `
  carried = Loop <body: graph = body (int64 i, bool on, float[N, ${order.length}] state)
      => (bool still, float[N, ${order.length}] next)
    <
      int64[${order.length}] order = {${order.join(', ')}}
    >
    {
      next = Gather <axis: int = 1> (state, order)
      still = Identity (on)
    }> (trip, go, gated)
  z = Gemm (carried, w2)`,
  'a scan that captures the gate': () => `
  first = Gemm (x, w0)
  z = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, 2] state, float[2] row) => (float[N, 2] next)
    {
      t = Gemm (gated, w2)
      u = Mul (t, row)
      next = Add (state, u)
    }> (first, rows)`,
  'a scan that carries the gate': (order) => `
  carried = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, ${order.length}] state, float[2] row)
      => (float[N, ${order.length}] next)
    <
      int64[${order.length}] order = {${order.join(', ')}}
    >
    {
      next = Gather <axis: int = 1> (state, order)
    }> (gated, rows)
  z = Gemm (carried, w2)`,
  'a scan over the gate': (order) => `
  z = Scan <num_scan_inputs: int = 1, body: graph = body (float[${order.length}] row) => (float[2] out)
    <
      float[1, 2] bias = {0.5, -0.25}
    >
    {
      one = Unsqueeze (row, axis0)
      sum = Gemm (one, w2, bias)
      out = Squeeze (sum, axis0)
    }> (gated)`,
  'a gate in a scan': () => `
  start = Gemm (x, w0)
  z = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, 2] state, float[2] row) => (float[N, 2] next)
    {
      r = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
      t = Gemm (r, w2)
      u = Mul (t, row)
      next = Add (state, u)
    }> (start, rows)`,
  'a scan whose body takes the same sum as a layer behind it': () => `
  outside = Gemm (gated, w2)
  start = Gemm (x, w0)
  state = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, 2] before, float[2] row) => (float[N, 2] next)
    {
      inside = Gemm (gated, w2)
      again = Gemm (gated, w2)
      t = Mul (inside, row)
      u = Sub (t, again)
      next = Add (before, u)
    }> (start, rows)
  z = Add (state, outside)`,
  'a scan that captures a transposed gate': () => `
  turned = Transpose <perm: ints = [1, 0]> (gated)
  start = Gemm (x, w0)
  z = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, 2] state, float[2] row) => (float[N, 2] next)
    {
      back = Transpose <perm: ints = [1, 0]> (turned)
      t = Gemm (back, w2)
      u = Mul (t, row)
      next = Add (state, u)
    }> (start, rows)`,
  'a scan that captures what is scaled and shifted': () => `
  scaled = Mul (gated, two)
  moved = Add (scaled, two)
  start = Gemm (x, w0)
  z = Scan <num_scan_inputs: int = 1, body: graph = body (float[N, 2] state, float[2] row) => (float[N, 2] next)
    {
      t = Gemm (moved, w2)
      u = Mul (t, row)
      next = Add (state, u)
    }> (start, rows)`,
  'an LSTM over what is scaled and shifted': () => `
  scaled = Mul (gated, two)
  moved = Add (scaled, two)
  sequence = Unsqueeze (moved, axis0)
  hidden, last = LSTM <hidden_size: int = 2> (sequence, wl, rl)
  z = Squeeze (last, axis0)`,
  'an LSTM over the gate': () => `
  sequence = Unsqueeze (gated, axis0)
  hidden, last = LSTM <hidden_size: int = 2> (sequence, wl, rl)
  z = Squeeze (last, axis0)`,
  'a GRU that starts from the gate': (order) => `
  sequence = Unsqueeze (x, axis0)
  initial = Unsqueeze (gated, axis0)
  hidden, last = GRU <hidden_size: int = ${order.length}> (sequence, wg, rg, , , initial)
  state = Squeeze (last, axis0)
  z = Gemm (state, w2)`,
};

/** A gated dense layer, some units of which never fire, before a nested graph. */
function network(random: Random, nest: (order: readonly number[]) => string) {
  const width = 2 + random.integer(5);
  const dead = Array.from({ length: width }, (_, unit) => unit).filter(() => random.uniform() < 0.4);
  const list = (size: number, item: (index: number) => number) =>
    Array.from({ length: size }, (_, i) => item(i)).join();
  const floats = (size: number) => list(size, () => Math.fround(random.normal()));
  const order = Array.from({ length: width }, () => random.integer(width));
  const hasActivation = random.uniform() < 0.5;
  const activation = hasActivation ? '\n  gated = Sigmoid (open)' : '';
  const text = `g (float[N, 3] x, bool c) => (float[N, 2] y)
<
  float[3, ${width}] w = {${floats(3 * width)}},
  float[3, ${width}] ws = {${list(3 * width, (i) => (dead.includes(i % width) ? 0 : random.normal()))}},
  float[${width}] bs = {${list(width, (unit) => (dead.includes(unit) ? -9 : random.normal()))}},
  float[3, 2] w0 = {${floats(6)}},
  float[${width}, 2] w2 = {${floats(2 * width)}},
  float[${width}, 2] w3 = {${floats(2 * width)}},
  float[2, 2] rows = {${floats(4)}},
  float[1, 8, ${width}] wl = {${floats(8 * width)}},
  float[1, 8, 2] rl = {${floats(16)}},
  float[1, ${3 * width}, 3] wg = {${floats(9 * width)}},
  float[1, ${3 * width}, ${width}] rg = {${floats(3 * width * width)}},
  int64[1] axis0 = {0},
  float two = {2.0},
  int64 trip = {2},
  bool go = {1},
  float[N, 2] z,
  float[N, ${width}] carried
>
{
  h = Gemm (x, w)
  s = Gemm (x, ws, bs)
  ${hasActivation ? 'open' : 'gated'} = ai.swan.Gate <axis: int = 1, name: string = "layer"> (h, s)${activation}${nest(order)}
  y = Tanh (z)
}`;
  return { graph: graphOf(text), dead };
}

describe('removing units that never fire keeps the function of', () => {
  test.each(Object.entries(uses))('%s', async (_, nest) => {
    let compared = 0;
    for (let seed = 1; seed <= Number(process.env.SWANC_CASES ?? 12); seed++) {
      const { graph, dead } = network(seededRandom(seed), nest);
      const profile = profileOf(graph, { layer: dead, gate: dead }, 0.5);
      const alone = await runPass(graph, [removeDeadUnits], { profile });
      compared += await expectSameFunction(graph, alone.graph, { seed });
      const whole = await runPass(graph, stages, { profile, facts: [] });
      compared += await expectSameFunction(graph, whole.graph, { seed });
    }
    expect(compared).toBeGreaterThan(0);
  });

  test('and takes units out of branches that only sum them up', async () => {
    const graph = graphOf(`g (float[N, 2] x, bool c) => (float[N, 1] y)
<
  float[2, 3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0},
  float[3, 1] w2 = {1.0, 2.0, 3.0},
  float[3, 1] w3 = {-1.0, -2.0, 3.0}
>
{
  h = Gemm (x, w)
  gated = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, h)
  y = If <then_branch: graph = on () => (float[N, 1] p)
    {
      p = Gemm (gated, w2)
    }, else_branch: graph = off () => (float[N, 1] q)
    {
      q = Gemm (gated, w3)
    }> (c)
}`);
    const { removed } = await runPass(graph, [removeDeadUnits], { profile: fakeProfile({ gate: [5, 0, 5] }) });
    expect(removed).toEqual([{ gate: 'gate', units: [1], basis: 'observed', reason: 'off' }]);
  });
});

import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import type { InputRanges } from '../../src/passkit/proofs/graph-bounds.js';
import { provedSlots } from '../../src/passkit/proofs/proved-slots.js';
import { defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { graphOf, randomFeeds, runGraph } from '../passes/support.js';

/** The fixed slots of a value along an axis. */
function fixedOf(graph: Graph, name: string, axis: number, ranges?: InputRanges): Record<number, number> {
  const value = defined(
    [...graph.allNodes()].flatMap(({ outputs }) => outputs).find((output) => output.name === name),
    name,
  );
  return Object.fromEntries(provedSlots(graph, ranges).fixed.of(value).get(axis) ?? []);
}

/** Fails unless the outputs hold what is proved of them, to the bit, on random samples. */
async function expectHeld(graph: Graph): Promise<void> {
  const { fixed } = provedSlots(graph, undefined);
  const results = await runGraph(graph, randomFeeds(graph, 5, seededRandom(3)));
  let count = 0;
  for (const output of graph.outputs) {
    const { dims, ...result } = { dims: results[output.name]?.dims ?? [], data: results[output.name]?.numbers() ?? [] };
    for (const [axis, slots] of fixed.of(output)) {
      const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
      for (const [index, x] of result.data.entries()) {
        const wanted = slots.get(Math.floor(index / inner) % (dims[axis] ?? 1));
        if (wanted === undefined) continue;
        expect(x).toBeCloseTo(wanted, 30);
        count++;
      }
    }
  }
  expect(count).toBeGreaterThan(0);
}

describe('slots are proved, without any range of the inputs,', () => {
  test('where all weights are zero: the bias alone is left', async () => {
    const graph = graphOf(`g (float[N, 2] x) => (float[N, 3] y, float[N, 3] z)
<
  float[2, 3] w = {1.0, 0.0, 0.0, 2.0, 0.0, 0.0},
  float[3] b = {1.0, 0.1, -7.0}
>
{
  y = Gemm (x, w, b)
  z = Relu (y)
}`);
    expect(fixedOf(graph, 'y', 1)).toEqual({ 1: Math.fround(0.1), 2: -7 });
    expect(fixedOf(graph, 'z', 1)).toEqual({ 1: Math.fround(0.1), 2: 0 });
    await expectHeld(graph);
  });

  test('of convolutions with padding, grouped and transposed ones', async () => {
    const graph = graphOf(`g (float[N, 2, 4, 4] x) => (float[N, 2, 4, 4] y, float[N, 2, 4, 4] z)
<
  float[2, 1, 3, 3] w = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0},
  float[2] b = {1.0, 2.0},
  float[2, 2, 1, 1] v = {1.0, 0.0, 3.0, 0.0},
  float[2] c = {1.0, 5.0}
>
{
  y = Conv <group: int = 2, pads: ints = [1, 1, 1, 1]> (x, w, b)
  z = ConvTranspose (x, v, c)
}`);
    expect(fixedOf(graph, 'y', 1)).toEqual({ 1: 2 });
    expect(fixedOf(graph, 'z', 1)).toEqual({ 1: 5 });
    await expectHeld(graph);
  });

  test('of ReLU that nothing above zero reaches, and of what is joined, cut and moved from there', async () => {
    const graph = graphOf(`g (float[N, 2] x) => (float[N, 4] y, float[N, 1] z)
<
  float[2] shift = {-2.0, 0.0},
  int64[1] from = {0},
  int64[1] to = {1},
  int64[1] axes = {1}
>
{
  s = Sigmoid (x)
  m = Add (s, shift)
  r = Relu (m)
  y = Concat <axis: int = 1> (x, r)
  z = Slice (r, from, to, axes)
}`);
    expect(fixedOf(graph, 'r', 1)).toEqual({ 0: 0 });
    expect(fixedOf(graph, 'y', 1)).toEqual({ 2: 0 });
    expect(fixedOf(graph, 'z', 1)).toEqual({ 0: 0 });
    await expectHeld(graph);
  });

  test('of gates, whose score may come from a nested graph', async () => {
    const graph = graphOf(`g (float[N, 2] x, bool c) => (float[N, 2] y)
<
  float[2] low = {-9.0, 0.0}
>
{
  p = Sigmoid (x)
  s = If <then_branch: graph = on () => (float[N, 2] a)
    {
      a = Add (p, low)
    }, else_branch: graph = off () => (float[N, 2] b)
    {
      b = Sub (low, p)
    }> (c)
  y = ai.swan.Gate <name: string = "gate"> (x, s)
}`);
    expect([...provedSlots(graph, undefined).off.values()]).toEqual([[0]]);
    expect(fixedOf(graph, 'y', 1)).toEqual({ 0: 0 });
    await expectHeld(graph);
  });
});

describe('hidden units of a recurrent layer', () => {
  const rows = { LSTM: 4, GRU: 3, RNN: 1 } as const;
  type Op = keyof typeof rows;

  /** One input and two hidden units a direction; of unit 1 the candidate has no weights. */
  function layer(op: Op, given: { bias?: number; initial?: number; direction?: string } = {}): Graph {
    const directions = given.direction === 'bidirectional' ? 2 : 1;
    const gates = rows[op];
    const candidate = op === 'LSTM' ? 3 : gates - 1;
    const isSilent = (row: number): boolean => row % (2 * gates) === 2 * candidate + 1;
    const weights = (columns: number) =>
      Array.from({ length: directions * gates * 2 * columns }, (_, index) =>
        isSilent(Math.floor(index / columns)) ? 0 : 0.5,
      );
    const bias = Array.from({ length: directions * 2 * gates * 2 }, (_, index) =>
      isSilent(index) ? (given.bias ?? 0) : 1,
    );
    const list = (values: readonly number[]) => `{${values.map((value) => value.toFixed(2)).join(', ')}}`;
    const state = `, init${op === 'LSTM' ? ', init' : ''}`;
    return graphOf(
      `g (float[3, N, 1] x) => (float[3, ${directions}, N, 2] y, float[${directions}, N, 2] h)
<
  float[${directions}, ${2 * gates}, 1] w = ${list(weights(1))},
  float[${directions}, ${2 * gates}, 2] r = ${list(weights(2))},
  float[${directions}, ${4 * gates}] b = ${list(bias)},
  float[${directions}, 5, 2] init = ${list(Array.from({ length: directions * 10 }, () => given.initial ?? 0))}
>
{
  y, h = ${op} <hidden_size: int = 2, direction: string = "${given.direction ?? 'forward'}"> (x, w, r, b, ${
    given.initial === undefined ? '' : state
  })
}`
        .replace(', )', ')')
        .replace('b, , init', 'b, , init'),
    );
  }

  test.each(['LSTM', 'GRU', 'RNN'] as const)(
    'of an %s without weights for their candidate stay at zero',
    async (op) => {
      for (const direction of ['forward', 'bidirectional']) {
        const graph = layer(op, { direction });
        expect(fixedOf(graph, 'y', 3)).toEqual({ 1: 0 });
        expect(fixedOf(graph, 'h', 2)).toEqual({ 1: 0 });
        await expectHeld(graph);
      }
    },
  );

  test.each(['LSTM', 'GRU', 'RNN'] as const)('of an %s do not with a bias for it, or another start', (op) => {
    expect(fixedOf(layer(op, { bias: 0.1 }), 'y', 3)).toEqual({});
    expect(fixedOf(layer(op, { initial: 0.1 }), 'y', 3)).toEqual({});
    expect(fixedOf(layer(op, { initial: 0 }), 'y', 3)).toEqual({ 1: 0 });
  });
});

test('ranges may be given by input', () => {
  const graph = graphOf(
    'g (float[N, 2] x, float[N, 2] z) => (float[N, 2] y) { s = Sub (x, z)  y = Relu (s) }'.replace('  y', '\n y'),
  );
  expect(
    fixedOf(
      graph,
      'y',
      1,
      new Map([
        ['x', [0, 1] as const],
        ['z', [2, 3] as const],
      ]),
    ),
  ).toEqual({ 0: 0, 1: 0 });
  expect(fixedOf(graph, 'y', 1, new Map([['x', [0, 1] as const]]))).toEqual({});
});

test('a table of zeros in some columns is proved whatever is looked up', async () => {
  const graph = graphOf(`g (int64[N] i) => (float[N, 2] y) <float[3, 2] table = {1.0, 0.0, 2.0, 0.0, 3.0, 0.0}> {
  y = Gather (table, i)
}`);
  expect(fixedOf(graph, 'y', 1)).toEqual({ 1: 0 });
  expect((await runGraph(graph, { i: Tensor.int64([2], [2, 0]) })).y?.numbers()).toEqual([3, 0, 1, 0]);
});

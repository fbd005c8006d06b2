import { describe, expect, test } from 'vitest';
import { toFloat16 } from '../../passes/to-float16.js';
import { measureMagnitudes } from '../../src/compiler/precision/measure-magnitudes.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { modelBytes } from '../../src/onnx/write.js';
import { PassManager } from '../../src/passkit/manager.js';
import type { Target } from '../../src/passkit/target.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { halfToNumber } from '../../src/support/float16.js';
import { seededRandom } from '../../src/support/random.js';
import { contextOf, graphOf, operators, randomFeeds, runGraph, type Tensors } from './support.js';

const runtime = await openRuntime();

interface Options {
  readonly target?: Target;
  /** What magnitudes are taken from; standard normal samples unless given. */
  readonly feeds?: Tensors;
  readonly opset?: number;
  /** Largest difference of outputs, in parts of the largest output. */
  readonly within?: number;
}

/** The graph in float16, and why nodes are not, once it has been found to load and to compute nearly the same. */
async function halved(text: string, options: Options = {}) {
  const graph = graphOf(text);
  const feeds = options.feeds ?? randomFeeds(graph, 3, seededRandom(1));
  const magnitudes = await measureMagnitudes(graph, [{ feeds }], runtime);
  const context = { ...contextOf(options.target === undefined ? {} : { target: options.target }), magnitudes };
  const manager = new PassManager(graph, context);
  await manager.run([toFloat16]);
  const expected = await runGraph(graphOf(text), feeds);
  const session = await runtime.load(modelBytes(graph, { opset: options.opset ?? 18 }));
  const actual = await session.run(feeds);
  await session.close();
  for (const { name, type } of graphOf(text).outputs) {
    const [wanted, found] = [defined(expected[name], name), defined(actual[name], name)];
    expect(found.type).toBe(type?.type);
    const scale = Math.max(...wanted.numbers().map(Math.abs));
    for (const [index, value] of wanted.numbers().entries()) {
      expect(Math.abs(at(found.numbers(), index) - value)).toBeLessThanOrEqual((options.within ?? 5e-3) * scale);
    }
  }
  const { findings } = at(manager.runs, 0).report;
  return { graph, kept: findings.filter(({ done }) => !done).map(({ what }) => what), ops: operators(graph).join(' ') };
}

const typesOf = (graph: Graph): (string | undefined)[] => [...graph.allNodes()].map(({ output }) => output.elementType);

describe('weights and arithmetic', () => {
  test('become float16, rounded to the nearest number, with casts where the model begins and ends', async () => {
    const { graph, ops } = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.00048828125, 3.0, -2.001}, float[2] b = {0.5, 0.25}>
{
  p = MatMul (x, w)
  q = Add (p, b)
  y = Relu (q)
}`);
    expect(ops).toBe('Cast MatMul Add Cast Relu');
    const weights = defined(graph.nodes[1]?.input(1).constant, 'weights');
    // 1.00048828125 lies between two numbers: the even one is 1.
    expect(weights.numbers().map(halfToNumber)).toEqual([0.0999755859375, 1, 3, -2.001953125]);
    expect(graph.inputs.map(({ elementType }) => elementType)).toEqual(['float32']);
    expect(graph.outputs.map(({ name, elementType }) => `${name} ${elementType}`)).toEqual(['y float32']);
  });

  test('that read one value share its cast', async () => {
    const { ops } = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}>
{
  p = MatMul (x, w)
  q = MatMul (x, w)
  y = Mul (p, q)
}`);
    expect(ops).toBe('Cast MatMul MatMul Mul Cast');
  });

  test('are cast where the tensor is smallest', async () => {
    const { graph, ops } = await halved(`g (float[N, 1, 8, 8] x) => (float[N, 2, 1, 1] y)
<float[2, 1, 4, 4] w = {0.1, 1.0, 3.0, -2.0, 0.1, 1.0, 3.0, -2.0, 0.1, 1.0, 3.0, -2.0, 0.1, 1.0, 3.0, -2.0,
  0.1, 1.0, 3.0, -2.0, 0.1, 1.0, 3.0, -2.0, 0.1, 1.0, 3.0, -2.0, 0.1, 1.0, 3.0, -2.0}>
{
  p = MaxPool <kernel_shape: ints = [2, 2], strides: ints = [2, 2]> (x)
  y = Conv (p, w)
}`);
    expect(ops).toBe('MaxPool Cast Conv Cast');
    expect(typesOf(graph)).toEqual(['float32', 'float16', 'float16', 'float32']);
  });

  test('make masks of truth values at once', async () => {
    const { ops } = await halved(`g (float[N, 2] x, bool[N, 2] m) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}>
{
  p = MatMul (x, w)
  c = Cast <to: int = 1> (m)
  q = Mul (p, c)
  y = MatMul (q, w)
}`);
    expect(ops).toBe('Cast MatMul Cast Mul MatMul Cast');
  });

  test('leave whole numbers and settings alone', async () => {
    const { graph } = await halved(
      `g (float[1, 2, 3, 3] x) => (float[1, 2, 6, 6] y, int64[4] n)
<float[4] scales = {1.0, 1.0, 2.0, 2.0}, float[2, 2, 1, 1] w = {0.1, 1.0, 3.0, -2.0}>
{
  c = Conv (x, w)
  y = Resize <mode: string = "nearest"> (c, , scales)
  n = Shape (c)
}`,
    );
    expect(graph.nodes.find(({ op }) => op === 'Resize')?.input(2).elementType).toBe('float32');
  });

  test('are written for old operator sets', async () => {
    await halved(
      `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}>
{
  p = MatMul (x, w)
  q = Gelu (p)
  r = Mish (q)
  s = HardSwish (r)
  y = MatMul (s, w)
}`,
      { opset: 13 },
    );
  });
});

describe('float32 stay', () => {
  test('scores, from what a gate controls by to its comparison', async () => {
    const { graph, kept } = await halved(`g (float[N, 2] x) => (float[N, 3] y)
<
  float[2, 3] w = {0.1, 1.0, 3.0, -2.0, 0.3, 0.7}, float[3, 3] v = {1.0, 0.0, 2.0, 0.0, 1.0, 0.5, -1.0, 0.5, 1.0},
  float[3, 2] hidden = {0.3, 0.1, -0.2, 0.7, 0.5, -0.4}, float[2, 3] kernel = {1.0, 0.5, -0.5, 0.2, 1.0, 0.9}, float t = {0.0}
>
{
  f = MatMul (x, w)
  a = MatMul (f, hidden)
  h = Relu (a)
  s = MatMul (h, kernel)
  on = GreaterOrEqual (s, t)
  m = Cast <to: int = 1> (on)
  gated = Mul (f, m)
  y = MatMul (gated, v)
}`);
    expect([...new Set(kept)]).toEqual(['its scores decide which units fire']);
    const floats = graph.nodes.filter(({ op, output }) => op === 'MatMul' && output.elementType === 'float32');
    expect(floats).toHaveLength(2);
  });

  test('scores of inputs, which are not rounded', async () => {
    const { ops, graph } = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}, float t = {0.0}>
{
  s = MatMul (x, w)
  on = GreaterOrEqual (s, t)
  m = Cast <to: int = 1> (on)
  f = MatMul (x, w)
  y = Mul (f, m)
}`);
    expect(ops).toBe('MatMul GreaterOrEqual Cast Cast MatMul Mul Cast');
    expect(graph.nodes[0]?.input(0)).toBe(graph.inputs[0]);
  });

  test('values that are too large, and sums that become so on the way', async () => {
    const large = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float c = {30000.0}, float[2, 2] w = {0.1, 1.0, 3.0, -2.0}, float d = {0.0001}>
{
  p = Mul (x, c)
  q = Mul (p, d)
  y = MatMul (q, w)
}`);
    expect(large.kept.join()).toMatch(/its output are as large as .*,elements of what it reads are as large as/);
    const sums = await halved(`g (float[N, 2] x) => (float[N, 1] y)
<float[2, 2] w = {200.0, 200.0, 200.0, 200.0}, float[2, 1] v = {200.0, -200.0}>
{
  p = MatMul (x, w)
  y = MatMul (p, v)
}`);
    expect(sums.kept.join()).toMatch(/^its partial sums are as large as/);
  });

  test('weights that are infinite or mostly lost in float16, but not all for the sake of a stray one', async () => {
    const model = (weights: string): string => `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {${weights}}>
{
  y = MatMul (x, w)
}`;
    expect((await halved(model('1.0, 2.0, 3.0, 70000.0'))).kept).toEqual([
      'a weight is as large as 7.00e+4: float16 ends at 65504',
    ]);
    expect((await halved(model('1.0, 0.0000003, 2.0, 0.0000005'))).kept).toEqual([
      'many weights are too small for float16',
    ]);
    expect((await halved(model('1.0, 0.5, 2.0, 0.000000001'))).kept).toEqual([]);
    // What an input adds to a sum may be next to nothing, as that of a pixel that is always black is.
    expect((await halved(model('1.0, 2.0, 0.00000003, 0.00000002'))).kept).toEqual([]);
  });

  test('values that are all tiny', async () => {
    const { kept } = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float c = {0.0001}>
{
  p = Mul (x, c)
  y = Div (p, c)
}`);
    expect(kept.join()).toMatch(/all below/);
  });

  test('what is tiny where that matters, back to where it comes from', async () => {
    const { kept, ops } = await halved(
      `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {1.0, 0.0, 0.0, 1.0}>
{
  h = MatMul (x, w)
  s = Sigmoid (h)
  y = Log (s)
}`,
      { feeds: { x: Tensor.floats([2, 2], [-12, 3, 1, 0]) } },
    );
    expect([...new Set(kept)]).toEqual(['it computes with numbers below 2^-14 whose digits count']);
    expect(ops).toBe('Cast MatMul Cast Sigmoid Log');
  });

  test('what rounds to whole numbers, and what is computed for that', async () => {
    for (const op of ['Floor', 'Ceil', 'Round', 'Sign']) {
      const { graph } = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}>
{
  h = MatMul (x, w)
  r = ${op} (h)
  y = MatMul (r, w)
}`);
      const products = graph.nodes.filter((node) => node.op === 'MatMul');
      expect(products.map(({ output }) => output.elementType)).toEqual(['float32', 'float16']);
    }
  });

  test('what unknown operators read, for a reason of its own', async () => {
    const { kept } = await halved(`g (float[N, 2, 4] x) => (float[N, 2, 4] y)
<float[4, 4] w = {0.1, 1.0, 3.0, -2.0, 1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0, 0.0, 1.0, 0.0, 1.0}, float[2] one = {1.0, 1.0}>
{
  h = MatMul (x, w)
  y = InstanceNormalization (h, one, one)
}`);
    expect(kept).toEqual([
      'it leads to InstanceNormalization, of which nothing is known in float16',
      'nothing is known of InstanceNormalization in float16',
    ]);
  });

  test('long sums without weights, and no short ones', async () => {
    const model = (size: number): string => `g (float[N, 2] x) => (float[N, ${size}] y)
<float[2, ${size}] w = {${Array.from({ length: 2 * size }, (_, index) => (index % 7) - 3).join('.0, ')}.0}>
{
  p = MatMul (x, w)
  q = Softmax <axis: int = 1> (p)
  y = Mul (q, p)
}`;
    expect((await halved(model(40), { within: 2e-2 })).kept).toEqual(['it adds up 40 numbers without weights']);
    expect((await halved(model(4), { within: 2e-2 })).kept).toEqual([]);
  });

  test('what the target has no float16 for', async () => {
    const base = contextOf().target;
    const target: Target = {
      ...base,
      placement: (node) => (node.op === 'Tanh' && node.input(0).elementType === 'float16' ? 'host' : 'device'),
    };
    const text = `g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}>
{
  p = MatMul (x, w)
  q = Tanh (p)
  y = MatMul (q, w)
}`;
    const { ops, kept } = await halved(text, { target });
    expect(kept).toEqual(['cpu has no kernel of Tanh in float16']);
    expect(ops).toBe('Cast MatMul Cast Tanh Cast MatMul Cast');
  });
});

describe('nested graphs', () => {
  test('give one type from both branches of an If', async () => {
    const { graph } = await halved(`g (float[N, 2] x, bool c) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}, float big = {40000.0}, float small = {0.000025}>
{
  p = MatMul (x, w)
  q = If <then_branch: graph = on () => (float[N, 2] z)
    <float[2, 2] u = {1.0, 1.0, 3.0, -2.0}>
    {
      z = MatMul (p, u)
    }, else_branch: graph = off () => (float[N, 2] s)
    {
      r = Mul (x, big)
      s = Mul (r, small)
    }> (c)
  y = MatMul (q, w)
}`);
    const branch = defined(
      graph.nodes.find(({ op }) => op === 'If'),
      'If',
    );
    expect(branch.subgraphs.map(({ outputs }) => outputs[0]?.elementType)).toEqual(['float16', 'float16']);
    expect(branch.output.elementType).toBe('float16');
  });

  test('of loops stay as they are', async () => {
    const { graph, kept } = await halved(`g (float[N, 2] x) => (float[N, 2] y)
<float[2, 2] w = {0.1, 1.0, 3.0, -2.0}, int64 n = {3}, bool yes = {1}>
{
  p = MatMul (x, w)
  q = Loop <body: graph = b (int64 i, bool go, float[N, 2] s) => (bool more, float[N, 2] t)
    {
      more = Identity (go)
      t = Add (s, p)
    }> (n, yes, p)
  y = MatMul (q, w)
}`);
    expect(kept).toContain('it is in a loop, whose state has one type');
    expect(graph.nodes.find(({ op }) => op === 'Loop')?.output.elementType).toBe('float32');
  });
});

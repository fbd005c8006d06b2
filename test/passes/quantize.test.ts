import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { readModel } from '../../src/onnx/read.js';
import { modelBytes } from '../../src/onnx/write.js';
import { tableOf } from '../../src/passkit/quantization/lookup.js';
import { gridOf } from '../../src/passkit/quantization/ranges.js';
import { at, defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { temporaryFolder } from '../compiler/support.js';
import { quantized, runtime } from './quantize-support.js';
import { contextOf, graphOf, operators, randomFeeds, runGraph, type Tensors } from './support.js';

const folder = await temporaryFolder();

const feedsOf = (graph: Graph, count = 4, samples = 3): Tensors[] =>
  Array.from({ length: count }, (_, seed) => randomFeeds(graph, samples, seededRandom(seed + 1)));

/** Operators that ONNX Runtime makes of a graph. */
async function fused(graph: Graph, opset = 13): Promise<string[]> {
  const path = join(folder, 'optimized.onnx');
  const options = { optimizedModelFilePath: path, graphOptimizationLevel: 'all', logSeverityLevel: 4 } as const;
  const session = await InferenceSession.create(modelBytes(graph, { opset }), options);
  await session.release();
  return operators(readModel(readFileSync(path)));
}

/** The largest difference of two graphs on some runs, in parts of the largest output. */
async function difference(left: Graph, right: Graph, runs: readonly Tensors[]): Promise<number> {
  let [most, scale] = [0, 0];
  const session = await runtime.load(modelBytes(right, { opset: 13 }));
  for (const feeds of runs) {
    const [expected, actual] = [await runGraph(left, feeds), await session.run(feeds)];
    for (const { name, type } of left.outputs) {
      const [wanted, found] = [defined(expected[name], name), defined(actual[name], name)];
      expect(found.type).toBe(type?.type);
      expect(found.dims).toEqual(wanted.dims);
      for (const [index, value] of wanted.numbers().entries()) {
        most = Math.max(most, Math.abs(at(found.numbers(), index) - value));
        scale = Math.max(scale, Math.abs(value));
      }
    }
  }
  await session.close();
  return most / scale;
}

const convolutions = `g (float[N, 2, 6, 6] x) => (float[N, 3] y)
<float[4, 2, 3, 3] w = {${Array.from({ length: 72 }, (_, i) => Math.sin(i).toFixed(3))}}, float[4] b = {0.1, -0.2, 0.3, 0.0},
 float[64, 3] v = {${Array.from({ length: 192 }, (_, i) => Math.cos(i).toFixed(3))}}, float[3] c = {0.5, 0.0, -0.5},
 float s = {1.702}, float h = {0.3}, int64[2] flat = {0, 64}>
{
  p = Conv <pads = [0, 0, 0, 0]> (x, w, b)
  m = Mul (p, s)
  e = Sigmoid (m)
  a = Mul (p, e)
  o = Add (a, h)
  f = Reshape (o, flat)
  y = Gemm (f, v, c)
}`;

describe('sums of products and what is between them', () => {
  test('run on integers from the first to the last', async () => {
    const graph = graphOf(convolutions);
    const runs = feedsOf(graph);
    const { graph: after, findings } = await quantized(graph, runs);
    // 64 terms, each from a grid of 256.
    expect(await difference(graph, after, runs)).toBeLessThan(0.03);
    const all = await fused(after);
    expect(all).toContain('QLinearConv');
    expect(all).toContain('QGemm');
    expect(all).toContain('GatherElements');
    for (const op of ['Conv', 'Gemm', 'Sigmoid', 'DequantizeLinear']) expect(all).not.toContain(op);
    expect(findings).toContain('m: 4 operators became a look-up in a table of 256');
    // Weights are there as integers only, with a scale for each channel.
    const types = [...after.constants].map(({ name, constant }) => [name, constant?.type, constant?.dims.join()]);
    expect(types).toContainEqual(['w', 'int8', '4,2,3,3']);
    expect(types).toContainEqual(['v', 'int8', '64,3']);
    expect([...after.constants].every(({ constant }) => constant?.is('float32') !== true || constant.size <= 4)).toBe(
      true,
    );
  });

  test('activations stay in floats where a table is no faster', async () => {
    const graph = graphOf(convolutions);
    const runs = feedsOf(graph);
    const { graph: after } = await quantized(graph, runs, { tables: false });
    expect(operators(after)).toContain('Sigmoid');
    expect(operators(after)).not.toContain('GatherElements');
    expect(await difference(graph, after, runs)).toBeLessThan(0.03);
  });

  test('all that stays in floats is told of, each layer and reason once', async () => {
    const graph = graphOf(`g (float[N, 1, 2, 2] x) => (float[N, 1, 2, 2] y)
<float[1, 1, 1, 1] w = {1.0}, float[1, 1, 2, 2] c = {1, 2, 3, 4}>
{
  p = Conv (x, w)
  s = Add (p, c)
  r = Relu (s)
  q = Conv (r, w)
  y = Softmax (q)
}`);
    const { plan } = await quantized(graph, feedsOf(graph));
    expect(plan.kept).toEqual([
      { where: 's', reason: 'its constants are no single numbers' },
      { where: 'r', reason: 'what it reads is in floats' },
      { where: 'y', reason: 'there is no kernel of integers for Softmax' },
    ]);
  });

  test('a layer that is to be kept stays in floats, and the others do not', async () => {
    const graph = graphOf(convolutions);
    const runs = feedsOf(graph);
    const { graph: after, plan } = await quantized(graph, runs, { kept: new Set(['w']) });
    expect(plan.kept[0]).toEqual({ where: 'p', reason: 'its error would be too large' });
    expect(new Set(plan.kept.slice(1).map(({ reason }) => reason))).toEqual(new Set(['what it reads is in floats']));
    const all = await fused(after);
    expect(all).toContain('QGemm');
    expect(all).not.toContain('QLinearConv');
    const everything = await quantized(graph, runs, { kept: new Set(['w', 'v']) });
    expect(operators(everything.graph)).toEqual(operators(graph));
  });

  test('additions, concatenations and pooling between them have kernels of integers', async () => {
    const graph = graphOf(`g (float[N, 2, 6, 6] x) => (float[N, 4, 1, 1] y)
<float[2, 2, 1, 1] w = {1.0, 0.5, -0.5, 1.0}, float[2, 2, 1, 1] v = {0.5, 0.25, 1.0, -1.0},
 float[4, 4, 1, 1] u = {1, 0, 0, 1, 0, 1, 0, -1, 1, 1, 0, 0, 0, 0, 1, 1}>
{
  p = Conv (x, w)
  q = Conv (x, v)
  a = Add (p, q)
  c = Concat <axis = 1> (a, q)
  m = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (c)
  t = GlobalAveragePool (m)
  y = Conv (t, u)
}`);
    const runs = feedsOf(graph);
    const { graph: after } = await quantized(graph, runs);
    const all = await fused(after);
    for (const op of ['QLinearAdd', 'QLinearConcat', 'QLinearGlobalAveragePool']) expect(all).toContain(op);
    for (const op of ['Add', 'Concat', 'GlobalAveragePool', 'Conv']) expect(all).not.toContain(op);
    expect(await difference(graph, after, runs)).toBeLessThan(0.02);
  });

  test('an average of zeros has a step that its kernel takes', async () => {
    const graph = graphOf(`g (float[N, 1, 2, 2] x) => (float[N, 1, 1, 1] y)
<float[1, 1, 1, 1] w = {1.0}>
{
  p = Conv (x, w)
  t = GlobalAveragePool (p)
  y = Conv (t, w)
}`);
    const runs = [{ x: Tensor.floats([1, 1, 2, 2], [1, -1, 1, -1]) }];
    const { graph: after } = await quantized(graph, runs);
    expect(await fused(after)).toContain('QLinearGlobalAveragePool');
    const session = await runtime.load(modelBytes(after, { opset: 13 }));
    const found = defined((await session.run(at(runs, 0))).y, 'y').numbers();
    await session.close();
    expect(Math.abs(at(found, 0))).toBeLessThan(0.01);
  });

  test('a Relu behind a product is where its integers begin', async () => {
    const graph = graphOf(`g (float[N, 3] x) => (float[N, 2] y)
<float[3, 4] w = {1, 2, -1, 1, 0.5, -2, 1, 1, 1, 0, -1, 1}, float[4, 2] v = {1, 2, 3, 4, -1, -2, -3, -4}>
{
  p = MatMul (x, w)
  r = Relu (p)
  y = MatMul (r, v)
}`);
    const runs = feedsOf(graph);
    const { graph: after, ranges } = await quantized(graph, runs);
    expect(operators(after)).not.toContain('Relu');
    expect(ranges.get('r')?.[0]).toBe(0);
    expect(await fused(after)).toEqual(['QuantizeLinear', 'QLinearMatMul', 'MatMulIntegerToFloat']);
    expect(await difference(graph, after, runs)).toBeLessThan(0.02);
  });

  test('weights that are made at run time, data that are constant and biases that vary stay as they are', async () => {
    const graph = graphOf(`g (float[N, 2] x, float[2, 2] u) => (float[N, 2] y)
<float[2, 2] w = {1, 2, 3, 4}>
{
  p = MatMul (x, u)
  q = Gemm (p, w, p)
  y = Gemm <alpha = 0.5> (q, w)
}`);
    const { plan, graph: after } = await quantized(graph, feedsOf(graph, 2, 2));
    expect(plan.steps).toEqual([]);
    expect(plan.kept.map(({ reason }) => reason)).toEqual([
      'its weights are not constant',
      'its bias is no constant row',
      'its inputs are scaled or no floats',
    ]);
    expect(operators(after)).toEqual(operators(graph));
  });
});

describe('gates', () => {
  const gated = graphOf(`g (float[N, 3] x) => (float[N, 2] y)
<float[3, 4] w = {1, 2, -1, 1, 0.5, -2, 1, 1, 1, 0, -1, 1}, float[4] b = {0.1, 0.2, 0.3, 0.4},
 float[3, 4] k = {1, 0.333, -1, 2, 1, 1, -2, 0, 0.5, 0, 1, 1}, float t = {0.1},
 float[4, 2] v = {1, 2, 3, 4, -1, -2, -3, -4}>
{
  p = Gemm (x, w, b)
  s = MatMul (x, k)
  on = GreaterOrEqual (s, t)
  g = Cast <to = 1> (on)
  f = Mul (p, g)
  y = MatMul (f, v)
}`);

  test('decide in floats, and their masks pick integers', async () => {
    const runs = feedsOf(gated);
    const { graph: after, plan } = await quantized(gated, runs);
    expect(plan.kept).toEqual([{ where: 's', reason: 'it decides what runs or fires' }]);
    const all = await fused(after);
    expect(all).toContain('Where');
    expect(all).not.toContain('Mul');
    // The score's product is the only one in floats.
    expect(all.filter((op) => op === 'MatMul')).toHaveLength(1);
    expect(await difference(gated, after, runs)).toBeLessThan(0.02);
  });

  test('get their weights from float16 where there are many', async () => {
    const rows = Array.from({ length: 256 }, (_, index) => Math.sin(index).toFixed(4)).join();
    const graph = graphOf(`g (float[N, 16] x) => (float[N, 2] y)
<float[16, 16] k = {${rows}}, float[16, 16] w = {${rows}}, float t = {0.1}, float[16, 2] v = {${rows.split(',').slice(0, 32)}}>
{
  p = MatMul (x, w)
  s = MatMul (x, k)
  on = GreaterOrEqual (s, t)
  g = Cast <to = 1> (on)
  f = Mul (p, g)
  y = MatMul (f, v)
}`);
    const { graph: after } = await quantized(graph, feedsOf(graph));
    const stored = [...after.constants].find(({ name }) => name === 'k');
    expect(stored?.elementType).toBe('float16');
    // The engine makes floats of them when it loads the model.
    expect(await fused(after)).not.toContain('Cast');
  });

  test('branches for some of the units read integers of all, and give integers', async () => {
    const graph = graphOf(`g (float[N, 3] x, bool c) => (float[N, 2] y)
<float[3, 4] w = {1, 2, -1, 1, 0.5, -2, 1, 1, 1, 0, -1, 1}, float[4] b = {0.1, 0.2, 0.3, 0.4},
 float[4, 4] v = {1, 2, 3, 4, -1, -2, -3, -4, 1, 2, 3, 4, -1, -2, -3, -4}, float[4, 2] u = {1, 0.5, 0.25, 1, -1, 0, 2, 1},
 int64[2] some = {0, 2}, int64[1] zero = {0}, int64[1] two = {2}, float[4, 1] silent = {1, 0, 1, 1}>
{
  h = If (c) <
    then_branch = one () => (float[N, 4] p) {
      w1 = Gather <axis = 1> (w, some)
      b1 = Gather (b, some)
      h1 = Gemm (x, w1, b1)
      r1 = Relu (h1)
      v1 = Slice (v, zero, two)
      p = MatMul (r1, v1)
    },
    else_branch = two () => (float[N, 4] q) {
      h2 = Gemm (x, w, b)
      r2 = Relu (h2)
      v2 = Mul (v, silent)
      q = MatMul (r2, v2)
    }
  >
  y = MatMul (h, u)
}`);
    const condition = (holds: boolean): Tensor => new Tensor('bool', [], Uint8Array.of(Number(holds)));
    const runs = feedsOf(graph).map((feeds, index) => ({ ...feeds, c: condition(index % 2 === 0) }));
    const { graph: after, plan } = await quantized(graph, runs);
    expect(plan.kept).toEqual([]);
    expect(await difference(graph, after, runs)).toBeLessThan(0.03);
    const all = await fused(after);
    expect(all.filter((op) => op === 'Gemm' || op === 'MatMul' || op === 'Relu')).toEqual([]);
    // Cuts of integers are done when the model is loaded.
    for (const op of ['Gather', 'Slice', 'Mul']) expect(all).not.toContain(op);

    // A branch that no sample takes has the ranges that it would have.
    const onlyElse = runs.filter((_, index) => index % 2 === 1);
    const { graph: forced } = await quantized(graph, onlyElse);
    expect(await difference(graph, forced, runs)).toBeLessThan(0.3);
    expect(await difference(graph, forced, onlyElse)).toBeLessThan(0.03);
  });
});

describe('tables', () => {
  const chain = graphOf(convolutions);
  test('give for all 256 integers exactly what floats between two grids give', async () => {
    const { plan } = await quantized(chain, feedsOf(chain));
    const step = defined(
      plan.steps.find(({ kind }) => kind === 'lookup'),
      'a look-up',
    );
    if (step.kind !== 'lookup') throw new Error('no look-up');
    for (const [low, high] of [
      [-3, 5],
      [0, 1],
      [-200, 300],
      [-1e-3, 1e-4],
    ] as const) {
      const [from, to] = [gridOf([low, high]), gridOf([-0.3, Math.max(0.4, high)])];
      const table = await tableOf(step.chain, from, to, (graph) => contextOf().evaluate(graph));
      for (let entry = 0; entry < 256; entry++) {
        const x = (entry - from.zeroPoint) * from.scale;
        const wanted = (x / (1 + Math.exp(-1.702 * x)) + 0.3) / to.scale + to.zeroPoint;
        const rounded = Math.min(255, Math.max(0, Math.round(wanted)));
        // Ties and rounding of floats may go either way.
        const isTie = Math.abs(wanted - Math.floor(wanted) - 0.5) < 1e-3;
        const off = Math.abs(at(table.data, entry) - rounded);
        expect(off).toBeLessThanOrEqual(isTie ? 1 : 0);
      }
    }
  });
});

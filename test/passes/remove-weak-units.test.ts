import { describe, expect, test } from 'vitest';
import { removeWeakUnits } from '../../passes/remove-weak-units.js';
import { collectMoments } from '../../src/compiler/budget/collect-moments.js';
import type { Calibration } from '../../src/data/types.js';
import { cloneGraph } from '../../src/ir/clone.js';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { sizeOf } from '../../src/ir/types.js';
import { rankWeakUnits } from '../../src/passkit/budget/ranking.js';
import type { WeakItem } from '../../src/passkit/budget/weak-units.js';
import { PassManager } from '../../src/passkit/manager.js';
import type { Finding } from '../../src/passkit/pass.js';
import { openRuntime } from '../../src/runtime/session.js';
import { at, defined } from '../../src/support/assert.js';
import { seededRandom } from '../../src/support/random.js';
import { contextOf, graphOf, operators, runGraph } from './support.js';

const runtime = await openRuntime();
const signal = undefined;

/** One batch of seeded normal samples for a graph's only input, of which `edit` may change the numbers. */
function samplesFor(graph: Graph, count: number, seed: number, edit = (value: number, _: number): number => value) {
  const input = defined(graph.inputs[0], 'an input');
  const dims = [count, ...(input.shape ?? []).slice(1).map(Number)];
  const random = seededRandom(seed);
  const data = Array.from({ length: sizeOf(dims) }, (_, index) => edit(random.normal(), index));
  return { [input.name]: Tensor.floats(dims, data) };
}

function calibrationOf(feeds: Readonly<Record<string, Tensor>>): Calibration {
  const samples = defined(Object.values(feeds)[0]?.dims[0], 'samples');
  return {
    count: samples,
    labelled: false,
    async *batches() {
      yield { feeds, samples };
    },
  };
}

interface Weakened {
  readonly graph: Graph;
  readonly items: readonly WeakItem[];
  readonly findings: readonly Finding[];
  /** Root mean square of the change of the outputs in parts of that of the outputs. */
  readonly change: number;
}

/** Ranks on some samples, removes the first `count`, and compares on them. */
async function weaken(text: string, count: number, feedsOf = (graph: Graph) => samplesFor(graph, 400, 7)) {
  const before = graphOf(text);
  const feeds = feedsOf(before);
  const found = await collectMoments(before, calibrationOf(feeds), runtime, { batchSize: 400, signal });
  const moments = found ?? { places: new Map(), taken: new Map() };
  const items = rankWeakUnits(before, moments);
  const { graph } = cloneGraph(before);
  const manager = new PassManager(graph, { ...contextOf(), weak: { items, count, moments } }, ['gates', 'layout']);
  await manager.run([removeWeakUnits]);
  const [wanted, given] = [await runGraph(before, feeds), await runGraph(graph, feeds)];
  const [expected, actual] = [defined(wanted.y, 'y').floats(), defined(given.y, 'y').floats()];
  const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value ** 2, 0);
  const change = Math.sqrt(square(expected.map((value, index) => value - at(actual, index))) / square(expected));
  const result: Weakened = { graph, items, change, findings: manager.runs.flatMap(({ report }) => report.findings) };
  return result;
}

const sizeOfConstant = (graph: Graph, name: string): string | undefined =>
  [...graph.constants].find((value) => value.name === name)?.shape?.join();

/** Two inputs, a hidden layer of `w`, and an output. */
const dense = (w: string, w2: string, between = '  a = Relu (h)', hidden = 3) => `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, ${hidden}] w = {${w}},
  float[${hidden}] b = {${Array(hidden).fill('0.1').join()}},
  float[${hidden}, 1] w2 = {${w2}}
>
{
  h = Gemm (x, w, b)
${between}
  y = Gemm (a, w2)
}`;

describe('ranking', () => {
  test('begins with the unit that tells least for the work it costs', async () => {
    // Unit 1 hardly varies; unit 2 does, with a small weight.
    const { items } = await weaken(dense('1, 0.001, 0.7, 0, 0, -0.9', '1, 1, 0.2'), 0);
    expect(items.map((item) => (item.kind === 'unit' ? item.slots : []))).toEqual([
      [{ value: 'a', axis: 1, index: 1 }],
      [{ value: 'a', axis: 1, index: 2 }],
    ]);
    expect(items.every(({ loss, saved }) => loss >= 0 && saved > 0)).toBe(true);
    expect(at(items, 0).loss).toBeLessThan(at(items, 1).loss);
  });

  test('leaves out units that something else than a sum of products reads', async () => {
    const { items } = await weaken(dense('1, 0.001, 0.7, 0, 0, -0.9', '1, 1, 0.2', '  a = Softmax (h)'), 0);
    expect(items).toEqual([]);
  });

  test('counts what units say of one another: of two that are alike one goes first', async () => {
    const { items } = await weaken(dense('1, 2, 0.3, 0, 0, 0.1', '1, 1, 1'), 0);
    const [first] = items;
    expect(first?.kind === 'unit' && first.slots[0]?.index).not.toBe(2);
    expect(first?.loss).toBeLessThan(1e-3);
  });
});

describe('units that tell little', () => {
  test('nothing goes without a budget', async () => {
    const graph = graphOf(dense('1, 2, 3, 4, 5, 6', '1, 2, 3'));
    const manager = new PassManager(graph, contextOf(), ['gates', 'layout']);
    await manager.run([removeWeakUnits]);
    expect(manager.runs.map(({ report }) => report)).toEqual([{ findings: [] }]);
  });

  test('go with their mean folded into who reads them', async () => {
    const { graph, change, findings } = await weaken(dense('1, 0.001, 0.7, 0, 0.001, -0.9', '1, 1, 0.2'), 1);
    expect(sizeOfConstant(graph, 'w2')).toBe('2,1');
    // The mean of the unit is 0.1: forgetting it would change the output by a tenth.
    expect(change).toBeLessThan(2e-3);
    expect(findings).toEqual([{ where: 'a', done: true, what: '1 unit removed: told by their means and by others' }]);
  });

  test('what others tell of them goes to these', async () => {
    // Without an activation every unit is a sum of the two inputs: two of three tell the third.
    const { change, graph } = await weaken(dense('1, 2, 1, 0, 1, 1', '1, -1, 2', '  a = Identity (h)'), 1);
    expect(sizeOfConstant(graph, 'w')).toBe('2,2');
    expect(change).toBeLessThan(2e-2);
  });

  test('twins far from zero, whose covariance cannot be inverted, leave one of them', async () => {
    const twins = dense('1, 1, 0, 0, 0, 1', '1, 2, 1', '  a = Add (h, far)').replace(
      'w2 =',
      'far = {300.0},\n  float[3, 1] w2 =',
    );
    const { graph, change, items } = await weaken(twins.replace('float[3, 1] far', 'float[1] far'), 1);
    expect(at(items, 0).loss).toBeLessThan(0.05);
    expect(sizeOfConstant(graph, 'w2')).toBe('2,1');
    expect(change).toBeLessThan(1e-3);
  });

  test('of what is no number on some sample, nothing goes', async () => {
    const { items } = await weaken(dense('1, 2, 1, 0, 1, 1', '1, -1, 2', '  a = Log (h)'), 0);
    expect(items).toEqual([]);
  });

  test('weights that two nodes share take nothing over: the mean is all', async () => {
    const shared = `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 3] w = {1, 2, 1, 0, 1, 1},
  float[3, 1] w2 = {1, -1, 2}
>
{
  h = Gemm (x, w)
  a = Relu (h)
  p = Gemm (a, w2)
  q = Gemm (a, w2)
  y = Add (p, q)
}`;
    const { graph, change } = await weaken(shared, 1);
    expect(sizeOfConstant(graph, 'w')).toBe('2,2');
    const weights = [...graph.constants].find(({ name }) => name === 'w2')?.constant?.numbers() ?? [];
    expect(weights.every((weight) => [1, -1, 2].includes(weight))).toBe(true);
    expect(change).toBeLessThan(1);
  });

  test('at the border of a padded convolution the constant is a map, and exact for a constant unit', async () => {
    // Channel 1 is 0.5 everywhere; channel 0 varies.
    const { graph, change, items } = await weaken(
      `g (float[N, 1, 4, 4] x) => (float[N, 1, 4, 4] y)
<
  float[2, 1, 1, 1] w = {1.0, 0.0},
  float[2] b = {0.0, 0.5},
  float[1, 2, 3, 3] w2 = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5}
>
{
  h = Conv (x, w, b)
  a = Relu (h)
  y = Conv <pads: ints = [1, 1, 1, 1]> (a, w2)
}`,
      1,
      (graph) => samplesFor(graph, 50, 3),
    );
    expect(items[0]).toMatchObject({ slots: [{ value: 'a', axis: 1, index: 1 }] });
    expect(sizeOfConstant(graph, 'w2')).toBe('1,1,3,3');
    expect(change).toBeLessThan(1e-4);
  });

  test('channels go with all the positions that a flatten makes of them', async () => {
    const { graph, change, items } = await weaken(
      `g (float[N, 1, 2, 2] x) => (float[N, 1] y)
<
  float[3, 1, 1, 1] w = {1.0, 0.01, -1.0},
  float[3] b = {0.0, 0.5, 0.1},
  float[12, 1] w2 = {1, 2, 3, 4, 1, 1, 1, 1, 4, 3, 2, 1},
  int64[2] shape = {0, -1}
>
{
  h = Conv (x, w, b)
  a = Relu (h)
  rows = Reshape (a, shape)
  y = Gemm (rows, w2)
}`,
      1,
    );
    expect(items[0]?.kind === 'unit' && items[0].slots.map(({ index }) => index)).toEqual([4, 5, 6, 7]);
    expect(sizeOfConstant(graph, 'w2')).toBe('8,1');
    expect(change).toBeLessThan(2e-2);
  });
});

describe('masks that hardly ever take anything away', () => {
  const gated = (bias: number) => `g (float[N, 2] x) => (float[N, 1] y)
<
  float[2, 2] w = {1, 0.5, -0.5, 1},
  float[2, 2] ws = {1, 0, 0, 1},
  float[2] bs = {${bias}, ${bias}},
  float[2, 1] w2 = {1, -1}
>
{
  h = Gemm (x, w)
  s = Gemm (x, ws, bs)
  a = ai.swan.Gate <axis: int = 1, name: string = "gate"> (h, s)
  y = Gemm (a, w2)
}`;

  test('go first, and their scores with them', async () => {
    const { items, graph, change, findings } = await weaken(gated(3.5), 1);
    expect(items[0]).toMatchObject({ kind: 'gate', gate: 'gate' });
    expect(operators(graph)).toEqual(['Gemm', 'Gemm']);
    expect(change).toBeGreaterThan(0);
    expect(change).toBeLessThan(0.2);
    expect(findings).toMatchObject([{ where: 'gate', done: true }]);
  });

  test('stay before a unit where they take much away', async () => {
    const { items } = await weaken(gated(0), 0);
    expect(items[0]).toMatchObject({ kind: 'unit' });
  });
});

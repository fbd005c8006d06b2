import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { float, int, string } from '../../src/ir/attribute.js';
import { Builder } from '../../src/ir/builder.js';
import { Graph, type Value } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { printGraph } from '../../src/ir/text.js';
import { inferTypes } from '../../src/ops/index.js';
import { boundsOf } from '../../src/passkit/proofs/graph-bounds.js';
import { linearBounds } from '../../src/passkit/proofs/linear-bounds.js';
import { countProvedWithin, provedSlots } from '../../src/passkit/proofs/proved-slots.js';
import { at } from '../../src/support/assert.js';
import { type Random, seededRandom } from '../../src/support/random.js';
import { fakeProfile, graphOf, runGraph } from '../passes/support.js';

type Undecided = Parameters<typeof linearBounds>[2][number];

const width = 4;
const floats = (dims: readonly number[], random: Random, scale = 1): Tensor =>
  Tensor.floats(
    dims,
    Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => random.normal() * scale),
  );

/** A random network of dense layers, element-wise functions, residual sums, products, gates and reshapes. */
function network(random: Random, layers: number): { graph: Graph; score: Value } {
  const graph = new Graph('net');
  const builder = new Builder(graph);
  const x = graph.addInput('x', { type: 'float32', shape: ['N', width] });
  const values = [x];
  const any = (): Value => at(values, random.integer(values.length));
  const dense = (value: Value): Value => {
    const weights = builder.constant(floats([width, width], random));
    if (random.integer(2) === 0) return builder.op('MatMul', [value, weights]);
    const bias = builder.constant(floats([width], random));
    return builder.op('Gemm', [value, weights, bias], { transB: int(random.integer(2)) });
  };
  const functions = [
    'Relu',
    'Sigmoid',
    'Tanh',
    'Gelu',
    'Elu',
    'LeakyRelu',
    'HardSwish',
    'Mish',
    'Softplus',
    'Erf',
    'Abs',
  ];
  const steps: (() => Value)[] = [
    () => dense(any()),
    () => builder.op(at([...functions, 'Softsign', 'HardSigmoid', 'Selu'], random.integer(14)), [any()]),
    () => builder.op(at(['Add', 'Sub', 'Mul'], random.integer(3)), [any(), any()]),
    () =>
      builder.op(at(['Add', 'Sub', 'Mul', 'Div'], random.integer(4)), [
        any(),
        builder.constant(floats([width], random)),
      ]),
    () => builder.op('PRelu', [any(), builder.constant(floats([width], random))]),
    () => builder.op('Gate', [any(), any()], { threshold: float(random.normal()) }, 'ai.swan'),
    () => {
      const parameters = [1, 2, 3].map(() => builder.constant(floats([width], random)));
      const gelu = at(['sigmoid', 'tanh', 'erf'], random.integer(3));
      return builder.op('SGBlend', [any(), ...parameters], { gelu: string(gelu) }, 'ai.swan');
    },
    () => {
      const both = builder.op('Concat', [any(), any()], { axis: int(1) });
      const pairs = builder.reshape(both, [0, 2, width]);
      return builder.op('ReduceMean', [pairs, builder.int64s([1])], { keepdims: int(0) });
    },
  ];
  for (let layer = 0; layer < layers; layer++) {
    values.push(at(steps, random.integer(steps.length))());
    inferTypes(graph);
  }
  const score = dense(builder.op('Add', [at(values, -1), any()]));
  graph.setOutputs([score]);
  inferTypes(graph);
  graph.removeUnused();
  return { graph, score };
}

/** Random points of the box [low, high]^width, half of them corners, and what a search makes of the most extreme. */
async function extremes(graph: Graph, low: number, high: number, random: Random): Promise<[number, number][]> {
  let points = Array.from({ length: 256 }, (_, index) =>
    Array.from({ length: width }, () => {
      const part = random.uniform();
      return low + (high - low) * (index % 2 === 0 ? part : Math.round(part));
    }),
  );
  const found = Array.from({ length: width }, (): [number, number] => [Infinity, -Infinity]);
  for (let round = 0; round < 3; round++) {
    const rows = Tensor.floats([points.length, width], points.flat());
    const outputs = at(Object.values(await runGraph(graph, { x: rows })), 0).numbers();
    const best: number[][] = [];
    for (let unit = 0; unit < width; unit++) {
      const own = points.map((_, row) => at(outputs, row * width + unit));
      const [least, most] = [Math.min(...own), Math.max(...own)];
      found[unit] = [Math.min(at(found, unit)[0], least), Math.max(at(found, unit)[1], most)];
      best.push(at(points, own.indexOf(least)), at(points, own.indexOf(most)));
    }
    points = best.flatMap((point) =>
      Array.from({ length: 32 }, () =>
        point.map((x) => Math.min(high, Math.max(low, x + random.normal() * (high - low) * 0.1 ** round))),
      ),
    );
  }
  return found;
}

describe('bounds by linear functions', () => {
  test('hold for whatever random networks compute, in the corners and where a search leads', async () => {
    let tighter = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(2 ** 30), fc.integer({ min: 1, max: 8 }), async (seed, layers) => {
        const random = seededRandom(seed);
        const { graph, score } = network(random, layers);
        const low = random.normal();
        const high = low + random.uniform() * (random.integer(2) === 0 ? 0.1 : 3);
        const intervals = boundsOf(graph, [Math.fround(low), Math.fround(high)], [score]);
        const known = intervals.get(score)?.along(1);
        const found = await extremes(graph, Math.fround(low), Math.fround(high), random);
        for (let unit = 0; unit < width && known !== undefined; unit++) {
          const threshold = (known.low(unit) + known.high(unit)) / 2;
          const better = linearBounds(graph, intervals, [{ score, axis: 1, threshold }]).get(score);
          if (better === undefined) continue;
          tighter++;
          for (let other = 0; other < width; other++) {
            const [least, most] = at(found, other);
            const isHeld = least >= better.low(other) && most <= better.high(other);
            if (!isHeld)
              throw new Error(
                `[${least}, ${most}] is outside [${better.low(other)}, ${better.high(other)}] of unit ${other}\n${printGraph(graph)}`,
              );
          }
        }
      }),
      { numRuns: 80 },
    );
    expect(tighter).toBeGreaterThan(50);
  });

  /** Scores a · b − 2 for functions a = h and b = 1 − h of the same x in [0, 1]: their sum is 1, their ranges do not tell. */
  const cancelling = (relu: string, weights = '-1.0, 1.0') => `g (float[N, 1] x) => (float[N, 2] y)
<
  float[1, 2] w = {${weights}},
  float[2] b = {1.0, 0.0},
  float[2, 2] v = {1.0, 1.0, 1.0, -1.0},
  float[2] c = {-1.5, -0.5}
>
{
  h = Gemm (x, w, b)
  r = ${relu}
  s = Gemm (r, v, c)
  f = Gemm (r, v, c)
  y = ai.swan.Gate <name: string = "gate"> (f, s)
}`;

  test('prove what intervals do not: that what two units add cancels', async () => {
    for (const relu of ['Relu (h)', 'Identity (h)', 'LeakyRelu <alpha: float = 0.25> (h)']) {
      const graph = graphOf(cancelling(relu));
      const score = at(graph.nodes, 2).output;
      expect(boundsOf(graph, [0, 1], [score]).get(score)?.high(0)).toBeGreaterThan(0.4);
      const { off, fixed } = provedSlots(graph, [0, 1]);
      expect([...off.values()]).toEqual([[0]]);
      expect(fixed.get(at(graph.outputs, 0), 1, 0)).toBe(0);
      expect(provedSlots(graph, [-1, 1]).off.size).toBe(relu.startsWith('Identity') ? 1 : 0);
    }
  });

  test('count what the range of the profiled data proves of observed units', () => {
    const graph = graphOf(cancelling('Relu (h)'));
    const gate = at(graph.nodes, -1);
    const profile = { ...fakeProfile({ gate: [0, 0] }), inputRanges: [[0, 1] satisfies [number, number]] };
    expect(countProvedWithin(graph, profile, new Map([[gate, [0, 1]]])).get(gate)).toBe(1);
    const unknown = { ...profile, inputRanges: [null] };
    expect(countProvedWithin(graph, unknown, new Map([[gate, [0, 1]]])).get(gate)).toBe(0);
  });

  test('cost no more than their budget', () => {
    const graph = graphOf(cancelling('Relu (h)'));
    const score = at(graph.nodes, 2).output;
    const intervals = boundsOf(graph, [0, 1], [score]);
    const within = (budget: number) => linearBounds(graph, intervals, [{ score, axis: 1, threshold: 0 }], budget);
    expect(within(1000).get(score)?.high(0)).toBeCloseTo(-0.5, 5);
    expect(within(30).size).toBe(0);
  });

  /** Gates one behind the other, whose features and scores are products of `rows` rows with weights. */
  function gates(count: number, rows: number): { graph: Graph; undecided: Undecided[] } {
    const graph = new Graph('gates');
    const builder = new Builder(graph);
    const random = seededRandom(count + rows);
    let value = graph.addInput('x', { type: 'float32', shape: ['N', rows, width] });
    const undecided: Undecided[] = [];
    for (let gate = 0; gate < count; gate++) {
      const dense = () => builder.op('MatMul', [value, builder.constant(floats([width, width], random, 0.1))]);
      const [features, score] = [dense(), dense()];
      undecided.push({ score, axis: 2, threshold: 0 });
      value = builder.op('Gate', [features, score], { axis: int(2) }, 'ai.swan');
    }
    graph.setOutputs([value]);
    inferTypes(graph);
    return { graph, undecided };
  }

  /** How many weights are read for the bounds of all scores. */
  function readsFor({ graph, undecided }: ReturnType<typeof gates>, range?: [number, number], budget?: number): number {
    const intervals = boundsOf(
      graph,
      range,
      undecided.map(({ score }) => score),
    );
    let reads = 0;
    for (const { constant } of graph.nodes.flatMap(({ inputs }) => inputs.filter((input) => input !== undefined))) {
      if (constant === undefined) continue;
      const counting = new Proxy(constant.floats(), {
        get: (target, key) => {
          reads++;
          return Reflect.get(target, key);
        },
      });
      vi.spyOn(constant, 'floats').mockReturnValue(counting);
    }
    linearBounds(graph, intervals, undecided, budget);
    return reads;
  }

  test('read no weights where nothing bounds the input, or where the budget does not take all rows of a unit', () => {
    expect(readsFor(gates(10, 8))).toBe(0);
    const carried = 8 * width * (width + 16);
    expect(readsFor(gates(1, 8), [-1, 1], 7 * carried)).toBe(0);
    expect(readsFor(gates(1, 8), [-1, 1], 1000 * carried)).toBeGreaterThan(0);
  });

  test('of a score that costs too much leave the budget to the next', () => {
    const { graph, undecided } = gates(1, 64);
    const { score } = at(undecided, 0);
    const builder = new Builder(graph);
    const sum = builder.op(
      'Sub',
      [graph.inputs, graph.inputs].map((inputs) => at(inputs, 0)),
    );
    const mean = builder.op('ReduceMean', [sum, builder.int64s([1])]);
    graph.setOutputs([score, mean]);
    inferTypes(graph);
    const intervals = boundsOf(graph, [-1, 1], [score, mean]);
    const both = [...undecided, { score: mean, axis: 2, threshold: 0.5 }];
    const found = linearBounds(graph, intervals, both, 100_000);
    expect([found.has(score), found.get(mean)?.high(0)]).toEqual([false, expect.closeTo(0, 4)]);
  });
});

describe('a search for inputs on which a unit that is proved to be off fires', () => {
  test('finds none', async () => {
    let proved = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(2 ** 30), fc.integer({ min: 0, max: 5 }), async (seed, layers) => {
        const random = seededRandom(seed);
        const { graph, score } = network(random, layers);
        const found = await extremes(graph, -1, 1, random);
        // A threshold just above what the search reaches: where the proof holds it is nearly tight, or wrong.
        const builder = new Builder(graph);
        const threshold = Math.max(...found.map(([, most]) => most)) + 0.01;
        const gated = builder.op('Gate', [score, score], { threshold: float(Math.fround(threshold)) }, 'ai.swan');
        graph.setOutputs([gated]);
        inferTypes(graph);
        for (const scale of [1, 0.5]) {
          const { off } = provedSlots(graph, [-scale, scale]);
          const silent = (gated.producer && off.get(gated.producer)) ?? [];
          proved += silent.length;
          const fired = await extremes(graph, -scale, scale, random);
          for (const unit of silent) expect(fired[unit]?.map((x) => x + 0)).toEqual([0, 0]);
        }
      }),
      { numRuns: 40 },
    );
    expect(proved).toBeGreaterThan(20);
  });
});

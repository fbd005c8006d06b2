import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Graph, type Value } from '../../../src/ir/graph.js';
import { runOrder } from '../../../src/ir/run-order.js';
import { parseGraph } from '../../../src/ir/text.js';
import { modelBytes } from '../../../src/onnx/write.js';
import { inferTypes } from '../../../src/ops/index.js';
import { bestOrder } from '../../../src/passkit/memory/order.js';
import { peakAlong, peakOf, scheduleOf } from '../../../src/passkit/memory/schedule.js';
import { sizesOf } from '../../../src/passkit/memory/sizes.js';
import { defined } from '../../../src/support/assert.js';
import { seededRandom } from '../../../src/support/random.js';

function graphOf(text: string): Graph {
  const graph = parseGraph(text);
  inferTypes(graph);
  return graph;
}

const peak = (graph: Graph) => defined(peakOf(graph, sizesOf(graph)), 'the peak');

/** Sums of vectors of several lengths, which read one another in any way. */
const randomGraphs = fc.tuple(fc.integer({ min: 2, max: 9 }), fc.nat(2 ** 30)).map(([count, seed]) => {
  const random = seededRandom(seed);
  const graph = new Graph('random');
  const values: Value[] = [graph.addInput('x', { type: 'float32', shape: [4] })];
  for (let index = 0; index < count; index++) {
    const pick = (): Value => defined(values[random.integer(values.length)], 'a value');
    const sum = graph.addNode({ op: 'Sum', inputs: Array.from({ length: 1 + random.integer(3) }, pick) }).output;
    values.push(graph.addNode({ op: 'Concat', inputs: [sum], attributes: { axis: { kind: 'int', value: 0 } } }).output);
    const rows = 4 * (1 + random.integer(4));
    const wide = Array.from({ length: rows / 4 }, () => sum);
    const long = graph.addNode({ op: 'Concat', inputs: wide, attributes: { axis: { kind: 'int', value: 0 } } }).output;
    const least = graph.addNode({ op: 'ReduceMax', inputs: [long] }).output;
    values.push(graph.addNode({ op: 'Add', inputs: [sum, least] }).output);
  }
  graph.setOutputs([...values.slice(1).filter(({ uses }) => uses.length === 0)]);
  inferTypes(graph);
  return graph;
});

const eventsSchema = z.array(
  z.looseObject({
    cat: z.string(),
    name: z.string(),
    ts: z.number(),
    args: z.looseObject({ node_index: z.string().optional() }),
  }),
);

/** The nodes in the order in which ONNX Runtime ran them, by its own profile. */
async function profiledOrder(graph: Graph): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'swanc-order-'));
  try {
    const session = await InferenceSession.create(modelBytes(graph), {
      graphOptimizationLevel: 'disabled',
      enableProfiling: true,
      profileFilePrefix: join(folder, 'run'),
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
    });
    await session.run({ x: new OrtTensor('float32', new Float32Array(4), [4]) });
    session.endProfiling();
    await session.release();
    const file = defined(readdirSync(folder)[0], 'a profile');
    return eventsSchema
      .parse(JSON.parse(readFileSync(join(folder, file), 'utf8')))
      .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
      .sort((left, right) => left.ts - right.ts)
      .map(({ args }) => Number(args.node_index));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the order in which nodes run', () => {
  it("is that of ONNX Runtime's profile", async () => {
    await fc.assert(
      fc.asyncProperty(randomGraphs, async (graph) => {
        const { nodes } = graph;
        expect(await profiledOrder(graph)).toEqual(runOrder(nodes).map((node) => nodes.indexOf(node)));
      }),
      { numRuns: 12 },
    );
  });
});

describe('memory in use', () => {
  it('counts inputs and outputs throughout, and other values while they are read', () => {
    const graph = graphOf(`g (float[100] x) => (float[100] y) {
      a = Relu(x)
      b = Relu(a)
      y = Relu(b)
    }`);
    const { bytes, node, live } = peak(graph);
    expect(bytes).toBe(1200);
    expect(node.op).toBe('Relu');
    expect(live.map(({ value }) => value.name)).toEqual(['x', 'a', 'b']);
  });

  it('takes another shape for the same memory', () => {
    const text = (op: string): string => `g (float[100] x) => (float[50, 2] y) <int64[2] shape = {50, 2}> {
      a = Relu(x)
      b = ${op}
      y = Relu(b)
    }`;
    const graph = graphOf(text('Reshape(a, shape)'));
    expect(peak(graph).bytes).toBe(1200);
    expect(peak(graph).live.map(({ value }) => value.name)).toEqual(['x', 'a', 'y']);
  });

  it('takes what is made of constants for weights', () => {
    const graph =
      graphOf(`g (float[100] x) => (float[100] y) <float[100] w = {${Array(100).fill(1).join()}}, int64[2] shape = {100, 1}> {
      v = Exp(w)
      r = Reshape(v, shape)
      s = ReduceMax <keepdims = 0> (r)
      y = Add(x, s)
    }`);
    expect(peak(graph).bytes).toBe(800);
  });

  it('takes the larger branch', () => {
    const graph = graphOf(`g (float[100] x, bool c) => (float[100] y) {
      y = If(c) <
        then_branch = yes () => (float[100] t) {
          t = Relu(x)
        },
        else_branch = no () => (float[100] e) {
          e1 = Concat <axis = 0> (x, x, x)
          e2 = ReduceMax(e1)
          e = Add(x, e2)
        }
      >
    }`);
    const { bytes, node, live } = peak(graph);
    expect(node.op).toBe('ReduceMax');
    expect(live.map(({ value }) => value.name)).toEqual(['e1', 'x', 'e2', 'c']);
    expect(bytes).toBe(1200 + 400 + 4 + 1);
  });

  it('counts all units where the input decides how many there are', () => {
    const graph = graphOf(`g (float[1, 50] x) => (float[1] y) <int64[1] axes = {0}> {
      n = NonZero(x)
      g = Gather <axis = 0> (x, axes)
      y = ReduceMax <keepdims = 0> (g, axes)
    }`);
    expect(peakOf(graph, sizesOf(graph))?.bytes).toBeGreaterThan(0);
    const open = graphOf(`g (float[n] x) => (float[n] y) {
      y = Relu(x)
    }`);
    expect(peakOf(open, sizesOf(open))).toBeUndefined();
  });
});

/** The peak of every order in which producers come first. */
function leastOfAll(graph: Graph): number {
  const schedule = defined(scheduleOf(graph, sizesOf(graph)), 'a schedule');
  let least = Number.POSITIVE_INFINITY;
  const visit = (order: number[]): void => {
    if (order.length === schedule.nodes.length) least = Math.min(least, peakAlong(schedule, order).bytes);
    for (const [node, inputs] of schedule.inputs.entries()) {
      if (!order.includes(node) && inputs.every((input) => order.includes(input))) visit([...order, node]);
    }
  };
  visit([]);
  return least;
}

describe('the best order', () => {
  it('is no worse than the one before, and no better than the least of all', () => {
    fc.assert(
      fc.property(randomGraphs, (graph) => {
        const schedule = defined(scheduleOf(graph, sizesOf(graph)), 'a schedule');
        const { order, before, least } = bestOrder(schedule);
        expect(before.bytes).toBe(peak(graph).bytes);
        expect(order.bytes).toBeLessThanOrEqual(before.bytes);
        expect(order.bytes).toBeGreaterThanOrEqual(least ?? 0);
        graph.reorder(order.nodes.map((index) => defined(schedule.nodes[index], 'a node')));
        expect(peak(graph).bytes).toBe(order.bytes);
      }),
      { numRuns: 40 },
    );
  });

  it('knows the least of all orders', () => {
    fc.assert(
      fc.property(
        randomGraphs.filter(({ nodes }) => nodes.length <= 10),
        (graph) => {
          const { least } = bestOrder(defined(scheduleOf(graph, sizesOf(graph)), 'a schedule'));
          expect(least).toBe(leastOfAll(graph));
        },
      ),
      { numRuns: 30 },
    );
  });
});

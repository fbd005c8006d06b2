import { describe, expect, it } from 'vitest';
import { orderForMemory } from '../../passes/order-for-memory.js';
import { passContext } from '../../src/compiler/model/context.js';
import type { Graph } from '../../src/ir/graph.js';
import { parseGraph, printGraph } from '../../src/ir/text.js';
import { inferTypes } from '../../src/ops/index.js';
import { peakOf } from '../../src/passkit/memory/schedule.js';
import { sizesOf } from '../../src/passkit/memory/sizes.js';
import type { Target } from '../../src/passkit/target.js';
import { openRuntime } from '../../src/runtime/session.js';
import { cpu } from '../../targets/cpu.js';
import { edge } from '../../targets/edge.js';

const runtime = await openRuntime({ prefer: 'node' });
const contextOf = (target: Target) => ({ ...passContext(runtime, {}), target });

/** Two branches: what is wide in the first is needed no more when the second runs, unless that ran before. */
const branches = (size: string): string => `g (float[${size}] x) => (float[${size}] y) <int64[1] axes = {0}> {
  a1 = Concat <axis = 0> (x, x, x, x, x, x, x, x)
  a2 = ReduceMax(a1)
  b1 = Concat <axis = 0> (x, x, x, x)
  b2 = Relu(b1)
  s = Add(b2, a2)
  m = ReduceMax(s)
  y = Add(x, m)
}`;

function graphOf(text: string): Graph {
  const graph = parseGraph(text);
  inferTypes(graph);
  return graph;
}

const peak = (graph: Graph): number => peakOf(graph, sizesOf(graph))?.bytes ?? Number.NaN;

describe('order-for-memory', () => {
  it('runs the branch first that leaves less than it takes, and stays when nodes are sorted', async () => {
    const graph = graphOf(branches('10'));
    const before = peak(graph);
    const { findings } = await orderForMemory.run(graph, contextOf(edge));
    expect(findings).toMatchObject([{ done: true, what: expect.stringContaining('no order takes less') }]);
    const after = peak(graph);
    expect(after).toBeLessThan(before);
    graph.sort();
    expect(peak(graph)).toBe(after);
  });

  it('orders nested graphs, too', async () => {
    const nested = branches('10')
      .replace(/^g .*=>/, 'yes () =>')
      .replaceAll('y)', 't)')
      .replace('y = Add', 't = Add');
    const other = 'no () => (float[10] e) { e = Relu(x) }';
    const graph = graphOf(`g (float[10] x, bool c) => (float[10] y) {
      y = If(c) <
        then_branch = ${nested},
        else_branch = ${other}
      >
    }`);
    const before = peak(graph);
    await orderForMemory.run(graph, contextOf(edge));
    expect(peak(graph)).toBeLessThan(before);
  });

  it('leaves alone what it cannot count, and other targets', async () => {
    const open = graphOf(branches('n'));
    const { findings } = await orderForMemory.run(open, contextOf(edge));
    expect(findings).toMatchObject([{ done: false, what: 'sizes are open' }]);
    const graph = graphOf(branches('10'));
    const text = printGraph(graph);
    expect((await orderForMemory.run(graph, contextOf(cpu))).findings).toEqual([]);
    expect(printGraph(graph)).toBe(text);
  });
});

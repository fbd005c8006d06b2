import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/ir/graph.js';
import { Tensor } from '../../src/ir/tensor.js';
import { boundsOf } from '../../src/passkit/proofs/graph-bounds.js';
import { at } from '../../src/support/assert.js';
import { graphOf, runGraph } from '../passes/support.js';

const boundsOfOutput = (graph: Graph) => boundsOf(graph, [0, 5], graph.outputs).get(at(graph.outputs, 0));

describe('bounds of an input range', () => {
  test('are carried through float32', () => {
    const bounds = boundsOfOutput(
      graphOf('g (float[N, 4] x) => (float[N, 4] y) <float[1] k = {10.0}> { y = Sub (x, k) }'),
    );
    expect(bounds?.low(0)).toBeCloseTo(-10, 4);
    expect(bounds?.high(0)).toBeCloseTo(-5, 4);
  });

  test('are computed of what is wanted and what that depends on, and no further', () => {
    const graph = graphOf(`g (float[N, 4] x) => (float[N, 4] y, float[N, 4] z)
{
  a = Relu (x)
  y = Relu (a)
  z = Relu (a)
}`);
    const [y] = graph.outputs;
    const names = [...boundsOf(graph, [0, 5], y === undefined ? [] : [y]).keys()].map(({ name }) => name);
    expect(names).toEqual(['x', 'a', 'y']);
    expect([...boundsOf(graph, [0, 5], []).keys()].map(({ name }) => name)).toEqual(['x']);
  });

  test('are not known of whole numbers, which wrap around', async () => {
    const graph = graphOf(`g (uint8[N, 4] x) => (float[N, 4] y)
<
  uint8[1] k = {10}
>
{
  d = Sub (x, k)
  y = Cast <to: int = 1> (d)
}`);
    const x = new Tensor('uint8', [1, 4], Uint8Array.of(0, 1, 2, 5));
    expect((await runGraph(graph, { x })).y?.numbers()).toEqual([246, 247, 248, 251]);
    expect(boundsOfOutput(graph)).toBeUndefined();
  });

  test('are not known where a float32 input becomes whole numbers on the way', () => {
    const graph = graphOf(`g (float[N, 4] x) => (float[N, 4] y)
<
  uint8[1] k = {10}
>
{
  whole = Cast <to: int = 2> (x)
  d = Sub (whole, k)
  y = Cast <to: int = 1> (d)
}`);
    expect(boundsOfOutput(graph)).toBeUndefined();
  });
});
